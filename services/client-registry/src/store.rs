//! What a read outside a transaction needs.

use database::{Database, DbErr};
use keyring::Keyring;
use sea_orm::DatabaseConnection;

/// The database and the keys that open its personal columns. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Store {
    pub db: Database,
    pub keyring: Keyring,
}

impl Store {
    /// The connection for reads.
    pub fn reader(&self) -> &DatabaseConnection {
        self.db.reader()
    }
}

/// Rows per page as the database counts them.
pub(crate) fn limit(page: &command::paging::Page) -> u64 {
    u64::from(page.size) + 1
}

/// A stored text that does not read back as what this release wrote.
pub(crate) fn unreadable(what: &str, error: impl std::fmt::Display) -> DbErr {
    DbErr::Type(format!("{what}: {error}"))
}

/// The ids of a page out of a set that a caller may see, so that a query names no more than it answers.
pub(crate) fn page_of(ids: &std::collections::BTreeSet<String>, page: &command::paging::Page) -> Vec<String> {
    use std::ops::Bound::{Excluded, Unbounded};
    let from = page.after.as_deref().map_or(Unbounded, Excluded);
    ids.range::<str, _>((from, Unbounded)).take(page.size as usize + 1).cloned().collect()
}

//! Who is told of critical incidents, as those see it who keep a copy of it (SOP 8.2): one revision for the firm, which rises
//! with each change that a copy must follow. What is told to whom stands in `permit`.

mod repo;

use command::{Fault, Unit};
use database::ConnectionTrait;

use crate::events::publish;

/// A client's side may have changed: its contacts, its name, or that it is there.
///
/// # Errors
/// The database's.
pub(crate) async fn client_changed(unit: &Unit<'_>, client: &str) -> Result<(), Fault> {
    let revision = repo::next(unit.tx()).await?;
    publish::incident_parties_changed(unit, Some(client), revision).await
}

/// The firm's side may have changed: who is in management, who stands in for them, how they are reached, the policy.
///
/// # Errors
/// The database's.
pub(crate) async fn firm_changed(unit: &Unit<'_>) -> Result<(), Fault> {
    let revision = repo::next(unit.tx()).await?;
    publish::incident_parties_changed(unit, None, revision).await
}

/// The revision up to which everything that is read after it is known.
///
/// # Errors
/// The database's.
pub(crate) async fn revision<C: ConnectionTrait>(conn: &C) -> Result<u64, Fault> {
    repo::current(conn).await
}

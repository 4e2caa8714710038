//! A person on the client's side: state and transitions, no I/O.

use business_time::Timestamp;

/// A person on the client's side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Contact {
    pub client: String,
    pub id: String,
    pub details: Details,
    pub revision: u64,
    pub create_time: Timestamp,
    pub update_time: Timestamp,
}

/// What CreateContact and UpdateContact set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Details {
    pub display_name: String,
    pub email: String,
    pub phone: Option<String>,
    pub confirms: bool,
    pub inactive: bool,
}

impl Contact {
    /// A new contact.
    pub fn introduce(client: &str, id: &str, details: Details, now: Timestamp) -> Self {
        Self { client: client.to_owned(), id: id.to_owned(), details, revision: 1, create_time: now, update_time: now }
    }

    /// Replaces everything but the name. One who left may come back.
    pub fn change(&mut self, details: Details, now: Timestamp) {
        self.details = details;
        self.revision += 1;
        self.update_time = now;
    }
}

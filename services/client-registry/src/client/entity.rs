//! A client: state and transitions, no I/O.

use business_time::Timestamp;

use super::ClientError;

/// An individual or organization for whom services are provided (SOP 3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Client {
    pub id: String,
    pub display_name: String,
    pub calendar: String,
    /// Exactly one (SOP 9), which is why it is no option.
    pub account_manager: String,
    pub readers: Readers,
    pub revision: u64,
    pub create_time: Timestamp,
    pub update_time: Timestamp,
}

/// What CreateClient and UpdateClient are given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Details {
    pub display_name: String,
    pub calendar: String,
    pub account_manager: String,
    pub readers: Readers,
}

/// For whom texts to a client are written (SOP 4.3).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Readers {
    pub level: ReadingLevel,
    /// Terms and abbreviations that they know.
    pub glossary: Vec<String>,
}

/// How used readers are to such texts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ReadingLevel {
    #[default]
    General,
    Professional,
    Expert,
}

impl Client {
    /// A new client.
    pub fn register(id: &str, details: Details, now: Timestamp) -> Self {
        Self {
            id: id.to_owned(),
            display_name: details.display_name,
            calendar: details.calendar,
            account_manager: details.account_manager,
            readers: details.readers,
            revision: 1,
            create_time: now,
            update_time: now,
        }
    }

    /// Changes its name, calendar and readers. The account manager is repeated, never changed.
    pub fn change(&mut self, details: Details, now: Timestamp) -> Result<(), ClientError> {
        if details.account_manager != self.account_manager {
            return Err(ClientError::UseTransferAccount);
        }
        self.display_name = details.display_name;
        self.calendar = details.calendar;
        self.readers = details.readers;
        self.changed(now);
        Ok(())
    }

    /// Replaces the account manager. False where it is this one already, and nothing changes.
    pub fn transfer(&mut self, to: &str, now: Timestamp) -> bool {
        if self.account_manager == to {
            return false;
        }
        to.clone_into(&mut self.account_manager);
        self.changed(now);
        true
    }

    fn changed(&mut self, now: Timestamp) {
        self.revision += 1;
        self.update_time = now;
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn details(manager: &str) -> Details {
        Details {
            display_name: "Acme".into(),
            calendar: "firm".into(),
            account_manager: manager.into(),
            readers: Readers::default(),
        }
    }

    fn acme() -> Client {
        Client::register("acme", details("anna"), Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn an_update_with_another_account_manager_is_refused_and_changes_nothing() {
        let mut client = acme();
        assert_eq!(client.change(details("bo"), Timestamp::UNIX_EPOCH), Err(ClientError::UseTransferAccount));
        assert_eq!(client, acme());
        client.change(Details { calendar: "own".into(), ..details("anna") }, Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!((client.calendar.as_str(), client.revision), ("own", 2));
    }

    #[test]
    fn a_transfer_replaces_the_one_account_manager_and_to_the_same_one_changes_nothing() {
        let mut client = acme();
        assert!(!client.transfer("anna", Timestamp::UNIX_EPOCH));
        assert_eq!(client.revision, 1);
        assert!(client.transfer("bo", Timestamp::UNIX_EPOCH));
        assert_eq!((client.account_manager.as_str(), client.revision), ("bo", 2));
    }
}

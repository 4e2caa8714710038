//! A person on the client's side: state and transitions, no I/O.

use business_time::Timestamp;

use super::ContactError;
use crate::address;

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
    /// A new contact. `official_domain` is the present policy's, where there is one.
    pub fn introduce(
        client: &str,
        id: &str,
        details: Details,
        official_domain: Option<&str>,
        now: Timestamp,
    ) -> Result<Self, ContactError> {
        details.check(official_domain)?;
        let (client, id) = (client.to_owned(), id.to_owned());
        Ok(Self { client, id, details, revision: 1, create_time: now, update_time: now })
    }

    /// Replaces everything but the name. One who left may come back.
    pub fn change(
        &mut self,
        details: Details,
        official_domain: Option<&str>,
        now: Timestamp,
    ) -> Result<(), ContactError> {
        details.check(official_domain)?;
        self.details = details;
        self.revision += 1;
        self.update_time = now;
        Ok(())
    }

    /// Whether they may confirm for the client (SOP 8.4): from an address of the firm they would be both parties.
    pub fn may_confirm(&self, official_domain: Option<&str>) -> bool {
        self.details.confirms && !self.details.inactive && !self.details.is_of_firm(official_domain)
    }
}

impl Details {
    /// The address of one who left is not held against a policy: they could not be let go otherwise once a later one names
    /// its domain.
    fn check(&self, official_domain: Option<&str>) -> Result<(), ContactError> {
        if !self.inactive && self.is_of_firm(official_domain) { Err(ContactError::FirmAddress) } else { Ok(()) }
    }

    /// Whether the address is the firm's; its service address is of the official domain too.
    fn is_of_firm(&self, official_domain: Option<&str>) -> bool {
        official_domain.is_some_and(|domain| address::is_of_domain(&self.email, domain))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    const FIRM: Option<&str> = Some("firm.example");

    fn details(email: &str) -> Details {
        Details { display_name: "Jo".into(), email: email.into(), phone: None, confirms: true, inactive: false }
    }

    fn introduce(email: &str, domain: Option<&str>) -> Result<Contact, ContactError> {
        Contact::introduce("acme", "jo", details(email), domain, Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn an_address_of_the_firm_is_no_contacts_once_a_policy_names_the_domain() {
        assert_eq!(introduce("jo@Firm.example", FIRM), Err(ContactError::FirmAddress));
        introduce("jo@firm.example", None).unwrap();
        let mut jo = introduce("jo@acme.example", FIRM).unwrap();
        let moved = jo.change(details("jo@firm.example"), FIRM, Timestamp::UNIX_EPOCH);
        assert_eq!((moved, jo.revision), (Err(ContactError::FirmAddress), 1), "a refused change changes nothing");
    }

    #[test]
    fn one_whose_address_a_later_policy_makes_the_firms_confirms_nothing_and_may_be_let_go() {
        let mut jo = introduce("jo@firm.example", None).unwrap();
        assert!(jo.may_confirm(None) && jo.may_confirm(Some("other.example")) && !jo.may_confirm(FIRM));
        let gone = Details { inactive: true, ..details("jo@firm.example") };
        jo.change(gone, FIRM, Timestamp::UNIX_EPOCH).unwrap();
        assert!(!jo.may_confirm(None));
    }
}

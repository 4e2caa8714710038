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
    /// Tried in this order after `phone`.
    pub other_phones: Vec<String>,
    pub confirms: bool,
    /// Marked as one who is told of a critical incident (SOP 8.2).
    pub told_of_incidents: bool,
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

/// Of a client's active contacts those who are told of a critical incident (SOP 8.2): who is marked, else who confirms, else
/// all. Only of those who can be `reached` at all, so that a mark on somebody who cannot leaves nobody untold.
pub(crate) fn told_of_incidents(
    active: Vec<Contact>,
    official_domain: &str,
    reached: impl Fn(&Contact) -> bool,
) -> Vec<Contact> {
    let active: Vec<_> = active.into_iter().filter(|contact| !contact.details.inactive && reached(contact)).collect();
    let marked = |contact: &Contact| contact.details.told_of_incidents;
    let confirming = |contact: &Contact| contact.may_confirm(Some(official_domain));
    if active.iter().any(marked) {
        active.into_iter().filter(marked).collect()
    } else if active.iter().any(confirming) {
        active.into_iter().filter(confirming).collect()
    } else {
        active
    }
}

impl Details {
    /// The numbers in the order in which they are tried.
    pub fn phones(&self) -> Vec<String> {
        self.phone.iter().chain(&self.other_phones).cloned().collect()
    }

    fn check_phones(&self) -> Result<(), ContactError> {
        let others = &self.other_phones;
        if self.phone.is_none() && !others.is_empty() {
            return Err(ContactError::PhoneMissing);
        }
        let twice = |(at, number): (usize, &String)| {
            self.phone.as_ref() == Some(number) || others.iter().take(at).any(|known| known == number)
        };
        match others.iter().enumerate().position(twice) {
            Some(at) => Err(ContactError::NumberTwice(at)),
            None => Ok(()),
        }
    }

    /// The address of one who left is not held against a policy: they could not be let go otherwise once a later one names
    /// its domain.
    fn check(&self, official_domain: Option<&str>) -> Result<(), ContactError> {
        self.check_phones()?;
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
        Details {
            display_name: "Jo".into(),
            email: email.into(),
            phone: None,
            other_phones: Vec::new(),
            confirms: true,
            told_of_incidents: false,
            inactive: false,
        }
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

    #[test]
    fn further_numbers_stand_behind_a_first_one_and_each_number_once() {
        let with = |phone: Option<&str>, others: &[&str]| {
            let (phone, other_phones) =
                (phone.map(str::to_owned), others.iter().map(|one| (*one).to_owned()).collect());
            let details = Details { phone, other_phones, ..details("jo@acme.example") };
            Contact::introduce("acme", "jo", details, FIRM, Timestamp::UNIX_EPOCH)
        };
        assert_eq!(with(None, &["+441"]), Err(ContactError::PhoneMissing));
        assert_eq!(with(Some("+441"), &["+442", "+441"]), Err(ContactError::NumberTwice(1)));
        assert_eq!(with(Some("+441"), &["+442", "+443", "+442"]), Err(ContactError::NumberTwice(2)));
        let jo = with(Some("+441"), &["+443", "+442"]).unwrap();
        assert_eq!(jo.details.phones(), ["+441", "+443", "+442"]);
    }

    #[test]
    fn of_an_incident_those_are_told_who_are_marked_else_who_confirm_else_everybody() {
        let contact = |id: &str, marked, confirms, phone: Option<&str>, inactive| {
            let details = Details {
                told_of_incidents: marked,
                confirms,
                phone: phone.map(str::to_owned),
                inactive,
                ..details(&format!("{id}@acme.example"))
            };
            Contact::introduce("acme", id, details, FIRM, Timestamp::UNIX_EPOCH).unwrap()
        };
        let told = |contacts: &[Contact], phone: bool| {
            let reached = |contact: &Contact| !phone || contact.details.phone.is_some();
            let told = told_of_incidents(contacts.to_vec(), "firm.example", reached);
            told.into_iter().map(|contact| contact.id).collect::<Vec<_>>()
        };
        let (al, bo, cy) = ("al", "bo", "cy");
        let all = [
            contact(al, false, false, Some("+441"), false),
            contact(bo, true, false, None, false),
            contact(cy, false, true, Some("+442"), false),
            contact("di", true, true, Some("+443"), true),
        ];
        assert_eq!(told(&all, false), [bo], "who left is told nothing");
        assert_eq!(told(&all, true), [cy], "a mark on one without a number leaves nobody untold");
        assert_eq!(told(&all[..1], true), [al]);
        assert!(told(&all[1..2], true).is_empty());
    }
}

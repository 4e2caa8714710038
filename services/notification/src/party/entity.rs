//! Who is told of critical incidents, as the registry said last. Pure.

use serde::{Deserialize, Serialize};

/// One side: a client's contacts, or the firm's management with its service address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Copy {
    /// What the client is called; empty for the firm.
    pub client_display_name: String,
    /// In the order in which they are told.
    pub people: Vec<Party>,
    /// The firm's service address; none for a client.
    pub sender: Option<Party>,
}

/// Somebody who is told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Party {
    /// `staff/…` or `clients/…/contacts/…`.
    pub person: String,
    /// What they are called.
    pub display_name: String,
    /// Their address; empty where it is not one to write to.
    pub email: String,
    /// In the order in which they are tried.
    pub phones: Vec<String>,
    /// In whose stead; empty otherwise.
    pub stands_in_for: String,
}

impl Copy {
    /// Who gets the mail: of management nobody's deputy, since whether somebody is absent the copy does not know.
    pub fn by_mail(&self) -> impl Iterator<Item = &Party> {
        self.people.iter().filter(|party| !party.email.is_empty() && party.stands_in_for.is_empty())
    }

    /// Who is called.
    pub fn by_phone(&self) -> impl Iterator<Item = &Party> {
        self.people.iter().filter(|party| !party.phones.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mail_goes_to_no_deputy_and_calls_to_whoever_has_a_number() {
        let party = |person: &str, email: &str, phones: &[&str], stands_in_for: &str| Party {
            person: person.into(),
            email: email.into(),
            phones: phones.iter().map(|phone| (*phone).to_owned()).collect(),
            stands_in_for: stands_in_for.into(),
            ..Party::default()
        };
        let copy = Copy {
            people: vec![
                party("a", "a@firm.example", &[], ""),
                party("d", "d@firm.example", &["1"], "a"),
                party("b", "", &["2"], ""),
            ],
            ..Copy::default()
        };
        let names = |found: Vec<&Party>| found.into_iter().map(|party| party.person.clone()).collect::<Vec<_>>();
        assert_eq!(names(copy.by_mail().collect()), ["a"]);
        assert_eq!(names(copy.by_phone().collect()), ["d", "b"]);
    }
}

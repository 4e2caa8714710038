use command::Fault;
use refusal::{Kind, Refusal};

use crate::name;

/// Why something about a contact is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ContactError {
    #[error("clients/{0}/contacts/{1} is not there")]
    NotFound(String, String),
    #[error("clients/{0}/contacts/{1} exists already")]
    Exists(String, String),
    #[error("the address is of the firm's official domain")]
    FirmAddress,
    #[error("further numbers stand without a first one")]
    PhoneMissing,
    #[error("further number {0} stands there before")]
    NumberTwice(usize),
}

impl From<ContactError> for Refusal {
    fn from(error: ContactError) -> Self {
        match error {
            ContactError::NotFound(client, id) => Self::not_found(name::contact(&client, &id)),
            ContactError::Exists(client, id) => {
                let name = name::contact(&client, &id);
                Self::new(Kind::Exists, "ALREADY_EXISTS", format!("{name} exists already; choose another id"))
                    .with("resource", name)
            }
            ContactError::FirmAddress => Self::field(
                "FIRM_ADDRESS",
                "contact.email",
                "is of the firm's official domain, so the firm would confirm in the client's stead",
            ),
            ContactError::PhoneMissing => Self::field(
                "PHONE_MISSING",
                "contact.phone",
                "is required where other_phones are given, which are tried after it",
            ),
            ContactError::NumberTwice(at) => Self::field(
                "NUMBER_TWICE",
                format!("contact.other_phones[{at}]"),
                "is phone, or stands before in other_phones; a number is tried once",
            ),
        }
    }
}

impl From<ContactError> for Fault {
    fn from(error: ContactError) -> Self {
        Self::Refused(error.into())
    }
}

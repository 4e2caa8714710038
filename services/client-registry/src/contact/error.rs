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
        }
    }
}

impl From<ContactError> for Fault {
    fn from(error: ContactError) -> Self {
        Self::Refused(error.into())
    }
}

use command::Fault;
use refusal::{Kind, Refusal};

use crate::name;

/// Why something about an engagement is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum EngagementError {
    #[error("clients/{0}/engagements/{1} is not there")]
    NotFound(String, String),
    #[error("clients/{0}/engagements/{1} exists already")]
    Exists(String, String),
}

impl From<EngagementError> for Refusal {
    fn from(error: EngagementError) -> Self {
        match error {
            EngagementError::NotFound(client, id) => Self::not_found(name::engagement(&client, &id)),
            EngagementError::Exists(client, id) => {
                let name = name::engagement(&client, &id);
                Self::new(Kind::Exists, "ALREADY_EXISTS", format!("{name} exists already; choose another id"))
                    .with("resource", name)
            }
        }
    }
}

impl From<EngagementError> for Fault {
    fn from(error: EngagementError) -> Self {
        Self::Refused(error.into())
    }
}

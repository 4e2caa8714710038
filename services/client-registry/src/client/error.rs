use command::Fault;
use refusal::{Kind, Refusal};

use crate::name;

/// Why something about a client is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ClientError {
    #[error("clients/{0} is not there")]
    NotFound(String),
    #[error("clients/{0} exists already")]
    Exists(String),
    #[error("only a transfer replaces the account manager")]
    UseTransferAccount,
}

impl From<ClientError> for Refusal {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::NotFound(id) => Self::not_found(name::client(&id)),
            ClientError::Exists(id) => {
                let name = name::client(&id);
                Self::new(Kind::Exists, "ALREADY_EXISTS", format!("{name} exists already; choose another id"))
                    .with("resource", name)
            }
            ClientError::UseTransferAccount => Self::field(
                "USE_TRANSFER_ACCOUNT",
                "client.account_manager",
                "is not the present one; only TransferAccount replaces it",
            ),
        }
    }
}

impl From<ClientError> for Fault {
    fn from(error: ClientError) -> Self {
        Self::Refused(error.into())
    }
}

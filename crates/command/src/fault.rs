use database::{DbErr, Retryable};
use refusal::Refusal;

/// How a unit of work ends without success: refused for a reason that the caller learns, or failed for one that the log
/// learns.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The rule says no.
    #[error("refused: {0}")]
    Refused(#[from] Refusal),
    /// The database failed.
    #[error("database: {0}")]
    Database(#[from] DbErr),
    /// Keys could not be had, or did not open what they should.
    #[error("keys: {0}")]
    Keys(#[from] keyring::Error),
    /// The event could not be written.
    #[error("event log: {0}")]
    EventLog(#[from] event_log::Error),
    /// Stored bytes are not what this release wrote.
    #[error("stored data: {0}")]
    Stored(String),
}

impl Fault {
    /// Stored bytes that do not decode.
    pub fn answer(error: prost::DecodeError) -> Self {
        Self::Stored(format!("does not decode: {error}"))
    }

    /// What the caller is told; what is ours is logged here, once, and told neutrally.
    pub fn into_refusal(self, action: &str) -> Refusal {
        match self {
            Self::Refused(refusal) => refusal,
            Self::Keys(keyring::Error::Erased { .. }) => Refusal::new(
                refusal::Kind::State,
                "CLIENT_ERASED",
                "this client's data was erased; nothing can be added",
            ),
            fault => {
                tracing::error!(error = %fault, action, "unit of work failed");
                Refusal::internal()
            }
        }
    }
}

impl Retryable for Fault {
    fn db_error(&self) -> Option<&DbErr> {
        match self {
            Self::Database(error) => Some(error),
            Self::Keys(error) => error.db_error(),
            Self::EventLog(error) => error.db_error(),
            Self::Refused(_) | Self::Stored(_) => None,
        }
    }
}

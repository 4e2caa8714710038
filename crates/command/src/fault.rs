use database::{DbErr, Retryable, is_transient};
use refusal::Refusal;
use timers::claim::Failure;

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
            fault if fault.db_error().is_some_and(is_transient) => {
                tracing::warn!(error = %fault, action, "the storage does not answer");
                Refusal::storage_unavailable()
            }
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

/// A timer that failed: the database's trouble counts for nobody, wherever it was met.
impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Database(error)
            | Fault::Keys(keyring::Error::Database(error))
            | Fault::EventLog(event_log::Error::Database(error)) => Self::Database(error),
            fault => Self::Retry(fault.to_string()),
        }
    }
}

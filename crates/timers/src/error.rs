use database::{DbErr, Retryable};

/// What goes wrong with timers as such; a row's own trouble is a [`Failure`](crate::claim::Failure) or an
/// [`Outcome`](crate::work::Outcome).
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database.
    #[error("database: {0}")]
    Database(#[from] DbErr),
    /// The claim has ended and somebody else has the work, or it was superseded: what was done under it is rolled back.
    #[error("the claim on work {0} is lost")]
    ClaimLost(uuid::Uuid),
    /// Work of this id is there with another kind or subject: two causes derived the same id.
    #[error("work {0} exists with another content")]
    IdTaken(uuid::Uuid),
    /// What a [`Due`](crate::Due) of a service tells.
    #[error("{0}")]
    Other(Box<dyn std::error::Error + Send + Sync>),
}

/// The crate's result.
pub type Result<T> = std::result::Result<T, Error>;

impl Retryable for Error {
    fn db_error(&self) -> Option<&DbErr> {
        match self {
            Self::Database(error) => Some(error),
            _ => None,
        }
    }
}

use sea_orm::DbErr;

/// What can go wrong in the log itself; a handler's trouble is a [`HandlerError`](crate::HandlerError).
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database.
    #[error("database: {0}")]
    Database(#[from] DbErr),
    /// Redis does not answer or refuses; the log goes on from the database.
    #[error("redis: {0}")]
    Redis(#[from] redis::RedisError),
    /// A stored, published or replayed event does not read as one.
    #[error("malformed event: {0}")]
    Malformed(String),
    /// The stream asked for is not produced here.
    #[error("the stream {0} is not here")]
    StreamNotHere(String),
    /// The producer could not be asked, or its answer cannot be right.
    #[error("replay: {0}")]
    Replay(String),
    /// An event of this id, but another aggregate or type, was told before: two causes derived the same id.
    #[error("event {0} was told before with another content")]
    IdTaken(uuid::Uuid),
}

/// The log's result.
pub type Result<T> = std::result::Result<T, Error>;

impl database::Retryable for Error {
    fn db_error(&self) -> Option<&DbErr> {
        match self {
            Self::Database(error) => Some(error),
            _ => None,
        }
    }
}

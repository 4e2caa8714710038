use async_trait::async_trait;
use database::{Database, DatabaseTransaction, DbErr, Retryable};

use crate::{Event, Position};

/// What a service does with another one's events.
#[async_trait]
pub trait Handler: Send + Sync {
    /// The subscription's name, unique in this service, for example `escalation.on-inquiry-received`. Renaming it begins anew.
    fn subscription(&self) -> &'static str;

    /// The producing service.
    fn stream(&self) -> &'static str;

    /// Does what an event asks for, in `tx` alone and in no other transaction; the position moves in the same. Events of an
    /// aggregate come in order, each once in the data; a call may be rolled back and come again. Rows are locked in the order
    /// of their ids. What needs the outside world becomes a work row, and ids of what is caused are derived from the event's.
    ///
    /// An event that is of no interest is answered with `Ok`; one whose type this release does not know with
    /// [`HandlerError::unknown`].
    async fn handle(&self, tx: &DatabaseTransaction, event: &Event) -> Result<(), HandlerError>;

    /// Brings this service up to date by the owner's list RPCs, because the events up to `position` are not to be had one
    /// by one (pruned, new incarnation, forked history). `position` was read before, so rows may be newer than it, and the
    /// events behind it come afterwards: of both only what has a higher (incarnation, revision) is applied. Open
    /// obligations are taken over too. The position moves there after `Ok`; a crash before that asks again.
    async fn snapshot(&self, db: &Database, position: Position) -> Result<(), HandlerError> {
        let _ = (db, position);
        Err(HandlerError::Permanent("no snapshot".into()))
    }
}

/// Why an event was not handled.
#[derive(Debug, thiserror::Error)]
pub enum HandlerError {
    /// It may work later: tried again with growing pauses, and after [`Tuning::tries`](crate::Tuning::tries) laid aside.
    #[error("not now")]
    Retry,
    /// It will not work by itself: laid aside at once. The reason is for people; nothing personal in it.
    #[error("{0}")]
    Permanent(String),
    /// The database: a conflict or an outage is tried again for ever and blames nobody, anything else is as
    /// [`HandlerError::Retry`].
    #[error("database: {0}")]
    Database(#[from] DbErr),
}

impl HandlerError {
    /// An event of a type that this release does not know.
    pub fn unknown(event: &Event) -> Self {
        Self::Permanent(format!("unknown type {}", event.type_name()))
    }
}

impl From<crate::Error> for HandlerError {
    fn from(error: crate::Error) -> Self {
        match error {
            crate::Error::Database(error) => Self::Database(error),
            crate::Error::Redis(_) | crate::Error::Replay(_) => Self::Retry,
            error => Self::Permanent(error.to_string()),
        }
    }
}

impl Retryable for HandlerError {
    fn db_error(&self) -> Option<&DbErr> {
        match self {
            Self::Database(error) => Some(error),
            _ => None,
        }
    }
}

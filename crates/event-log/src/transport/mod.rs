//! Where published events lie for readers: Redis or this process. Both behave alike, also in what they refuse.

mod bus;
mod redis;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;

pub use self::{bus::Bus, redis::RedisTransport};
use crate::{Position, Result};

/// The way events travel from relays to readers.
#[derive(Clone)]
pub enum Transport {
    /// Within this process; one bus for all its services.
    InProcess(Arc<Bus>),
    /// Redis streams.
    Redis(RedisTransport),
}

impl Transport {
    pub(crate) fn wire(&self) -> Arc<dyn Wire> {
        match self {
            Self::InProcess(bus) => bus.clone(),
            Self::Redis(redis) => Arc::new(redis.clone()),
        }
    }

    /// Whether a service's events travelled through it before, or something else lies where they would.
    ///
    /// # Errors
    /// The transport's.
    pub async fn has_stream(&self, service: &str) -> Result<bool> {
        let top = self.wire().top(&stream_name(service)).await?;
        Ok(top.stranger || top.at > Position::default())
    }

    /// Whether all who use it live in this process.
    pub fn is_in_process(&self) -> bool {
        matches!(self, Self::InProcess(_))
    }
}

/// The name of a service's stream.
pub(crate) fn stream_name(service: &str) -> String {
    format!("liaison.{service}.v1")
}

/// An entry as it lies in the stream. Whoever wrote it, its bytes may be anything.
pub(crate) type Entry = (Position, Vec<u8>);

/// The end of a stream.
#[derive(Clone, Debug, Default)]
pub(crate) struct Top {
    /// The highest id ever appended, also where its entry is gone; `0-0` where there is no stream.
    pub at: Position,
    /// The last entry that is there.
    pub entry: Option<Entry>,
    /// Something that is no stream lies under its name.
    pub stranger: bool,
}

/// What a relay does with a stream.
#[async_trait]
pub(crate) trait Wire: Send + Sync {
    /// Its end.
    async fn top(&self, stream: &str) -> Result<Top>;
    /// Appends in order and answers with the places refused because they are not above the top. Keeps about `keep`.
    async fn append(&self, stream: &str, entries: &[Entry], keep: u64) -> Result<Vec<Position>>;
    /// What lies at a place.
    async fn entry(&self, stream: &str, at: Position) -> Result<Option<Vec<u8>>>;
    /// Removes it, top and all.
    async fn delete(&self, stream: &str) -> Result<()>;
    /// A reader's own way in.
    fn feed(&self, stream: &str) -> Box<dyn Feed>;
}

/// What a reader does with a stream.
#[async_trait]
pub(crate) trait Feed: Send {
    /// Entries above `after`, in order; waits up to `wait` for the first. A call that is dropped loses nothing.
    async fn read(&mut self, after: Position, count: u32, wait: Duration) -> Result<Vec<Entry>>;
}

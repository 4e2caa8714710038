use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use tokio::sync::watch;

use super::{Entry, Feed, Top, Wire};
use crate::{Position, Result};

/// Streams within one process, shared by the services that run in it: what Redis is to them elsewhere, with the same
/// refusals and the same forgetting. Empty when the process starts; the relay fills it again from the database.
pub struct Bus {
    streams: Arc<Mutex<HashMap<String, Stream>>>,
    changed: watch::Sender<()>,
}

#[derive(Default)]
struct Stream {
    top: Position,
    entries: BTreeMap<Position, Vec<u8>>,
}

impl Bus {
    /// An empty bus.
    pub fn new() -> Arc<Self> {
        Arc::new(Self { streams: Arc::default(), changed: watch::Sender::new(()) })
    }

    fn streams(&self) -> MutexGuard<'_, HashMap<String, Stream>> {
        lock(&self.streams)
    }

    /// Forgets a stream, as a flushed Redis does.
    #[doc(hidden)]
    pub fn flush(&self, service: &str) {
        self.streams().remove(&super::stream_name(service));
    }

    /// Forgets single entries, the top staying where it is.
    #[doc(hidden)]
    pub fn forget(&self, service: &str, forgotten: impl Fn(Position) -> bool) {
        if let Some(stream) = self.streams().get_mut(&super::stream_name(service)) {
            stream.entries.retain(|at, _| !forgotten(*at));
        }
    }

    /// Goes back to an earlier state, as a failover to a stale replica does.
    #[doc(hidden)]
    pub fn rewind(&self, service: &str, top: Position) {
        if let Some(stream) = self.streams().get_mut(&super::stream_name(service)) {
            stream.entries.retain(|at, _| *at <= top);
            stream.top = stream.top.min(top);
        }
    }

    /// Writes what a stranger writes.
    #[doc(hidden)]
    pub fn write(&self, service: &str, at: Position, bytes: Vec<u8>) {
        let mut streams = self.streams();
        let stream = streams.entry(super::stream_name(service)).or_default();
        stream.top = stream.top.max(at);
        stream.entries.insert(at, bytes);
        drop(streams);
        self.changed.send_replace(());
    }

    /// What lies in a stream.
    #[doc(hidden)]
    pub fn entries(&self, service: &str) -> Vec<(Position, Vec<u8>)> {
        let streams = self.streams();
        let stream = streams.get(&super::stream_name(service));
        stream.map_or_else(Vec::new, |stream| stream.entries.iter().map(|(at, bytes)| (*at, bytes.clone())).collect())
    }
}

#[async_trait]
impl Wire for Bus {
    async fn top(&self, stream: &str) -> Result<Top> {
        let streams = self.streams();
        let Some(stream) = streams.get(stream) else { return Ok(Top::default()) };
        let entry = stream.entries.last_key_value().map(|(at, bytes)| (*at, bytes.clone()));
        Ok(Top { at: stream.top, entry, stranger: false })
    }

    async fn append(&self, stream: &str, entries: &[Entry], keep: u64) -> Result<Vec<Position>> {
        let mut refused = Vec::new();
        let mut streams = self.streams();
        let stream = streams.entry(stream.to_owned()).or_default();
        for (at, bytes) in entries {
            if *at <= stream.top {
                refused.push(*at);
                continue;
            }
            stream.top = *at;
            stream.entries.insert(*at, bytes.clone());
        }
        while u64::try_from(stream.entries.len()).unwrap_or(u64::MAX) > keep {
            stream.entries.pop_first();
        }
        drop(streams);
        self.changed.send_replace(());
        Ok(refused)
    }

    async fn entry(&self, stream: &str, at: Position) -> Result<Option<Vec<u8>>> {
        Ok(self.streams().get(stream).and_then(|stream| stream.entries.get(&at).cloned()))
    }

    async fn delete(&self, stream: &str) -> Result<()> {
        self.streams().remove(stream);
        Ok(())
    }

    fn feed(&self, stream: &str) -> Box<dyn Feed> {
        Box::new(BusFeed {
            stream: stream.to_owned(),
            streams: self.streams.clone(),
            changed: self.changed.subscribe(),
        })
    }
}

struct BusFeed {
    stream: String,
    streams: Arc<Mutex<HashMap<String, Stream>>>,
    changed: watch::Receiver<()>,
}

impl BusFeed {
    fn above(&self, after: Position, count: u32) -> Vec<Entry> {
        let streams = lock(&self.streams);
        let Some(stream) = streams.get(&self.stream) else { return Vec::new() };
        let above = (std::ops::Bound::Excluded(after), std::ops::Bound::Unbounded);
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        stream.entries.range(above).take(count).map(|(at, bytes)| (*at, bytes.clone())).collect()
    }
}

#[async_trait]
impl Feed for BusFeed {
    async fn read(&mut self, after: Position, count: u32, wait: Duration) -> Result<Vec<Entry>> {
        let deadline = tokio::time::Instant::now() + wait;
        loop {
            self.changed.mark_unchanged();
            let entries = self.above(after, count);
            if !entries.is_empty() {
                return Ok(entries);
            }
            match tokio::time::timeout_at(deadline, self.changed.changed()).await {
                Ok(Ok(())) => {}
                // The bus is gone, and with it its process but for this task.
                Ok(Err(_)) => {
                    tokio::time::sleep_until(deadline).await;
                    return Ok(Vec::new());
                }
                Err(_) => return Ok(Vec::new()),
            }
        }
    }
}

fn lock(streams: &Mutex<HashMap<String, Stream>>) -> MutexGuard<'_, HashMap<String, Stream>> {
    // A panic in another thread leaves no half-made stream behind: each change is made under one lock.
    streams.lock().unwrap_or_else(PoisonError::into_inner)
}

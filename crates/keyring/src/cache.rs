//! Unwrapped keys by key id, each for at most [`LIFE`].
//!
//! The id, not the owner, is the cache's key: a key made in a transaction that was rolled back has an id that no stored
//! value names, so it can never be taken for the one that another transaction made. A task wipes what has run out also
//! when nobody asks for anything; it ends with the last key.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::{Duration, Instant},
};

use business_time::SystemClock;
use uuid::Uuid;

use crate::{DataKey, Owner, Purpose};

/// How long an unwrapped key stays in memory, counted from when it was unwrapped; use does not lengthen it.
pub(crate) const LIFE: Duration = Duration::from_secs(60);

#[derive(Clone)]
pub(crate) struct Cache(Arc<Shared>);

struct Shared {
    clock: Arc<dyn SystemClock>,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    keys: HashMap<Uuid, (DataKey, Instant)>,
    swept: bool,
}

impl Cache {
    pub(crate) fn new(clock: Arc<dyn SystemClock>) -> Self {
        Self(Arc::new(Shared { clock, held: Mutex::default() }))
    }

    pub(crate) fn get(&self, id: Uuid) -> Option<DataKey> {
        let mut held = self.0.held();
        held.drop_expired(self.0.clock.monotonic());
        held.keys.get(&id).map(|(key, _)| key.clone())
    }

    pub(crate) fn put(&self, key: &DataKey) {
        let now = self.0.clock.monotonic();
        let mut held = self.0.held();
        held.drop_expired(now);
        held.keys.entry(key.id()).or_insert_with(|| (key.clone(), now));
        if !held.swept
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            held.swept = true;
            runtime.spawn(sweep(Arc::downgrade(&self.0)));
        }
    }

    pub(crate) fn drop_key(&self, owner: &Owner, purpose: Purpose) {
        self.0.held().keys.retain(|_, (key, _)| key.owner() != owner || key.purpose() != purpose);
    }

    /// As it is: what has run out but was not wiped yet counts.
    pub(crate) fn len(&self) -> usize {
        self.0.held().keys.len()
    }
}

impl Shared {
    // A panic elsewhere leaves the map whole: every change to it is a single call.
    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    fn drop_expired(&mut self, now: Instant) {
        self.keys.retain(|_, (_, since)| now.saturating_duration_since(*since) < LIFE);
    }
}

async fn sweep(shared: Weak<Shared>) {
    loop {
        let pause = {
            let Some(shared) = shared.upgrade() else { return };
            let now = shared.clock.monotonic();
            let mut held = shared.held();
            held.drop_expired(now);
            let Some(first) = held.keys.values().map(|(_, since)| *since).min() else {
                held.swept = false;
                return;
            };
            LIFE.saturating_sub(now.saturating_duration_since(first))
        };
        tokio::time::sleep(pause).await;
    }
}

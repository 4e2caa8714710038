use std::sync::Arc;

use async_trait::async_trait;
use business_time::SystemClock;
use database::{Database, for_update};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::{
    Error, Position, Replay, Replayer, Result, Rules, Transport, Tuning,
    outbox::{self, StreamRow},
    relay, replay,
};

/// One service's own log. Cheap to clone; a process makes one for each service it runs.
#[derive(Clone)]
pub struct EventLog {
    inner: Arc<Inner>,
}

#[derive(Clone)]
struct Inner {
    service: &'static str,
    db: Database,
    clock: Arc<dyn SystemClock>,
    transport: Transport,
    tuning: Tuning,
    rules: Rules,
    woken: Arc<Notify>,
}

/// What is under way in a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogActivity {
    /// Committed events that have no position yet.
    pub unrelayed: u64,
    /// The stream's incarnation now.
    pub incarnation: u64,
    /// The last position given; 0 where there is none. A subscription that stands here has handled everything.
    pub last_position: u64,
}

impl EventLog {
    /// The log of `service` in its database. Nothing runs yet: see [`EventLog::run_relay`].
    pub fn new(service: &'static str, db: Database, clock: Arc<dyn SystemClock>, transport: Transport) -> Self {
        let (tuning, rules) = (Tuning::default(), Rules::default());
        Self { inner: Arc::new(Inner { service, db, clock, transport, tuning, rules, woken: Arc::default() }) }
    }

    /// With other waits and sizes.
    #[must_use]
    pub fn with_tuning(self, tuning: Tuning) -> Self {
        Self { inner: Arc::new(Inner { tuning, ..(*self.inner).clone() }) }
    }

    /// With rules switched off, to show what they hold up.
    #[doc(hidden)]
    #[must_use]
    pub fn with_rules(self, rules: Rules) -> Self {
        Self { inner: Arc::new(Inner { rules, ..(*self.inner).clone() }) }
    }

    /// The service whose events these are.
    pub fn service(&self) -> &'static str {
        self.inner.service
    }

    /// Tells the relay that something was committed. Without it the relay finds out within [`Tuning::poll`].
    pub fn wake(&self) {
        self.inner.woken.notify_one();
    }

    /// Numbers and publishes until `shutdown`, then gives its lease back and returns. Any number of replicas may run it;
    /// one at a time works. Trouble with the database or the transport is logged and tried again, for ever.
    pub async fn run_relay(&self, shutdown: CancellationToken) {
        relay::run(self, shutdown).await;
    }

    /// The events behind a position, in order and without a hole, with what a reader must know of the stream. Another
    /// incarnation than the stream's, or a position whose events are gone, is answered from the beginning of what is there.
    ///
    /// `page`: at most this many (500 at most, and where it is 0), and no more than about 1 MiB.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn replay(&self, incarnation: u64, after: u64, page: u32) -> Result<Replay> {
        let page = if page == 0 { replay::PAGE } else { page.min(replay::PAGE) };
        let db = self.db();
        loop {
            let stream = self.stream_row().await?;
            let after = if incarnation == stream.last.incarnation
                && (after >= stream.pruned_through || !self.rules().pruned_through)
            {
                after
            } else {
                stream.pruned_through
            };
            let from = Position::new(stream.last.incarnation, after);
            let mut events = outbox::page(db.reader(), self.service(), from, page).await?;
            // Read again: what was pruned or raised between the two reads must not look like a hole.
            let now = self.stream_row().await?;
            if now.last.incarnation != stream.last.incarnation || now.pruned_through != stream.pruned_through {
                continue;
            }
            // The end as it was before the events were read: what was numbered since must not look like missing.
            let last = events.last().map_or(stream.last, |event| event.at.max(stream.last));
            replay::cut(&mut events);
            return Ok(Replay {
                events,
                incarnation: last.incarnation,
                last_position: last.position,
                pruned_through: if self.rules().pruned_through { stream.pruned_through } else { 0 },
            });
        }
    }

    /// Raises the incarnation by hand: the step of the restore runbook, where a restored database cannot show by itself that
    /// it is one. Every reader of this stream takes a snapshot. Answers with the new incarnation.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn new_incarnation(&self) -> Result<u64> {
        self.raise(None, 0).await.map(|stream| stream.last.incarnation)
    }

    /// What is under way.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn activity(&self) -> Result<LogActivity> {
        // In this order: a row that is numbered in between is told twice, never not at all.
        let unrelayed = outbox::count_unnumbered(self.db().reader()).await?;
        let last = self.stream_row().await?.last;
        Ok(LogActivity { unrelayed, incarnation: last.incarnation, last_position: last.position })
    }

    pub(crate) fn db(&self) -> &Database {
        &self.inner.db
    }

    pub(crate) fn clock(&self) -> &dyn SystemClock {
        &*self.inner.clock
    }

    pub(crate) fn transport(&self) -> &Transport {
        &self.inner.transport
    }

    pub(crate) fn tuning(&self) -> &Tuning {
        &self.inner.tuning
    }

    pub(crate) fn rules(&self) -> &Rules {
        &self.inner.rules
    }

    pub(crate) fn woken(&self) -> &Notify {
        &self.inner.woken
    }

    /// The stream's row, made where there is none.
    pub(crate) async fn stream_row(&self) -> Result<StreamRow> {
        if let Some(row) = StreamRow::find(self.db().reader(), self.service(), "").await? {
            return Ok(row);
        }
        StreamRow::create(self.db().writer(), self.service()).await?;
        let row = StreamRow::find(self.db().writer(), self.service(), "").await?;
        row.ok_or_else(|| Error::StreamNotHere(self.service().to_owned()))
    }

    /// Raises the incarnation above `above` too, unless it is no longer `only_from`; answers with the row as it is then.
    pub(crate) async fn raise(&self, only_from: Option<u64>, above: u64) -> Result<StreamRow> {
        self.stream_row().await?;
        let tx = self.db().begin().await?;
        let row = StreamRow::find(&tx, self.service(), for_update(self.db().backend())).await?;
        let mut row = row.ok_or_else(|| Error::StreamNotHere(self.service().to_owned()))?;
        if only_from.is_none_or(|incarnation| incarnation == row.last.incarnation) {
            row.raise(&tx, self.service(), above).await?;
        }
        tx.commit().await?;
        Ok(row)
    }
}

/// Asks the log itself, where reader and producer share a process.
#[async_trait]
impl Replayer for EventLog {
    async fn replay(&self, service: &str, incarnation: u64, after: u64, page: u32) -> Result<Replay> {
        if service != self.service() {
            return Err(Error::StreamNotHere(service.to_owned()));
        }
        Self::replay(self, incarnation, after, page).await
    }
}

//! Subscriptions: one position each, moved in the transaction that holds the effects.

mod batch;
mod chain;
mod handler;
mod redrive;
mod subscription;

use std::{
    panic::AssertUnwindSafe,
    sync::Arc,
    time::{Duration, Instant},
};

use business_time::SystemClock;
use database::Database;
use futures_util::FutureExt;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use self::{
    batch::{Condemned, Failure},
    chain::{Last, Stand, Verdict, Why},
    subscription::Row,
};
pub use self::{
    handler::{Handler, HandlerError},
    subscription::{SubscriptionState, subscriptions},
};
use crate::{
    Error, Event, Position, Replay, Replayer, Result, Rules, Transport, Tuning,
    lease::Lease,
    transport::{Feed, stream_name},
};

/// How long a producer may take to answer.
const ANSWER: Duration = Duration::from_secs(10);

/// One subscription's reader. Any number of replicas may run one; one at a time works.
pub struct Reader {
    db: Database,
    clock: Arc<dyn SystemClock>,
    transport: Transport,
    replayer: Arc<dyn Replayer>,
    handler: Arc<dyn Handler>,
    row: Row,
    tuning: Tuning,
    rules: Rules,
    after_commit: Vec<Box<dyn Fn() + Send + Sync>>,
}

impl Reader {
    /// A reader that works in `db`, hears through `transport` and asks `replayer` for what it did not hear. Nothing runs yet.
    pub fn new(
        db: Database,
        clock: Arc<dyn SystemClock>,
        transport: Transport,
        replayer: Arc<dyn Replayer>,
        handler: Arc<dyn Handler>,
    ) -> Self {
        let row = Row { subscription: handler.subscription(), stream: handler.stream() };
        let (tuning, rules) = (Tuning::default(), Rules::default());
        Self { db, clock, transport, replayer, handler, row, tuning, rules, after_commit: Vec::new() }
    }

    /// With other waits and sizes.
    #[must_use]
    pub fn with_tuning(self, tuning: Tuning) -> Self {
        Self { tuning, ..self }
    }

    /// With rules switched off, to show what they hold up.
    #[doc(hidden)]
    #[must_use]
    pub fn with_rules(self, rules: Rules) -> Self {
        Self { rules, ..self }
    }

    /// Calls `wake` after each commit, for example to wake this service's own log and timers.
    #[must_use]
    pub fn after_commit(mut self, wake: impl Fn() + Send + Sync + 'static) -> Self {
        self.after_commit.push(Box::new(wake));
        self
    }

    /// Reads and handles until `shutdown`; a batch that has begun is finished, then the lease is given back. Trouble is
    /// logged and tried again, for ever.
    pub async fn run(self, shutdown: CancellationToken) {
        let mut run = Run::new(&self);
        while !shutdown.is_cancelled() {
            let pause = match run.turn(&shutdown).await {
                Ok(pause) => {
                    run.troubles = 0;
                    pause
                }
                Err(error) => {
                    run.troubles += 1;
                    tracing::warn!(
                        subscription = self.row.subscription, stream = self.row.stream, %error,
                        "reader stopped short, trying again"
                    );
                    run.stand = None;
                    // What came by replay is asked for again at once; a producer that does not answer is not.
                    if !matches!(error, Error::Replay(_)) {
                        run.heard = None;
                    }
                    Some(self.tuning.backoff_after(run.troubles))
                }
            };
            if let Some(pause) = pause {
                tokio::select! {
                    () = shutdown.cancelled() => {}
                    () = tokio::time::sleep(pause) => {}
                }
            }
        }
        run.lease.release(&self.db).await;
    }

    /// What the producer has behind a position.
    async fn replay(&self, after: Position, page: u32) -> Result<Replay> {
        let asked = self.replayer.replay(self.row.stream, after.incarnation, after.position, page);
        tokio::time::timeout(ANSWER, asked).await.map_err(|_| Error::Replay("no answer in time".into()))?
    }
}

/// A reader at work.
struct Run<'a> {
    reader: &'a Reader,
    feed: Box<dyn Feed>,
    lease: Lease,
    ready: bool,
    /// Where it stands; none when that has to be read again.
    stand: Option<Stand>,
    /// When it last heard from the transport or the producer.
    heard: Option<Instant>,
    /// The event that fails now, and how often it did.
    failing: Option<(Uuid, u32)>,
    /// When it last looked for dead letters that are to be handled again.
    redriven: Option<Instant>,
    /// Its row may say that it stands still.
    stalled: bool,
    troubles: u32,
}

/// What a turn leaves to wait for before the next one.
type Pause = Option<Duration>;

impl<'a> Run<'a> {
    fn new(reader: &'a Reader) -> Self {
        let Row { subscription, stream } = reader.row;
        let key = [("subscription", subscription), ("stream", stream)];
        let alone = reader.transport.is_in_process();
        Self {
            reader,
            feed: reader.transport.wire().feed(&stream_name(stream)),
            lease: Lease::new("subscription", "reader", &key, reader.tuning.lease, alone),
            ready: false,
            stand: None,
            heard: None,
            failing: None,
            redriven: None,
            stalled: true,
            troubles: 0,
        }
    }

    async fn turn(&mut self, shutdown: &CancellationToken) -> Result<Pause> {
        let reader = self.reader;
        if !self.ready {
            reader.row.create(&reader.db).await?;
            self.ready = true;
        }
        if reader.rules.leases && !self.lease.hold(&reader.db, &*reader.clock).await? {
            self.stand = None;
            return Ok(Some(reader.tuning.lease / 8));
        }
        if let Some(pause) = self.redrive(shutdown).await? {
            return Ok(Some(pause));
        }
        let stand = self.stand().await?;
        let Some(wait) = self.time_to_listen() else {
            return match self.ask(shutdown).await {
                Err(Error::Replay(error)) => {
                    // The producer is down, and what it has published is there all the same.
                    tracing::warn!(subscription = reader.row.subscription, error, "producer does not answer");
                    self.heard = Some(reader.clock.monotonic());
                    Ok(None)
                }
                asked => asked,
            };
        };
        let entries = tokio::select! {
            () = shutdown.cancelled() => return Ok(None),
            entries = self.feed.read(stand.at, reader.tuning.batch, wait) => entries,
        };
        let entries = match entries {
            Ok(entries) => entries,
            Err(error) => {
                // The transport is down; the producer knows all the same.
                tracing::warn!(subscription = reader.row.subscription, %error, "transport does not answer");
                let pause = self.ask(shutdown).await?;
                return Ok(Some(pause.unwrap_or(reader.tuning.backoff_most.min(reader.tuning.quiet))));
            }
        };
        if entries.is_empty() {
            return Ok(None);
        }
        self.heard = Some(reader.clock.monotonic());
        let every = reader.rules.holes_inside_a_batch;
        let chain = chain::continue_from(stand, reader.row.stream, entries, every);
        if let Some(pause) = self.apply(&chain.events, shutdown).await? {
            return Ok(Some(pause));
        }
        if !chain.broken || self.stand.is_none() {
            return Ok(None);
        }
        let before = self.stand;
        let pause = self.ask(shutdown).await?;
        // What lies in the transport is no event and the producer has none: its relay will clear it away.
        let stuck = self.stand == before && pause.is_none();
        Ok(if stuck { Some(reader.tuning.backoff) } else { pause })
    }

    /// How long to listen before the producer is asked, which is also the first thing done.
    fn time_to_listen(&self) -> Option<Duration> {
        let Tuning { quiet, lease, .. } = self.reader.tuning;
        let silent = self.reader.clock.monotonic().saturating_duration_since(self.heard?);
        // Wakes in time to renew its lease.
        quiet
            .checked_sub(silent)
            .filter(|rest| !rest.is_zero())
            .map(|rest| rest.min(lease / 6).min(Duration::from_secs(1)))
    }

    async fn stand(&mut self) -> Result<Stand> {
        match self.stand {
            Some(stand) => Ok(stand),
            None => {
                let stand = self.reader.row.stand(&self.reader.db).await?;
                self.stand = Some(stand);
                Ok(stand)
            }
        }
    }

    /// Asks the producer until there is nothing more that was not handled.
    async fn ask(&mut self, shutdown: &CancellationToken) -> Result<Pause> {
        let reader = self.reader;
        while !shutdown.is_cancelled() {
            let stand = self.stand().await?;
            let replay = tokio::select! {
                () = shutdown.cancelled() => return Ok(None),
                replay = reader.replay(stand.at, reader.tuning.batch) => replay?,
            };
            self.heard = Some(reader.clock.monotonic());
            let (now, end) = (replay.incarnation, replay.last_position);
            match chain::judge(stand, reader.row.stream, replay) {
                Verdict::Take(events) => {
                    if let Some(pause) = self.apply(&events, shutdown).await? {
                        return Ok(Some(pause));
                    }
                    if self.stand.is_some_and(|stand| stand.at >= Position::new(now, end)) {
                        return Ok(None);
                    }
                }
                Verdict::Caught => {
                    if std::mem::take(&mut self.stalled) {
                        reader.row.go_on(&reader.db).await?;
                    }
                    return Ok(None);
                }
                Verdict::Join(at) => {
                    let to = Stand { at, last: Last::None };
                    let moved = reader.row.advance(reader.db.writer(), stand, to).await?;
                    self.stand = moved.map(|_| to);
                }
                Verdict::Snapshot(why) => {
                    if let Some(pause) = self.snapshot(stand, why, Position::new(now, end), shutdown).await? {
                        return Ok(Some(pause));
                    }
                }
                Verdict::Nonsense(what) => {
                    self.stalled = true;
                    reader.row.stall(&reader.db, what).await?;
                    return Err(Error::Replay(what.to_owned()));
                }
            }
            if reader.rules.leases && !self.lease.hold(&reader.db, &*reader.clock).await? {
                self.stand = None;
                return Ok(None);
            }
        }
        Ok(None)
    }

    /// Handles events that continue where the reader stands.
    async fn apply(&mut self, events: &[Event], shutdown: &CancellationToken) -> Result<Pause> {
        let reader = self.reader;
        let mut rest = events;
        let mut condemned = None;
        while let (Some(first), Some(stand)) = (rest.first(), self.stand) {
            if shutdown.is_cancelled() {
                return Ok(None);
            }
            match reader.transact(stand, rest, condemned.as_ref()).await {
                Ok(stand) => {
                    self.moved(stand);
                    return Ok(None);
                }
                Err(Failure::Moved) => {
                    tracing::info!(subscription = reader.row.subscription, "another reader has moved the position");
                    self.stand = None;
                }
                Err(Failure::Log(error)) => {
                    self.stand = None;
                    return Err(error);
                }
                // What precedes the failing event does not wait for it.
                Err(Failure::Event { index, .. }) if index > 0 => {
                    match reader.transact(stand, &rest[..index], condemned.as_ref()).await {
                        Ok(stand) => {
                            self.moved(stand);
                            rest = &rest[index..];
                            condemned = None;
                        }
                        Err(Failure::Log(error)) => {
                            self.stand = None;
                            return Err(error);
                        }
                        Err(Failure::Moved) => self.stand = None,
                        // It went well a moment ago; from the top.
                        Err(Failure::Event { .. }) => {}
                    }
                }
                Err(Failure::Event { reason, permanent, .. }) => {
                    let failures = self.failed(first);
                    tracing::warn!(
                        subscription = reader.row.subscription, event.id = %first.id, event.at = %first.at, failures, reason,
                        "event not handled"
                    );
                    if permanent || failures >= reader.tuning.tries {
                        condemned = Some(Condemned { id: first.id, reason });
                    } else {
                        // Asked for again at once after the pause, wherever it came from.
                        self.heard = None;
                        return Ok(Some(reader.tuning.backoff_after(failures)));
                    }
                }
            }
        }
        Ok(None)
    }

    /// How often this event has failed by now, in a row.
    fn failed(&mut self, event: &Event) -> u32 {
        let failures = match self.failing {
            Some((id, failures)) if id == event.id => failures + 1,
            _ => 1,
        };
        self.failing = Some((event.id, failures));
        failures
    }

    fn moved(&mut self, stand: Stand) {
        self.stand = Some(stand);
        self.failing = None;
        self.woken();
    }

    fn woken(&self) {
        for wake in &self.reader.after_commit {
            wake();
        }
    }

    /// Brings the service up to date by its own means: the position first, then what it stands for, then the move.
    async fn snapshot(&mut self, stand: Stand, why: Why, end: Position, shutdown: &CancellationToken) -> Result<Pause> {
        let reader = self.reader;
        let Row { subscription, stream } = reader.row;
        if why == Why::Fork {
            tracing::error!(subscription, stream, reader.at = %stand.at, producer.at = %end, "forked history");
            // Going back to where the producer is, while the transport still holds what the producer has lost, would do that
            // again. Its relay finds the same and raises the incarnation.
            if end < stand.at && !self.feed.read(end, 1, Duration::ZERO).await?.is_empty() {
                return self.stall("forked history: the transport is ahead of the producer").await;
            }
        }
        // The last event itself, so that the next one's predecessor can be checked.
        let before = Position { position: end.position.saturating_sub(1), ..end };
        let tail = reader.replay(before, 1).await?;
        if tail.incarnation != end.incarnation {
            return Ok(None);
        }
        let to = match tail.events.first() {
            Some(event) if event.at == end => Stand::behind(event),
            _ if end.position == 0 => Stand { at: end, last: Last::None },
            _ => Stand { at: end, last: Last::Unknown },
        };
        tracing::warn!(subscription, stream, reader.at = %stand.at, to = %to.at, why = why.text(), "taking a snapshot");
        let taken = tokio::select! {
            // A panic is a failure, as it is in a batch.
            taken = AssertUnwindSafe(reader.handler.snapshot(&reader.db, to.at)).catch_unwind() => taken,
            () = shutdown.cancelled() => return Ok(None),
            // Beside the snapshot and not between its steps: on SQLite both may wait for the one writer.
            () = self.lease.keep(&reader.db, &*reader.clock), if reader.rules.leases => {
                self.stand = None;
                return Ok(None);
            }
        };
        match taken {
            Ok(Ok(())) => {
                self.stand = reader.row.leap(&reader.db, stand, to, why).await?.then_some(to);
                self.woken();
                Ok(None)
            }
            Ok(Err(error)) => self.stall(&format!("{}, and the snapshot failed: {error}", why.text())).await,
            Err(_) => self.stall(&format!("{}, and the snapshot panicked", why.text())).await,
        }
    }

    /// Stands still for a while, says why, and asks again then.
    async fn stall(&mut self, reason: &str) -> Result<Pause> {
        let Row { subscription, stream } = self.reader.row;
        tracing::error!(subscription, stream, reason, "standing still");
        self.stalled = true;
        self.reader.row.stall(&self.reader.db, reason).await?;
        self.heard = None;
        Ok(Some(self.reader.tuning.backoff_most))
    }
}

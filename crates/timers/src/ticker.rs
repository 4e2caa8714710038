use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use business_time::{BusinessClock, Timestamp};
use database::{Database, is_transient};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::{Error, Result};

/// The longest sleep: a row that came in unannounced is at most this late.
const LONGEST: Duration = Duration::from_secs(1);

/// The longest sleep by a simulated clock, which may jump at any moment.
const LONGEST_SIMULATED: Duration = Duration::from_millis(10);

/// The first sleep when what is due cannot be had, because somebody else has it.
const SHORTEST: Duration = Duration::from_millis(10);

/// How many rows a batch has at most.
const BATCH: u32 = 100;

/// Something that falls due by rows.
#[async_trait]
pub trait Due: Send + Sync {
    /// Its name in logs and traces, for example `escalation.case-clocks`.
    fn name(&self) -> &'static str;

    /// The business time of the earliest row, due or not; asked before each sleep, so it is one read from an index.
    async fn next_due(&self, db: &Database) -> Result<Option<Timestamp>>;

    /// Claims and handles up to `limit` rows that are due at `now`, in one or more transactions of its own, and answers how many
    /// it took.
    async fn run_due(&self, now: Timestamp, limit: u32) -> Result<u32>;
}

/// Wakes a ticker or a worker, because a row came in that may be the earliest. Cheap to clone; call it after the commit.
#[derive(Clone, Debug, Default)]
pub struct Waker(Arc<Notify>);

impl Waker {
    /// Wakes it, also when it is busy now.
    pub fn wake(&self) {
        self.0.notify_one();
    }

    pub(crate) async fn woken(&self) {
        self.0.notified().await;
    }
}

/// Runs a [`Due`] whenever something is due.
pub struct Ticker {
    db: Database,
    clock: Arc<dyn BusinessClock>,
    due: Arc<dyn Due>,
    waker: Waker,
}

impl Ticker {
    /// A ticker; nothing runs yet.
    pub fn new(db: Database, clock: Arc<dyn BusinessClock>, due: Arc<dyn Due>) -> Self {
        Self { db, clock, due, waker: Waker::default() }
    }

    /// The handle that wakes it.
    pub fn wake(&self) -> Waker {
        self.waker.clone()
    }

    /// Runs until `shutdown`; a batch that has begun is finished. Trouble is logged and tried again, for ever. Any number of
    /// replicas may run.
    pub async fn run(self, shutdown: CancellationToken) {
        let mut fruitless = 0_u32;
        while !shutdown.is_cancelled() {
            let wait = match self.turn().await {
                Ok(Turn::Worked) => {
                    fruitless = 0;
                    continue;
                }
                Ok(Turn::NothingDue(wait)) => {
                    fruitless = 0;
                    wait
                }
                Ok(Turn::Taken) => {
                    fruitless += 1;
                    SHORTEST.saturating_mul(1 << fruitless.min(7))
                }
                Err(error) => {
                    fruitless += 1;
                    match &error {
                        Error::Database(error) if is_transient(error) => {
                            tracing::debug!(timer = self.due.name(), %error, "timers wait for the database");
                        }
                        _ => tracing::error!(timer = self.due.name(), %error, "timers not run"),
                    }
                    SHORTEST.saturating_mul(1 << fruitless.min(7))
                }
            };
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = self.waker.woken() => {}
                () = tokio::time::sleep(wait.min(LONGEST)) => {}
            }
        }
    }

    async fn turn(&self) -> Result<Turn> {
        let next = self.due.next_due(&self.db).await?;
        let now = self.clock.now();
        match next {
            Some(next) if next <= now => {
                let taken = self.due.run_due(now, BATCH).await?;
                Ok(if taken > 0 { Turn::Worked } else { Turn::Taken })
            }
            next => Ok(Turn::NothingDue(until(next, now, self.clock.simulated()))),
        }
    }
}

enum Turn {
    Worked,
    NothingDue(Duration),
    Taken,
}

/// How long to sleep until `next`.
pub(crate) fn until(next: Option<Timestamp>, now: Timestamp, simulated: bool) -> Duration {
    if simulated {
        return LONGEST_SIMULATED;
    }
    // A microsecond short of the due time would find nothing and sleep again.
    let wait = next.map_or(LONGEST, |next| Duration::try_from(next.duration_since(now)).unwrap_or_default());
    wait.saturating_add(Duration::from_micros(1)).min(LONGEST)
}

//! What happens to people by itself: their access ends, and what was theirs goes to somebody else (SOP 2, SOP 9). By their
//! rows, see `timers::claim`.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use async_trait::async_trait;
use business_time::Timestamp;
use command::{Commands, Fault};
use database::{Database, DatabaseTransaction};
use timers::{
    Backoff, Due, Waker,
    claim::{Claims, Clockwork, Failure, Next, Row, Table},
};

use super::deactivate::end_access;

/// The columns that they run by.
pub(crate) const TABLE: Table = Table::new("staff", "id");

const NAME: &str = "client-registry.access-ends";

/// Wakes whoever runs [`AccessEnds`], once somebody does. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Bell(Arc<OnceLock<Waker>>);

impl Bell {
    /// Whom to wake. Once, by whoever runs the clocks.
    pub fn hang(&self, waker: Waker) {
        // A second one is a mistake of the composition that costs at most a second's delay.
        let _ = self.0.set(waker);
    }

    /// To be called after a commit that set the end of an access, or where the clock was moved.
    pub fn ring(&self) {
        if let Some(waker) = self.0.get() {
            waker.wake();
        }
    }
}

/// The ends of people's access.
pub(crate) struct AccessEnds {
    commands: Commands,
    claims: Claims,
}

impl AccessEnds {
    /// Over the people in the commands' database.
    pub fn new(commands: Commands) -> Self {
        let hands = Hands { commands: commands.clone() };
        Self { claims: Claims::new(commands.db().clone(), Arc::new(hands)), commands }
    }
}

#[async_trait]
impl Due for AccessEnds {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn next_due(&self, db: &Database) -> timers::Result<Option<Timestamp>> {
        self.claims.next_due(db).await
    }

    async fn run_due(&self, now: Timestamp, limit: u32) -> timers::Result<u32> {
        let taken = self.claims.run_due(now, limit).await?;
        if taken > 0 {
            self.commands.committed();
        }
        Ok(taken)
    }
}

/// What is done with one row.
struct Hands {
    commands: Commands,
}

impl Hands {
    async fn turn(&self, tx: &DatabaseTransaction, row: &Row) -> Result<(), Fault> {
        let cause = format!("{NAME}/{}/{}", row.id, row.due_time);
        let unit = self.commands.unit(tx, "timer", NAME).caused_by(cause);
        end_access(&unit, &row.id).await?;
        unit.finish().await
    }
}

#[async_trait]
impl Clockwork for Hands {
    fn name(&self) -> &'static str {
        NAME
    }

    fn table(&self) -> Table {
        TABLE
    }

    async fn handle(&self, tx: &DatabaseTransaction, row: &Row, _: Timestamp) -> Result<Next, Failure> {
        // An end that is put off is written by whoever does it, and the row is locked here since it was claimed.
        self.turn(tx, row).await?;
        Ok(Next::Never)
    }

    /// Tried for ever, at last each five minutes: given up, a client would be left with an account manager who may not reach
    /// it any more (SOP 9). The log tells of it as an error.
    fn backoff(&self) -> Backoff {
        Backoff { most: Duration::from_secs(300), tries: u32::MAX, ..Backoff::default() }
    }
}

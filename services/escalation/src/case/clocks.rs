//! What happens to cases by itself: the clocks of all open cases, by their rows (see `timers::claim`).

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use business_time::Timestamp;
use command::{Commands, Fault};
use database::{Database, DatabaseTransaction};
use timers::{
    Backoff, Due,
    claim::{Claims, Clockwork, Failure, Next, Row, Table},
};

use super::{Cases, repo};

/// The columns that the clocks run by.
pub const TABLE: Table = Table::new("client_case", "id").with_epoch("epoch");

/// What one look at a row does at most; the rest follows at the next one, so that a long downtime makes no endless
/// transaction.
const AT_ONCE: usize = 50;

const NAME: &str = "escalation.case-clocks";

/// The clocks of cases.
pub struct CaseClocks {
    cases: Cases,
    claims: Claims,
}

impl CaseClocks {
    /// Over the cases in `db`.
    pub fn new(db: Database, cases: Cases) -> Self {
        let hands = Hands { cases: cases.clone() };
        Self { cases, claims: Claims::new(db, Arc::new(hands)) }
    }
}

#[async_trait]
impl Due for CaseClocks {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn next_due(&self, db: &Database) -> timers::Result<Option<Timestamp>> {
        self.claims.next_due(db).await
    }

    async fn run_due(&self, now: Timestamp, limit: u32) -> timers::Result<u32> {
        let taken = self.claims.run_due(now, limit).await?;
        if taken > 0 {
            self.cases.commands().committed();
        }
        Ok(taken)
    }
}

/// What is done with one row.
struct Hands {
    cases: Cases,
}

impl Hands {
    async fn turn(
        &self,
        commands: &Commands,
        tx: &DatabaseTransaction,
        row: &Row,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let cause = format!("{NAME}/{}/{}/{}", row.id, row.due_time, row.epoch);
        let unit = commands.unit(tx, "timer", NAME).caused_by(cause);
        let Some(mut stored) = self.cases.find(tx, &row.id, true).await? else { return Ok(()) };
        // Computed anew since it was claimed: whoever did that has written when it is due.
        if stored.case.epoch != row.epoch {
            return Ok(());
        }
        let facts = stored.case.catch_up(now, unit.now(), AT_ONCE);
        repo::save(&unit, &mut stored, &facts, None).await?;
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

    async fn handle(&self, tx: &DatabaseTransaction, row: &Row, now: Timestamp) -> Result<Next, Failure> {
        match self.turn(self.cases.commands(), tx, row, now).await {
            // `save` wrote when it is due next.
            Ok(()) => Ok(Next::AsWritten),
            Err(fault) => Err(fault.into()),
        }
    }

    /// Tried for ever, at last each five minutes: a clock that was given up would be a promise to a client that nobody keeps,
    /// and the log tells of it as an error.
    fn backoff(&self) -> Backoff {
        Backoff { most: Duration::from_secs(300), tries: u32::MAX, ..Backoff::default() }
    }
}

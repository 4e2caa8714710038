//! Drafts open by themselves, the lead time before their report is due.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use business_time::Timestamp;
use command::Fault;
use database::{Database, DatabaseTransaction};
use timers::{
    Backoff, Due,
    claim::{Claims, Clockwork, Failure, Next, Row, Table},
};

use super::Schedules;

/// The columns that the clock runs by.
pub const TABLE: Table = Table::new("schedule", "id");

const NAME: &str = "reporting.schedule-clocks";

/// The clocks of schedules.
pub struct ScheduleClocks {
    schedules: Schedules,
    claims: Claims,
}

impl ScheduleClocks {
    /// Over the schedules in `db`.
    pub fn new(db: Database, schedules: Schedules) -> Self {
        Self { schedules: schedules.clone(), claims: Claims::new(db, Arc::new(Hands { schedules })) }
    }
}

#[async_trait]
impl Due for ScheduleClocks {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn next_due(&self, db: &Database) -> timers::Result<Option<Timestamp>> {
        self.claims.next_due(db).await
    }

    async fn run_due(&self, now: Timestamp, limit: u32) -> timers::Result<u32> {
        let taken = self.claims.run_due(now, limit).await?;
        if taken > 0 {
            self.schedules.reports.committed();
        }
        Ok(taken)
    }
}

struct Hands {
    schedules: Schedules,
}

impl Hands {
    async fn turn(&self, tx: &DatabaseTransaction, row: &Row, now: Timestamp) -> Result<(), Fault> {
        let cause = format!("{NAME}/{}/{}", row.id, row.due_time);
        let unit = self.schedules.commands.unit(tx, "timer", NAME).caused_by(cause);
        self.schedules.open_due(&unit, &row.id, now).await?;
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
        // When the one after it opens is written there.
        Ok(self.turn(tx, row, now).await.map(|()| Next::AsWritten)?)
    }

    /// Tried for ever, at last each five minutes: a schedule that was given up would be a report that nobody writes.
    fn backoff(&self) -> Backoff {
        Backoff { most: Duration::from_secs(300), tries: u32::MAX, ..Backoff::default() }
    }
}

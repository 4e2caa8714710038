//! What happens to reports by itself: one that is not delivered at its due time is overdue.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use business_time::Timestamp;
use command::Fault;
use database::{Database, DatabaseTransaction};
use timers::{
    Backoff, Due,
    claim::{Claims, Clockwork, Failure, Next, Row, Table},
};

use super::{Reports, repo};

/// The columns that the clock runs by.
pub const TABLE: Table = Table::new("report", "id");

const NAME: &str = "reporting.report-clocks";

/// The clocks of reports.
pub struct ReportClocks {
    reports: Reports,
    claims: Claims,
}

impl ReportClocks {
    /// Over the reports in `db`.
    pub fn new(db: Database, reports: Reports) -> Self {
        Self { reports: reports.clone(), claims: Claims::new(db, Arc::new(Hands { reports })) }
    }
}

#[async_trait]
impl Due for ReportClocks {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn next_due(&self, db: &Database) -> timers::Result<Option<Timestamp>> {
        self.claims.next_due(db).await
    }

    async fn run_due(&self, now: Timestamp, limit: u32) -> timers::Result<u32> {
        let taken = self.claims.run_due(now, limit).await?;
        if taken > 0 {
            self.reports.committed();
        }
        Ok(taken)
    }
}

struct Hands {
    reports: Reports,
}

impl Hands {
    async fn turn(&self, tx: &DatabaseTransaction, row: &Row, now: Timestamp) -> Result<(), Fault> {
        let cause = format!("{NAME}/{}/{}", row.id, row.due_time);
        let unit = self.reports.commands().unit(tx, "timer", NAME).caused_by(cause);
        let Some(mut stored) = repo::find(tx, &row.id, true).await? else { return Ok(()) };
        let facts = stored.report.catch_up(now);
        repo::save(&unit, &mut stored, &facts).await?;
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
        // `save` wrote when it is due next.
        Ok(self.turn(tx, row, now).await.map(|()| Next::AsWritten)?)
    }

    /// Tried for ever, at last each five minutes: a clock that was given up would be a lateness that nobody is told of.
    fn backoff(&self) -> Backoff {
        Backoff { most: Duration::from_secs(300), tries: u32::MAX, ..Backoff::default() }
    }
}

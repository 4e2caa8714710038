//! How long a mail may lie in triage: one clock in the firm's calendar, on the mail's own row.

use std::time::Duration;

use async_trait::async_trait;
use business_time::Timestamp;
use command::Commands;
use database::DatabaseTransaction;
use timers::{
    Backoff,
    claim::{Clockwork, Failure, Next, Row, Table},
};

use super::Mails;

const NAME: &str = "notification.triage-clock";

/// The clock of mails in triage.
pub struct TriageClock {
    commands: Commands,
    mails: Mails,
}

impl TriageClock {
    /// Over the mails of this service.
    pub fn new(commands: Commands, mails: Mails) -> Self {
        Self { commands, mails }
    }

    /// The rows it watches.
    pub const TABLE: Table = Table::new("mail", "id");
}

#[async_trait]
impl Clockwork for TriageClock {
    fn name(&self) -> &'static str {
        NAME
    }

    fn table(&self) -> Table {
        Self::TABLE
    }

    /// Never given up. Set aside, a client's mail would lie in triage with nobody told that it is late (SOP 4.2), and who
    /// could be told is told by this very clock: so it goes on, slowly, and says in the log that somebody must look.
    fn backoff(&self) -> Backoff {
        Backoff { first: Duration::from_secs(1), most: Duration::from_secs(300), tries: u32::MAX }
    }

    async fn handle(&self, tx: &DatabaseTransaction, row: &Row, _now: Timestamp) -> Result<Next, Failure> {
        let cause = format!("{NAME}/{}/{}", row.id, row.due_time);
        let unit = self.commands.unit(tx, "timer", NAME).caused_by(cause);
        self.mails.overdue(&unit, &row.id).await?;
        unit.finish().await?;
        Ok(Next::AsWritten)
    }
}

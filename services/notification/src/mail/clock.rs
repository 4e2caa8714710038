//! How long a mail may lie in triage: one clock in the firm's calendar, on the mail's own row.

use async_trait::async_trait;
use business_time::Timestamp;
use command::{Commands, Fault};
use database::DatabaseTransaction;
use timers::claim::{Clockwork, Failure, Next, Row, Table};

use super::Mails;

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
        "notification.triage-clock"
    }

    fn table(&self) -> Table {
        Self::TABLE
    }

    async fn handle(&self, tx: &DatabaseTransaction, row: &Row, _now: Timestamp) -> Result<Next, Failure> {
        let unit = self.commands.unit(tx, "timer", "notification.triage-clock");
        let told = self.mails.overdue(&unit, &row.id).await;
        let done = match told {
            Ok(()) => unit.finish().await,
            Err(fault) => Err(fault),
        };
        match done {
            Ok(()) => Ok(Next::AsWritten),
            Err(Fault::Database(error)) => Err(Failure::Database(error)),
            Err(fault) => Err(Failure::Retry(fault.to_string())),
        }
    }
}

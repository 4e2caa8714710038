//! How long a mail may lie in triage: one clock in the firm's calendar, on the mail's own row.

use std::time::Duration;

use async_trait::async_trait;
use business_time::Timestamp;
use command::Commands;
use database::{DatabaseTransaction, Retryable, is_transient};
use timers::{
    Backoff,
    claim::{Clockwork, Failure, Next, Row, Table},
};

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

    /// Never given up. Set aside, a client's mail would lie in triage with nobody told that it is late (SOP 4.2), and who
    /// could be told is told by this very clock: so it goes on, slowly, and says in the log that somebody must look.
    fn backoff(&self) -> Backoff {
        Backoff { first: Duration::from_secs(1), most: Duration::from_secs(300), tries: u32::MAX }
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
            Err(fault) => {
                // A rival or an outage is nobody's failure and passes by itself.
                if !fault.db_error().is_some_and(is_transient) {
                    tracing::error!(mail = row.id, failures = row.attempts, error = %fault, "triage clock failed, goes on");
                }
                Err(fault.into())
            }
        }
    }
}

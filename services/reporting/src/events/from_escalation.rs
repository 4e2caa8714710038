//! escalation's stream: a critical incident needs a report.

use async_trait::async_trait;
use command::Commands;
use contracts::escalation::v1::CriticalDeclared;
use database::{Database, DatabaseTransaction};
use event_log::{Event, Handler, HandlerError, Position};

use super::{is_known, on_critical_declared, short_name, trouble};
use crate::report::Reports;

/// Reads it.
pub struct FromEscalation {
    commands: Commands,
    reports: Reports,
}

impl FromEscalation {
    /// A handler.
    pub fn new(commands: Commands, reports: Reports) -> Self {
        Self { commands, reports }
    }
}

#[async_trait]
impl Handler for FromEscalation {
    fn subscription(&self) -> &'static str {
        "reporting.from-escalation"
    }

    fn stream(&self) -> &'static str {
        "escalation"
    }

    async fn handle(&self, tx: &DatabaseTransaction, event: &Event) -> Result<(), HandlerError> {
        let id = event.id.to_string();
        let unit = self.commands.unit(tx, "services/escalation", &short_name(event)).caused_by(event.id);
        if let Some(it) = event.decode::<CriticalDeclared>()? {
            on_critical_declared::handle(&self.reports, &unit, &id, &it).await.map_err(trouble)?;
        } else if is_known(event) {
            return Ok(());
        } else {
            return Err(HandlerError::unknown(event));
        }
        unit.finish().await.map_err(trouble)
    }

    /// When an incident's report is due is told by the event alone: one whose event is gone is opened by hand, by CreateReport.
    async fn snapshot(&self, _: &Database, position: Position) -> Result<(), HandlerError> {
        tracing::warn!(%position, "events of escalation are gone; reports of incidents that they told of are opened by hand");
        Ok(())
    }
}

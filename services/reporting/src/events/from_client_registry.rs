//! client-registry's stream: what schedules go by may have changed.

use async_trait::async_trait;
use command::{Commands, Fault};
use contracts::client_registry::v1::{CalendarChanged, ClientUpdated};
use database::{Database, DatabaseTransaction};
use event_log::{Event, Handler, HandlerError, Position};

use super::{is_known, short_name, trouble};
use crate::schedule::{Column, Schedules};

/// Reads it.
pub struct FromClientRegistry {
    commands: Commands,
    schedules: Schedules,
}

impl FromClientRegistry {
    /// A handler.
    pub fn new(commands: Commands, schedules: Schedules) -> Self {
        Self { commands, schedules }
    }
}

#[async_trait]
impl Handler for FromClientRegistry {
    fn subscription(&self) -> &'static str {
        "reporting.from-client-registry"
    }

    fn stream(&self) -> &'static str {
        "client-registry"
    }

    async fn handle(&self, tx: &DatabaseTransaction, event: &Event) -> Result<(), HandlerError> {
        let id = event.id.to_string();
        let unit = self.commands.unit(tx, "services/client-registry", &short_name(event)).caused_by(event.id);
        let done: Result<(), Fault> = if let Some(it) = event.decode::<ClientUpdated>()? {
            self.schedules.calendar_changed(&unit, Column::Client, &it.client, &id).await
        } else if let Some(it) = event.decode::<CalendarChanged>()? {
            self.schedules.calendar_changed(&unit, Column::Calendar, &it.calendar, &id).await
        } else if is_known(event) {
            return Ok(());
        } else {
            return Err(HandlerError::unknown(event));
        };
        done.map_err(trouble)?;
        unit.finish().await.map_err(trouble)
    }

    /// Every schedule's calendar is fetched anew.
    async fn snapshot(&self, db: &Database, position: Position) -> Result<(), HandlerError> {
        let (commands, schedules) = (self.commands.clone(), self.schedules.clone());
        let asked = db.transaction(move |tx| {
            let (commands, schedules) = (commands.clone(), schedules.clone());
            Box::pin(async move {
                let unit = commands.unit(tx, "services/client-registry", "reporting.take-over");
                schedules.calendar_changed(&unit, Column::All, "", &format!("snapshot {position}")).await?;
                unit.finish().await
            })
        });
        asked.await.map_err(trouble)
    }
}

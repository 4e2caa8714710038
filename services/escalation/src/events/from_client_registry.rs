//! client-registry's stream: one subscription, since its order matters across types.

use async_trait::async_trait;
use command::{Commands, Fault};
use contracts::client_registry::v1::{CalendarChanged, ClientRegistered, ClientUpdated, PolicyPublished};
use database::{Database, DatabaseTransaction};
use event_log::{Event, Handler, HandlerError, Position};

use super::{is_known, on_calendar_changed, on_client_known, on_policy_published, trouble};
use crate::registry::Registry;

/// Reads it.
pub struct FromClientRegistry {
    commands: Commands,
    registry: Registry,
}

impl FromClientRegistry {
    /// A handler.
    pub fn new(commands: Commands, registry: Registry) -> Self {
        Self { commands, registry }
    }
}

#[async_trait]
impl Handler for FromClientRegistry {
    fn subscription(&self) -> &'static str {
        "escalation.from-client-registry"
    }

    fn stream(&self) -> &'static str {
        "client-registry"
    }

    async fn handle(&self, tx: &DatabaseTransaction, event: &Event) -> Result<(), HandlerError> {
        let id = event.id.to_string();
        let kind = event.type_name().rsplit('.').next().unwrap_or_default().to_owned();
        let unit = self.commands.unit(tx, "services/client-registry", &kind).caused_by(event.id);
        let done: Result<(), Fault> = if let Some(it) = event.decode::<ClientRegistered>()? {
            on_client_known::handle(&unit, &id, &it.client, &it.calendar, it.revision).await
        } else if let Some(it) = event.decode::<ClientUpdated>()? {
            on_client_known::handle(&unit, &id, &it.client, &it.calendar, it.revision).await
        } else if let Some(it) = event.decode::<CalendarChanged>()? {
            on_calendar_changed::handle(&unit, &id, &it).await
        } else if let Some(it) = event.decode::<PolicyPublished>()? {
            on_policy_published::handle(&unit, &id, &it).await
        } else if is_known(event) {
            return Ok(());
        } else {
            return Err(HandlerError::unknown(event));
        };
        done.map_err(trouble)?;
        unit.finish().await.map_err(trouble)
    }

    async fn snapshot(&self, db: &Database, _: Position) -> Result<(), HandlerError> {
        self.registry.take_over(&self.commands, db).await
    }
}

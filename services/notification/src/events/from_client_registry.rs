//! client-registry's stream.

use async_trait::async_trait;
use command::{Commands, Fault};
use contracts::client_registry::v1::{CalendarChanged, ClientRegistered, IncidentPartiesChanged, PolicyPublished};
use database::{Database, DatabaseTransaction};
use event_log::{Event, Handler, HandlerError, Position};

use super::{is_known, on_calendar_changed, on_policy_published, short_name, trouble};
use crate::{party, procedure};

/// Reads it.
pub struct FromClientRegistry {
    commands: Commands,
}

impl FromClientRegistry {
    /// A handler.
    pub fn new(commands: Commands) -> Self {
        Self { commands }
    }
}

#[async_trait]
impl Handler for FromClientRegistry {
    fn subscription(&self) -> &'static str {
        "notification.from-client-registry"
    }

    fn stream(&self) -> &'static str {
        "client-registry"
    }

    async fn handle(&self, tx: &DatabaseTransaction, event: &Event) -> Result<(), HandlerError> {
        let id = event.id.to_string();
        let unit = self.commands.unit(tx, "services/client-registry", &short_name(event)).caused_by(event.id);
        let done: Result<(), Fault> = if let Some(it) = event.decode::<CalendarChanged>()? {
            on_calendar_changed::handle(&unit, &id, &it).await
        } else if event.is::<PolicyPublished>() {
            on_policy_published::handle(&unit, &id).await
        } else if let Some(it) = event.decode::<ClientRegistered>()? {
            party::ask_for_client(tx, &it.client, &id, unit.now()).await
        } else if let Some(it) = event.decode::<IncidentPartiesChanged>()? {
            match it.client.as_str() {
                "" => party::ask_for_firm(tx, &id, unit.now()).await,
                client => party::ask_for_client(tx, client, &id, unit.now()).await,
            }
        } else if is_known(event) {
            return Ok(());
        } else {
            return Err(HandlerError::unknown(event));
        };
        done.map_err(trouble)?;
        unit.finish().await.map_err(trouble)
    }

    /// What is kept of the registry is fetched anew: the policy, and with it the calendar that it names; who is told of critical
    /// incidents.
    async fn snapshot(&self, db: &Database, position: Position) -> Result<(), HandlerError> {
        let now = self.commands.now();
        let asked = db.transaction(move |tx| {
            Box::pin(async move {
                let cause = format!("snapshot {position}");
                procedure::ask_for_policy(tx, &cause, now).await?;
                party::ask_for_everything(tx, &cause, now).await?;
                if let Some(policy) = procedure::policy(tx).await? {
                    procedure::ask_for_calendar(tx, &policy.firm_calendar, &cause, now).await?;
                }
                Ok::<_, Fault>(())
            })
        });
        asked.await.map_err(trouble)
    }
}

//! escalation's stream: one subscription, since its order matters across types.

use async_trait::async_trait;
use command::{Commands, Fault};
use contracts::escalation::v1::{
    CaseClosed, CaseEscalated, CaseOpened, ClockBreached, ConfirmationDue, CriticalDeclared, ListCasesRequest,
    ResolutionProposed, case_service_client::CaseServiceClient,
};
use database::{Database, DatabaseTransaction};
use event_log::{Event, Handler, HandlerError, Position};
use runtime::Client;

use super::{
    is_known, on_case_closed, on_case_escalated, on_case_opened, on_clock_breached, on_confirmation_due,
    on_critical_declared, on_resolution_proposed, short_name, trouble,
};
use crate::{notification::Notifications, thread};

/// Reads it.
pub struct FromEscalation {
    commands: Commands,
    notifications: Notifications,
    escalation: Client,
}

impl FromEscalation {
    /// A handler; a snapshot is taken from this escalation.
    pub fn new(commands: Commands, notifications: Notifications, escalation: Client) -> Self {
        Self { commands, notifications, escalation }
    }
}

#[async_trait]
impl Handler for FromEscalation {
    fn subscription(&self) -> &'static str {
        "notification.from-escalation"
    }

    fn stream(&self) -> &'static str {
        "escalation"
    }

    async fn handle(&self, tx: &DatabaseTransaction, event: &Event) -> Result<(), HandlerError> {
        let (id, notifications) = (event.id.to_string(), self.notifications);
        let unit = self.commands.unit(tx, "services/escalation", &short_name(event)).caused_by(event.id);
        let done: Result<(), Fault> = if let Some(it) = event.decode::<CaseOpened>()? {
            on_case_opened::handle(notifications, &unit, &id, &it).await
        } else if let Some(it) = event.decode::<ClockBreached>()? {
            on_clock_breached::handle(notifications, &unit, &id, &it).await
        } else if let Some(it) = event.decode::<CaseEscalated>()? {
            on_case_escalated::handle(notifications, &unit, &id, &it).await
        } else if let Some(it) = event.decode::<ResolutionProposed>()? {
            on_resolution_proposed::handle(notifications, &unit, &id, &it).await
        } else if let Some(it) = event.decode::<ConfirmationDue>()? {
            on_confirmation_due::handle(notifications, &unit, &id, &it).await
        } else if let Some(it) = event.decode::<CriticalDeclared>()? {
            on_critical_declared::handle(notifications, &unit, &id, &it).await
        } else if let Some(it) = event.decode::<CaseClosed>()? {
            on_case_closed::handle(notifications, &unit, &it).await
        } else if is_known(event) {
            return Ok(());
        } else {
            return Err(HandlerError::unknown(event));
        };
        done.map_err(trouble)?;
        unit.finish().await.map_err(trouble)
    }

    /// Which case belongs to which conversation is taken over. Whom events that are gone would have told, nobody can say
    /// here: escalation's own reminders and steps go on and are told as they come.
    async fn snapshot(&self, db: &Database, _: Position) -> Result<(), HandlerError> {
        let mut cases = CaseServiceClient::new(self.escalation.clone());
        let mut page_token = String::new();
        loop {
            let request = ListCasesRequest { page_size: 200, page_token, ..ListCasesRequest::default() };
            let answer = cases.list_cases(request).await.map_err(|status| {
                tracing::warn!(code = %status.code(), "cases could not be taken over, trying again");
                HandlerError::Retry
            })?;
            let answer = answer.into_inner();
            // The newest come first; linked in the order of opening, so that a conversation ends with its latest case.
            let page = answer.cases;
            let linked = db.transaction(move |tx| {
                let page = page.clone();
                Box::pin(async move { thread::take_over(tx, &page).await })
            });
            linked.await.map_err(trouble)?;
            page_token = answer.next_page_token;
            if page_token.is_empty() {
                return Ok(());
            }
        }
    }
}

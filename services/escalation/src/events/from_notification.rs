//! notification's stream: one subscription, since its order matters across types.

use async_trait::async_trait;
use command::{Commands, Fault};
use contracts::notification::v1::{
    AlertProgressed, DeliveryBlocked, DeliveryFailed, DeliveryReturned, DeliverySucceeded, InquiryReceived, MailNoted,
    MeetingHeld, SentCopyReceived,
};
use database::{Database, DatabaseTransaction};
use event_log::{Event, Handler, HandlerError, Position};

use super::{
    is_known, on_alert_progressed, on_delivery_ended, on_delivery_returned, on_delivery_succeeded, on_inquiry_received,
    on_mail_noted, on_meeting_held, on_sent_copy_received, trouble,
};
use crate::{case::Cases, notification::Notification};

/// Reads it.
pub struct FromNotification {
    commands: Commands,
    cases: Cases,
    notification: Notification,
}

impl FromNotification {
    /// A handler.
    pub fn new(commands: Commands, cases: Cases, notification: Notification) -> Self {
        Self { commands, cases, notification }
    }
}

#[async_trait]
impl Handler for FromNotification {
    fn subscription(&self) -> &'static str {
        "escalation.from-notification"
    }

    fn stream(&self) -> &'static str {
        "notification"
    }

    async fn handle(&self, tx: &DatabaseTransaction, event: &Event) -> Result<(), HandlerError> {
        let cases = &self.cases;
        let kind = event.type_name().rsplit('.').next().unwrap_or_default().to_owned();
        let unit = self.commands.unit(tx, "services/notification", &kind).caused_by(event.id);
        let done: Result<(), Fault> = if let Some(it) = event.decode::<InquiryReceived>()? {
            on_inquiry_received::handle(cases, &unit, &it).await
        } else if let Some(it) = event.decode::<MailNoted>()? {
            on_mail_noted::handle(cases, &unit, &it).await
        } else if let Some(it) = event.decode::<DeliverySucceeded>()? {
            if it.case.is_empty() {
                return Ok(());
            }
            on_delivery_succeeded::handle(cases, &unit, &it).await
        } else if let Some(it) = event.decode::<MeetingHeld>()? {
            if it.case.is_empty() {
                return Ok(());
            }
            on_meeting_held::handle(cases, &unit, &it).await
        } else if let Some(it) = event.decode::<AlertProgressed>()? {
            on_alert_progressed::handle(cases, &unit, &it).await
        } else if let Some(it) = event.decode::<DeliveryFailed>()? {
            if it.case.is_empty() {
                return Ok(());
            }
            on_delivery_ended::handle(cases, &unit, &it.case, &it.notification, &it.reason).await
        } else if let Some(it) = event.decode::<DeliveryBlocked>()? {
            if it.case.is_empty() {
                return Ok(());
            }
            on_delivery_ended::handle(cases, &unit, &it.case, &it.notification, &it.reason).await
        } else if let Some(it) = event.decode::<DeliveryReturned>()? {
            if it.case.is_empty() {
                return Ok(());
            }
            on_delivery_returned::handle(cases, &unit, &it).await
        } else if let Some(it) = event.decode::<SentCopyReceived>()? {
            on_sent_copy_received::handle(cases, &unit, &it).await
        } else if is_known(event) {
            return Ok(());
        } else {
            return Err(HandlerError::unknown(event));
        };
        done.map_err(trouble)?;
        unit.finish().await.map_err(trouble)
    }

    async fn snapshot(&self, db: &Database, _: Position) -> Result<(), HandlerError> {
        self.notification.take_over(&self.commands, &self.cases, db).await
    }
}

//! notification's stream: whether reports reached their recipients.

use async_trait::async_trait;
use command::{Commands, Fault, wire::from_proto_time};
use contracts::notification::v1::{DeliveryBlocked, DeliveryFailed, DeliverySucceeded};
use database::{Database, DatabaseTransaction};
use event_log::{Event, Handler, HandlerError, Position};

use super::{is_known, on_delivery, short_name, trouble};
use crate::{
    notification::Notification,
    report::{
        Reports,
        entity::{End, How},
    },
};

/// Reads it.
pub struct FromNotification {
    commands: Commands,
    reports: Reports,
    notification: Notification,
}

impl FromNotification {
    /// A handler.
    pub fn new(commands: Commands, reports: Reports, notification: Notification) -> Self {
        Self { commands, reports, notification }
    }
}

#[async_trait]
impl Handler for FromNotification {
    fn subscription(&self) -> &'static str {
        "reporting.from-notification"
    }

    fn stream(&self) -> &'static str {
        "notification"
    }

    async fn handle(&self, tx: &DatabaseTransaction, event: &Event) -> Result<(), HandlerError> {
        let unit = self.commands.unit(tx, "services/notification", &short_name(event)).caused_by(event.id);
        let now = unit.now();
        let (kind, report, recipient, end) = if let Some(it) = event.decode::<DeliverySucceeded>()? {
            let time = it.hand_over_time.as_ref().and_then(from_proto_time);
            let time = time.ok_or_else(|| trouble(Fault::Stored("a hand-over without a time".into())))?;
            let kind = it.kind();
            (kind, it.report, it.audience, End { notification: it.notification, time, how: How::HandedOver })
        } else if let Some(it) = event.decode::<DeliveryFailed>()? {
            let kind = it.kind();
            (
                kind,
                it.report,
                it.audience,
                End { notification: it.notification, time: now, how: How::Failed(it.reason) },
            )
        } else if let Some(it) = event.decode::<DeliveryBlocked>()? {
            let kind = it.kind();
            (
                kind,
                it.report,
                it.audience,
                End { notification: it.notification, time: now, how: How::Blocked(it.reason) },
            )
        } else if is_known(event) {
            return Ok(());
        } else {
            return Err(HandlerError::unknown(event));
        };
        if !on_delivery::is_reports(kind, &report) {
            return Ok(());
        }
        on_delivery::handle(&self.reports, &unit, &report, &recipient, end).await.map_err(trouble)?;
        unit.finish().await.map_err(trouble)
    }

    async fn snapshot(&self, db: &Database, _: Position) -> Result<(), HandlerError> {
        self.notification.take_over(&self.commands, &self.reports, db).await
    }
}

//! What notification has, where its events cannot be had one by one: what became of reports' mails, by its list.

use command::{Commands, Fault, wire::from_proto_time};
use contracts::notification::v1::{
    self as wire, ListNotificationsRequest, NotificationState, notification_service_client::NotificationServiceClient,
};
use database::Database;
use event_log::HandlerError;
use runtime::Client;

use crate::{
    events::on_delivery,
    report::{
        Reports,
        entity::{End, How},
    },
};

/// notification, as this service asks it. Cheap to clone.
#[derive(Clone)]
pub struct Notification {
    channel: Client,
}

impl Notification {
    /// Over this channel, which brings this service's own token.
    pub fn new(channel: Client) -> Self {
        Self { channel }
    }

    /// Takes over what became of every report's mail, each in a transaction of its own. What is known already changes nothing.
    ///
    /// # Errors
    /// Where notification does not answer, or the database fails; what was taken over by then stays.
    pub async fn take_over(&self, commands: &Commands, reports: &Reports, db: &Database) -> Result<(), HandlerError> {
        let mut page_token = String::new();
        loop {
            let request = ListNotificationsRequest { page_size: 200, page_token, ..Default::default() };
            let answer = NotificationServiceClient::new(self.channel.clone()).list_notifications(request).await;
            let page = answer.map_err(|status| {
                tracing::warn!(rpc.code = ?status.code(), "notification does not tell what it has");
                HandlerError::Retry
            })?;
            let page = page.into_inner();
            for one in page.notifications {
                if on_delivery::is_reports(one.kind(), &one.report) {
                    take(commands, reports, db, one).await?;
                }
            }
            page_token = page.next_page_token;
            if page_token.is_empty() {
                reports.committed();
                return Ok(());
            }
        }
    }
}

async fn take(
    commands: &Commands,
    reports: &Reports,
    db: &Database,
    one: wire::Notification,
) -> Result<(), HandlerError> {
    let time = one.hand_over_time.as_ref().and_then(from_proto_time).unwrap_or_else(|| commands.now());
    let how = match one.state() {
        // What came back later had been handed over, of which notification tells the account manager.
        NotificationState::HandedOver | NotificationState::Returned => How::HandedOver,
        NotificationState::Failed => How::Failed(one.reason.clone()),
        NotificationState::Blocked => How::Blocked(one.reason.clone()),
        _ => return Ok(()),
    };
    let end = End { notification: one.name.clone(), time, how };
    let (commands, reports) = (commands.clone(), reports.clone());
    let taken = db.transaction(move |tx| {
        let (commands, reports, one, end) = (commands.clone(), reports.clone(), one.clone(), end.clone());
        Box::pin(async move {
            let unit = commands.unit(tx, "services/notification", "reporting.take-over");
            on_delivery::handle(&reports, &unit, &one.report, &one.audience, end).await?;
            unit.finish().await
        })
    });
    taken.await.map_err(|fault: Fault| {
        tracing::error!(error = %fault, "notification's state was not taken over");
        HandlerError::Retry
    })
}

//! reporting's stream: one subscription, since its order matters across types.

use async_trait::async_trait;
use command::{Commands, Fault};
use contracts::reporting::v1::{
    ContributionRequested, ListReportsRequest, ReportApproved, ReportDeliveryFailed, ReportDue, ReportOverdue,
    ReportReturned, ReportState, ReportSubmitted, SubmissionOutcome, report_service_client::ReportServiceClient,
};
use database::{Database, DatabaseTransaction};
use event_log::{Event, Handler, HandlerError, Position};
use runtime::Client;

use super::{is_known, on_report_approved, on_report_news, short_name, trouble};
use crate::notification::Notifications;

/// Reads it.
pub struct FromReporting {
    commands: Commands,
    notifications: Notifications,
    reporting: Client,
}

impl FromReporting {
    /// A handler; a snapshot is taken from this reporting.
    pub fn new(commands: Commands, notifications: Notifications, reporting: Client) -> Self {
        Self { commands, notifications, reporting }
    }
}

#[async_trait]
impl Handler for FromReporting {
    fn subscription(&self) -> &'static str {
        "notification.from-reporting"
    }

    fn stream(&self) -> &'static str {
        "reporting"
    }

    async fn handle(&self, tx: &DatabaseTransaction, event: &Event) -> Result<(), HandlerError> {
        let (id, notifications) = (event.id.to_string(), self.notifications);
        let unit = self.commands.unit(tx, "services/reporting", &short_name(event)).caused_by(event.id);
        let news = |news| on_report_news::handle(notifications, &unit, &id, news);
        let done: Result<(), Fault> = if let Some(it) = event.decode::<ReportApproved>()? {
            on_report_approved::handle(notifications, &unit, &it).await
        } else if let Some(it) = event.decode::<ReportDue>()? {
            news(it.into()).await
        } else if let Some(it) = event.decode::<ContributionRequested>()? {
            news(it.into()).await
        } else if let Some(it) = event.decode::<ReportSubmitted>()? {
            news(it.into()).await
        } else if let Some(it) = event.decode::<ReportReturned>()? {
            news(it.into()).await
        } else if let Some(it) = event.decode::<ReportOverdue>()? {
            news(it.into()).await
        } else if let Some(it) = event.decode::<ReportDeliveryFailed>()? {
            news(it.into()).await
        } else if is_known(event) {
            return Ok(());
        } else {
            return Err(HandlerError::unknown(event));
        };
        done.map_err(trouble)?;
        unit.finish().await.map_err(trouble)
    }

    /// What is approved and on its way is queued, as far as it was not. Whom of the firm events that are gone would have told,
    /// nobody can say here: what is late is told as it comes.
    async fn snapshot(&self, db: &Database, _: Position) -> Result<(), HandlerError> {
        let mut page_token = String::new();
        loop {
            let state = ReportState::Approved.into();
            let request = ListReportsRequest { state, page_size: 200, page_token, ..ListReportsRequest::default() };
            let answer = ReportServiceClient::new(self.reporting.clone()).list_reports(request).await;
            let page = answer.map_err(|status| {
                tracing::warn!(code = %status.code(), "reports could not be taken over, trying again");
                HandlerError::Retry
            })?;
            let page = page.into_inner();
            for report in page.reports {
                let Some(last) = report.submissions.iter().rfind(|one| one.outcome() == SubmissionOutcome::Approved)
                else {
                    continue;
                };
                let approved = ReportApproved {
                    text_version: last.text_version,
                    approver: last.decider.clone(),
                    report: report.name,
                    client: report.client,
                    engagement: report.engagement,
                    r#type: report.r#type,
                    period: report.period,
                    due_time: report.due_time,
                    recipients: report.recipients,
                };
                let (commands, notifications) = (self.commands.clone(), self.notifications);
                let queued = db.transaction(move |tx| {
                    let (commands, approved) = (commands.clone(), approved.clone());
                    Box::pin(async move {
                        let unit = commands.unit(tx, "services/reporting", "notification.take-over");
                        on_report_approved::handle(notifications, &unit, &approved).await?;
                        unit.finish().await
                    })
                });
                queued.await.map_err(trouble)?;
            }
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return Ok(());
            }
        }
    }
}

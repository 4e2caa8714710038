//! ReportApproved: each recipient gets the report by mail (SOP 5).

use command::{Fault, Unit, derived_id, wire::from_proto_time};
use contracts::reporting::v1::ReportApproved;

use super::on_report_news::type_name;
use crate::{
    notification::{
        NewNotification, Notifications,
        entity::{Audience, Facts, Kind},
    },
    thread,
};

/// What a conversation is called that begins with a report.
const SUBJECT: &str = "Your report";

/// Queues a mail to each recipient, in the name of whoever approved it. The same version to the same person is one mail, however it
/// is told.
///
/// # Errors
/// The database's.
pub async fn handle(notifications: Notifications, unit: &Unit<'_>, approved: &ReportApproved) -> Result<(), Fault> {
    for recipient in &approved.recipients {
        let id = derived_id(&format!("{} {}", approved.report, approved.text_version), recipient);
        if crate::notification::find(unit.tx(), &id).await?.is_some() {
            continue;
        }
        // An answer to it is a word of the client on a conversation of its own.
        let thread = thread::begin(unit, &approved.client, "", SUBJECT).await?;
        let new = NewNotification {
            id,
            client: approved.client.clone(),
            engagement: approved.engagement.clone(),
            thread: thread.id,
            author: approved.approver.clone(),
            report: approved.report.clone(),
            facts: Facts {
                report_type: type_name(approved.r#type()),
                period: approved.period.clone(),
                text_version: approved.text_version,
                due_time: approved.due_time.as_ref().and_then(from_proto_time),
                ..Facts::default()
            },
            ..NewNotification::generated(Kind::Report, Audience::Contact(recipient.clone()))
        };
        notifications.queue(unit, new).await?;
    }
    Ok(())
}

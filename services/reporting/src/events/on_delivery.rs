//! DeliverySucceeded, DeliveryFailed, DeliveryBlocked: what became of a report's mail to one recipient.

use command::{Fault, Unit};
use contracts::notification::v1::NotificationKind;

use crate::report::{Reports, entity::End};

/// Whether a notification is a report's mail to a recipient.
pub fn is_reports(kind: NotificationKind, report: &str) -> bool {
    kind == NotificationKind::Report && !report.is_empty()
}

/// Notes it on its report.
///
/// # Errors
/// The database's.
pub async fn handle(reports: &Reports, unit: &Unit<'_>, report: &str, recipient: &str, end: End) -> Result<(), Fault> {
    reports.delivery_ended(unit, report, recipient, end).await
}

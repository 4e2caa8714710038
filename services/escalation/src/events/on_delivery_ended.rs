//! DeliveryFailed, DeliveryBlocked: somebody was not told, and why.

use command::{Fault, Unit};
use contracts::notification::v1::NotificationKind;

use crate::case::{Cases, entity::Mailed};

/// Notes it on its case.
///
/// # Errors
/// The database's.
pub async fn handle(cases: &Cases, unit: &Unit<'_>, case: &str, notification: &str, reason: &str) -> Result<(), Fault> {
    let mailed = Mailed {
        notification: notification.to_owned(),
        people: Vec::new(),
        stand_ins_for: Vec::new(),
        reason: reason.to_owned(),
    };
    cases.not_told(unit, case, mailed).await
}

/// A kind's name without its prefix, for example `ESCALATION`.
pub(super) fn kind_name(kind: NotificationKind) -> String {
    kind.as_str_name().trim_start_matches("NOTIFICATION_KIND_").to_owned()
}

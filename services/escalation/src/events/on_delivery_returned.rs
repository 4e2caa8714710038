//! DeliveryReturned: somebody was not told after all. A reply that reached nobody brings its due time back (SOP 4.2).

use command::{Fault, Unit, wire::from_proto_time};
use contracts::notification::v1::{DeliveryReturned, NotificationKind};

use crate::case::{Cases, entity::Mailed};

/// Notes it on its case.
///
/// # Errors
/// The database's, and where the event is not whole.
pub async fn handle(cases: &Cases, unit: &Unit<'_>, back: &DeliveryReturned) -> Result<(), Fault> {
    let time = back.return_time.as_ref().and_then(from_proto_time);
    let time = time.ok_or_else(|| Fault::Stored("a failure notice without a time".into()))?;
    let mailed = Mailed {
        notification: back.notification.clone(),
        people: back.recipients.clone(),
        stand_ins_for: Vec::new(),
        reason: format!("RETURNED {}", back.reason),
    };
    match back.kind() {
        NotificationKind::Reply if back.everybody => cases.reply_returned(unit, &back.case, mailed, time).await,
        _ => cases.not_told(unit, &back.case, mailed).await,
    }
}

//! DeliverySucceeded: somebody was told. A person's reply to the client ends the first-response clock at its hand-over.

use command::{Fault, Unit, wire::from_proto_time};
use contracts::notification::v1::{DeliverySucceeded, NotificationKind};

use super::on_delivery_ended::kind_name;
use crate::case::{
    Cases,
    entity::{Handed, HandedKind, Mailed},
};

/// Notes it on its case.
///
/// # Errors
/// The database's, and where the event is not whole.
pub async fn handle(cases: &Cases, unit: &Unit<'_>, told: &DeliverySucceeded) -> Result<(), Fault> {
    let time = told.hand_over_time.as_ref().and_then(from_proto_time);
    let time = time.ok_or_else(|| Fault::Stored("a hand-over without a time".into()))?;
    let kind = match told.kind() {
        NotificationKind::Reply | NotificationKind::IncidentUpdate => HandedKind::Reply,
        NotificationKind::Acknowledgement | NotificationKind::AutoAcknowledgement => HandedKind::Acknowledgement,
        _ => HandedKind::Other,
    };
    let mailed = Mailed {
        notification: told.notification.clone(),
        people: told.recipients.clone(),
        stand_ins_for: told.stand_ins_for.clone(),
        reason: kind_name(told.kind()),
    };
    cases.handed_over(unit, &told.case, Handed { kind, author: told.author.clone(), mailed, time }).await
}

//! AlertProgressed: whoever is to be told of a critical incident is being told (SOP 8.2).

use command::{Fault, Unit, wire::from_proto_time};
use contracts::{
    client_registry::v1::Channel as WireChannel,
    notification::v1::{AlertProgressed, AlertSide as WireSide, AlertStep as WireStep},
};

use crate::case::{
    Cases,
    entity::{Alert, AlertSide, AlertStep, Channel},
};

/// Notes it on its case.
///
/// # Errors
/// The database's, and where the event is not whole.
pub async fn handle(cases: &Cases, unit: &Unit<'_>, told: &AlertProgressed) -> Result<(), Fault> {
    let wrong = |what: &str| Fault::Stored(format!("an alert without a {what}"));
    let alert = Alert {
        notification: told.notification.clone(),
        side: match told.side() {
            WireSide::Client => AlertSide::Client,
            WireSide::Management => AlertSide::Management,
            WireSide::Unspecified => return Err(wrong("side")),
        },
        channel: match told.channel() {
            WireChannel::Email => Channel::Email,
            WireChannel::Phone => Channel::Phone,
            WireChannel::Unspecified => return Err(wrong("channel")),
        },
        step: match told.step() {
            WireStep::Attempted => AlertStep::Attempted,
            WireStep::NotReached => AlertStep::NotReached,
            WireStep::HandedOver => AlertStep::HandedOver,
            WireStep::Reached => AlertStep::Reached,
            WireStep::Failed => AlertStep::Failed,
            WireStep::Unspecified => return Err(wrong("step")),
        },
        person: Some(told.person.clone()).filter(|person| !person.is_empty()),
        attempt: u32::try_from(told.attempt).unwrap_or_default(),
        reason: told.reason.clone(),
        time: told.time.as_ref().and_then(from_proto_time).ok_or_else(|| wrong("time"))?,
        from_copy: told.from_copy,
    };
    cases.alert_progressed(unit, &told.case, alert).await
}

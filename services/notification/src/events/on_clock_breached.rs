//! ClockBreached: the client's account manager is told (SOP 4.2, SOP 8.1).

use command::{Fault, Unit, derived_id, wire::from_proto_time};
use contracts::escalation::v1::{ClockBreached, ClockKind};

use crate::notification::{
    NewNotification, Notifications,
    entity::{Audience, Facts, Kind, Target},
};

/// Queues it.
///
/// # Errors
/// The database's.
pub async fn handle(
    notifications: Notifications,
    unit: &Unit<'_>,
    event: &str,
    breached: &ClockBreached,
) -> Result<(), Fault> {
    let clock = match breached.clock() {
        ClockKind::FirstResponse => "first_response",
        ClockKind::ClientUpdate => "client_update",
        ClockKind::Resolution | ClockKind::Unspecified => "resolution",
    };
    let new = NewNotification {
        id: derived_id(event, "clock-breach"),
        client: breached.client.clone(),
        engagement: breached.engagement.clone(),
        case: breached.case.clone(),
        facts: Facts {
            clock: clock.to_owned(),
            due_time: breached.due_time.as_ref().and_then(from_proto_time),
            ..Facts::default()
        },
        ..NewNotification::generated(Kind::ClockBreach, Audience::Target(Target::AccountManager))
    };
    notifications.queue(unit, new).await.map(drop)
}

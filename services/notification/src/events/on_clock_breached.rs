//! ClockBreached: the client's account manager is told (SOP 4.2, SOP 8.1); of an update on a critical incident that is late,
//! management too (SOP 8.2).

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
    let of_incident = breached.clock() == ClockKind::ClientUpdate;
    let told: &[_] =
        if of_incident { &[Target::AccountManager, Target::Management] } else { &[Target::AccountManager] };
    for target in told {
        let purpose = match target {
            Target::Management => "clock-breach to management",
            Target::AccountManager | Target::TeamLead => "clock-breach",
        };
        let new = NewNotification {
            id: derived_id(event, purpose),
            client: breached.client.clone(),
            engagement: breached.engagement.clone(),
            case: breached.case.clone(),
            facts: Facts {
                clock: clock.to_owned(),
                due_time: breached.due_time.as_ref().and_then(from_proto_time),
                ..Facts::default()
            },
            ..NewNotification::generated(Kind::ClockBreach, Audience::Target(*target))
        };
        notifications.queue(unit, new).await?;
    }
    Ok(())
}

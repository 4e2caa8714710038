//! CaseEscalated: the step's target is told (SOP 8.1).

use command::{Fault, Unit, derived_id};
use contracts::escalation::v1::CaseEscalated;

use crate::notification::{
    NewNotification, Notifications,
    entity::{Audience, Facts, Kind, Target},
};

/// Queues it.
///
/// # Errors
/// The database's, and where nobody knows the target.
pub async fn handle(
    notifications: Notifications,
    unit: &Unit<'_>,
    event: &str,
    escalated: &CaseEscalated,
) -> Result<(), Fault> {
    let target = Target::parse(&escalated.target);
    let target = target.ok_or_else(|| Fault::Stored("a step names an unknown target".into()))?;
    let new = NewNotification {
        id: derived_id(event, "escalation"),
        client: escalated.client.clone(),
        engagement: escalated.engagement.clone(),
        case: escalated.case.clone(),
        facts: Facts { step: escalated.step, target: escalated.target.clone(), ..Facts::default() },
        ..NewNotification::generated(Kind::Escalation, Audience::Target(target))
    };
    notifications.queue(unit, new).await.map(drop)
}

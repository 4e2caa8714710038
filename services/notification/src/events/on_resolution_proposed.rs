//! ResolutionProposed: the client's contact is asked to confirm it (SOP 8.4).

use command::{Fault, Unit, derived_id};
use contracts::escalation::v1::ResolutionProposed;

use crate::{
    notification::{
        NewNotification, Notifications,
        entity::{Audience, Facts, Kind},
    },
    thread,
};

/// What a conversation is called that begins by being asked to confirm.
pub(super) const SUBJECT: &str = "Is this resolved for you?";

/// Queues it. Whoever wrote last is asked where they may confirm, else all who may.
///
/// # Errors
/// The database's.
pub async fn handle(
    notifications: Notifications,
    unit: &Unit<'_>,
    event: &str,
    proposed: &ResolutionProposed,
) -> Result<(), Fault> {
    let link = thread::find_case(unit.tx(), &proposed.case, "").await?;
    let thread = thread::of_case(unit, &proposed.case, &proposed.client, SUBJECT).await?;
    let new = NewNotification {
        id: derived_id(event, "confirmation-request"),
        client: proposed.client.clone(),
        engagement: link.map(|link| link.engagement).unwrap_or_default(),
        case: proposed.case.clone(),
        thread,
        facts: Facts { proposal_revision: proposed.proposal_revision, ..Facts::default() },
        ..NewNotification::generated(Kind::ConfirmationRequest, Audience::contact_or_confirmer(&proposed.contact))
    };
    notifications.queue(unit, new).await.map(drop)
}

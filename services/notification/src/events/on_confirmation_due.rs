//! ConfirmationDue: the side that has not confirmed yet is reminded (SOP 8.4).

use command::{Fault, Unit, derived_id};
use contracts::escalation::v1::{ConfirmationDue, Side};

use super::on_resolution_proposed::SUBJECT;
use crate::{
    notification::{
        NewNotification, Notifications,
        entity::{Audience, Facts, Kind, Target},
    },
    thread,
};

/// Queues it.
///
/// # Errors
/// The database's.
pub async fn handle(
    notifications: Notifications,
    unit: &Unit<'_>,
    event: &str,
    due: &ConfirmationDue,
) -> Result<(), Fault> {
    let audience = match due.side() {
        Side::Client => Audience::contact_or_confirmer(&due.contact),
        Side::Firm | Side::Unspecified => Audience::Target(Target::AccountManager),
    };
    // Mails to the firm's own people stay off the client's conversation.
    let thread = match &audience {
        Audience::Target(_) => String::new(),
        _ => thread::of_case(unit, &due.case, &due.client, SUBJECT).await?,
    };
    let new = NewNotification {
        id: derived_id(event, "confirmation-reminder"),
        client: due.client.clone(),
        engagement: due.engagement.clone(),
        case: due.case.clone(),
        thread,
        facts: Facts { proposal_revision: due.proposal_revision, ..Facts::default() },
        ..NewNotification::generated(Kind::ConfirmationReminder, audience)
    };
    notifications.queue(unit, new).await.map(drop)
}

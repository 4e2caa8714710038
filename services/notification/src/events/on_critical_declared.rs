//! CriticalDeclared: client and management are told at once, by mail and by phone (SOP 8.2): four obligations, each a
//! notification of its own, so that none waits for another.

use command::{Fault, Unit, derived_id, wire::from_proto_time};
use contracts::escalation::v1::CriticalDeclared;

use crate::{
    notification::{
        NewNotification, Notifications,
        alert::{Channel, Side},
        entity::{Audience, Facts, Kind, Target},
    },
    thread,
};

/// The subject of a conversation that begins with an alert.
const SUBJECT: &str = "Critical incident";

/// Queues the four.
///
/// # Errors
/// The database's.
pub async fn handle(
    notifications: Notifications,
    unit: &Unit<'_>,
    event: &str,
    declared: &CriticalDeclared,
) -> Result<(), Fault> {
    let conversation = thread::of_case(unit, &declared.case, &declared.client, SUBJECT).await?;
    let declare_time = declared.declare_time.as_ref().and_then(from_proto_time);
    for side in Side::ALL {
        for channel in Channel::ALL {
            let audience = match side {
                Side::Client => Audience::IncidentContacts,
                Side::Management => Audience::Target(Target::Management),
            };
            // Mails to the firm's own people stay off the client's conversation.
            let thread = if side == Side::Client { conversation.clone() } else { String::new() };
            let new = NewNotification {
                id: derived_id(event, &format!("alert {} {}", side.as_str(), channel.as_str())),
                client: declared.client.clone(),
                engagement: declared.engagement.clone(),
                case: declared.case.clone(),
                thread,
                channel,
                side: Some(side),
                facts: Facts { declare_time, ..Facts::default() },
                ..NewNotification::generated(Kind::CriticalAlert, audience)
            };
            notifications.queue(unit, new).await?;
        }
    }
    Ok(())
}

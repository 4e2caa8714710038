//! CaseOpened: which conversation it belongs to is remembered, and a client's mail is acknowledged where the policy says so.

use command::{Fault, Unit, derived_id, wire::from_proto_time};
use contracts::escalation::v1::{CaseOpened, CaseOrigin};

use crate::{
    mail,
    notification::{
        NewNotification, Notifications,
        entity::{Audience, Kind},
    },
    procedure,
    thread::{self, CaseLink},
};

/// How often one person is acknowledged within [`HOUR`].
const MOST_AN_HOUR: u64 = 5;
const HOUR: std::time::Duration = std::time::Duration::from_secs(3600);

/// Remembers it, and queues the acknowledgement, but not to a mail that asks machines for no answer (RFC 3834, section 2).
/// It never counts as a response.
///
/// # Errors
/// The database's, and where the event is not whole.
pub async fn handle(
    notifications: Notifications,
    unit: &Unit<'_>,
    event: &str,
    opened: &CaseOpened,
) -> Result<(), Fault> {
    let link = CaseLink {
        client: opened.client.clone(),
        engagement: opened.engagement.clone(),
        thread: opened.thread.clone(),
        opener: opened.opener.clone(),
    };
    let open_time = opened.open_time.as_ref().and_then(from_proto_time);
    let open_time = open_time.ok_or_else(|| Fault::Stored("a case without a time".into()))?;
    thread::link_case(unit.tx(), &opened.case, &link, open_time).await?;
    unit.touched(&opened.case);
    if opened.origin() != CaseOrigin::Mail || opened.mail.is_empty() {
        return Ok(());
    }
    let id = opened.mail.trim_start_matches("mails/");
    mail::set_case(unit.tx(), id, &opened.case).await?;
    let wanted = procedure::policy(unit.tx()).await?.is_some_and(|policy| policy.auto_acknowledge);
    let declined = mail::find(unit.tx(), id).await?.is_some_and(|stored| stored.mail.no_automatic_answer);
    if !wanted || declined || mail::entity::client_of(&opened.opener) != opened.client {
        return Ok(());
    }
    let audience = Audience::Contact(opened.opener.clone());
    // A machine at the other end that does not say that it is one answers each acknowledgement with a mail of its own.
    if notifications.queued_since(unit, Kind::AutoAcknowledgement, &audience, HOUR).await? >= MOST_AN_HOUR {
        tracing::warn!(case = opened.case, "not acknowledged: its writer was acknowledged too often of late");
        return Ok(());
    }
    let new = NewNotification {
        id: derived_id(event, "auto-acknowledgement"),
        client: opened.client.clone(),
        engagement: opened.engagement.clone(),
        case: opened.case.clone(),
        thread: opened.thread.clone(),
        ..NewNotification::generated(Kind::AutoAcknowledgement, audience)
    };
    notifications.queue(unit, new).await.map(drop)
}

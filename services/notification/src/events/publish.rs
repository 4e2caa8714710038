//! From what changed to what is told; the only place where events of this service are made.

use business_time::Timestamp;
use command::{Fault, Unit, wire::proto_time};
use contracts::notification::v1 as told;

use crate::{
    grpc::{convert, form_to_wire},
    mail::entity::{Answered, Mail},
    meeting::entity::Meeting,
    notification::{
        alerts::Progress,
        entity::{Notification, State},
    },
    suppression::entity::Suppression,
};

/// A client's word.
pub async fn inquiry_received(unit: &Unit<'_>, mail: &mut Mail) -> Result<(), Fault> {
    let event = told::InquiryReceived {
        mail: mail.name(),
        client: mail.client.clone(),
        contact: mail.contact.clone(),
        thread: mail.thread.clone(),
        case: mail.case.clone(),
        receive_time: Some(proto_time(mail.receive_time)),
    };
    unit.publish(&mail.name(), mail.next_revision(), &event).await.map(drop)
}

/// Nobody's word on a client's conversation.
pub async fn mail_noted(unit: &Unit<'_>, mail: &mut Mail, on: &Answered, third_party: bool) -> Result<(), Fault> {
    let event = told::MailNoted {
        mail: mail.name(),
        client: on.client.clone(),
        thread: on.thread.clone(),
        case: on.case.clone(),
        kind: convert::mail_kind(mail.kind).into(),
        third_party,
        receive_time: Some(proto_time(mail.receive_time)),
    };
    unit.publish(&mail.name(), mail.next_revision(), &event).await.map(drop)
}

/// It lies in triage.
pub async fn mail_triaged(unit: &Unit<'_>, mail: &mut Mail) -> Result<(), Fault> {
    let reason = mail.triage.as_ref().map(|triage| triage.reason.as_str()).unwrap_or_default();
    let event = told::MailTriaged {
        mail: mail.name(),
        reason: reason.to_owned(),
        receive_time: Some(proto_time(mail.receive_time)),
    };
    unit.publish(&mail.name(), mail.next_revision(), &event).await.map(drop)
}

/// It lay there too long.
pub async fn triage_overdue(unit: &Unit<'_>, mail: &mut Mail) -> Result<(), Fault> {
    let due = mail.triage.as_ref().and_then(|triage| triage.due_time);
    let event = told::TriageOverdue { mail: mail.name(), due_time: due.map(proto_time) };
    unit.publish(&mail.name(), mail.next_revision(), &event).await.map(drop)
}

/// It left triage.
pub async fn triage_ended(unit: &Unit<'_>, mail: &mut Mail) -> Result<(), Fault> {
    let event = told::TriageEnded { mail: mail.name(), state: convert::mail_state(mail.state).into() };
    unit.publish(&mail.name(), mail.next_revision(), &event).await.map(drop)
}

/// Copies of a notification came back; its revision is the event's.
pub async fn delivery_returned(
    unit: &Unit<'_>,
    notification: &Notification,
    people: &[String],
    everybody: bool,
    receive_time: Timestamp,
) -> Result<(), Fault> {
    let event = told::DeliveryReturned {
        notification: notification.name(),
        kind: convert::notification_kind(notification.kind).into(),
        client: notification.client.clone(),
        case: notification.case.clone(),
        author: notification.author.clone(),
        recipients: people.to_vec(),
        everybody,
        reason: notification.reason.clone(),
        return_time: Some(proto_time(receive_time)),
        hand_over_time: notification.hand_over_time.map(proto_time),
    };
    unit.publish(&notification.name(), notification.revision, &event).await.map(drop)
}

/// A copy of what a colleague wrote to the client.
pub async fn sent_copy_received(unit: &Unit<'_>, mail: &mut Mail) -> Result<(), Fault> {
    let event = told::SentCopyReceived {
        mail: mail.name(),
        client: mail.client.clone(),
        thread: mail.thread.clone(),
        case: mail.case.clone(),
        author: mail.author.clone(),
        recipients: mail.recipients.clone(),
        receive_time: Some(proto_time(mail.receive_time)),
    };
    unit.publish(&mail.name(), mail.next_revision(), &event).await.map(drop)
}

/// An address takes no mail any more.
pub async fn recipient_suppressed(unit: &Unit<'_>, suppression: &Suppression) -> Result<(), Fault> {
    let event = told::RecipientSuppressed {
        suppression: suppression.name(),
        client: suppression.client.clone(),
        person: suppression.contact.clone(),
        notification: suppression.notification.clone(),
        reason: suppression.reason.clone(),
    };
    unit.publish(&suppression.name(), suppression.revision, &event).await.map(drop)
}

/// It takes mail again.
pub async fn suppression_lifted(unit: &Unit<'_>, suppression: &Suppression) -> Result<(), Fault> {
    let event = told::SuppressionLifted {
        suppression: suppression.name(),
        client: suppression.client.clone(),
        person: suppression.contact.clone(),
    };
    unit.publish(&suppression.name(), suppression.revision, &event).await.map(drop)
}

/// A meeting was held, and counts.
pub async fn meeting_held(unit: &Unit<'_>, meeting: &Meeting) -> Result<(), Fault> {
    let event = told::MeetingHeld {
        meeting: meeting.name(),
        client: meeting.client.clone(),
        engagement: meeting.engagement.clone(),
        case: meeting.case.clone(),
        form: form_to_wire(meeting.form).into(),
        host: meeting.host.clone(),
        contacts: meeting.contacts.clone(),
        start_time: Some(proto_time(meeting.start_time)),
        end_time: meeting.end_time().map(proto_time),
        answers: meeting.answers,
    };
    unit.publish(&meeting.name(), meeting.revision, &event).await.map(drop)
}

/// What became of a notification; its revision is the event's.
pub async fn notification(unit: &Unit<'_>, notification: &Notification) -> Result<(), Fault> {
    let (name, revision) = (notification.name(), notification.revision);
    let kind = convert::notification_kind(notification.kind).into();
    let (report, audience) = (notification.report.clone(), notification.audience.name());
    let (client, case, reason) = (notification.client.clone(), notification.case.clone(), notification.reason.clone());
    let notified = name.clone();
    let published = match notification.state {
        State::Queued => {
            let event = told::NotificationQueued { notification: notified, kind, client, case };
            unit.publish(&name, revision, &event).await
        }
        // Told by [`alert`], with who and how.
        State::Reached => return Ok(()),
        State::HandedOver => {
            let event = told::DeliverySucceeded {
                notification: notified,
                kind,
                client,
                case,
                author: notification.author.clone(),
                recipients: notification.recipients.clone(),
                stand_ins_for: notification.stand_ins_for.clone(),
                hand_over_time: notification.hand_over_time.map(proto_time),
                report,
                audience,
            };
            unit.publish(&name, revision, &event).await
        }
        State::Blocked => {
            let event = told::DeliveryBlocked { notification: notified, kind, client, case, reason, report, audience };
            unit.publish(&name, revision, &event).await
        }
        State::Failed => {
            let event = told::DeliveryFailed { notification: notified, kind, client, case, reason, report, audience };
            unit.publish(&name, revision, &event).await
        }
        // What comes back is told with whose copy it was.
        State::Returned => return Ok(()),
        State::Cancelled => {
            let event = told::NotificationCancelled { notification: notified, kind, client, case };
            unit.publish(&name, revision, &event).await
        }
    };
    published.map(drop)
}

/// How an alert got on. Raises its revision: write its row afterwards.
pub async fn alert(unit: &Unit<'_>, notification: &mut Notification, progress: &Progress<'_>) -> Result<(), Fault> {
    notification.revision += 1;
    let event = told::AlertProgressed {
        notification: notification.name(),
        client: notification.client.clone(),
        case: notification.case.clone(),
        side: convert::alert_side(notification).into(),
        channel: convert::channel(notification.channel).into(),
        step: convert::alert_step(progress.step).into(),
        person: progress.person.to_owned(),
        attempt: i32::try_from(progress.attempt).unwrap_or(i32::MAX),
        reason: progress.reason.to_owned(),
        time: Some(proto_time(progress.time)),
        from_copy: progress.from_copy,
    };
    unit.publish(&notification.name(), notification.revision, &event).await.map(drop)
}

//! What notification has, where its events cannot be had one by one: mails and notifications by its lists.

use business_time::Timestamp;
use command::{Commands, Fault, Unit, wire::from_proto_time};
use contracts::notification::v1::{
    self as wire, AlertProgressed, AlertStep, DeliveryReturned, DeliverySucceeded, GetNotificationRequest,
    ListMailsRequest, ListMeetingsRequest, ListNotificationsRequest, MailKind, MailNoted, MailState, MeetingHeld,
    MeetingState, NotificationKind, NotificationState, SentCopyReceived, inbound_service_client::InboundServiceClient,
    meeting_service_client::MeetingServiceClient, notification_service_client::NotificationServiceClient,
};
use database::Database;
use event_log::HandlerError;
use runtime::Client;
use tonic::Status;

use crate::{
    case::{Cases, entity::Word},
    events::{
        on_alert_progressed, on_delivery_ended, on_delivery_returned, on_delivery_succeeded, on_mail_noted,
        on_meeting_held, on_sent_copy_received,
    },
};

/// notification, as this service asks it. Cheap to clone.
#[derive(Clone)]
pub struct Notification {
    channel: Client,
}

/// Something that an event would have told.
#[derive(Clone, Debug)]
enum Told {
    Mail(wire::Mail),
    Notification(wire::Notification),
    Meeting(wire::Meeting),
    Alert(AlertProgressed),
}

impl Notification {
    /// Over this channel, which brings this service's own token.
    pub fn new(channel: Client) -> Self {
        Self { channel }
    }

    /// Takes over every mail and every delivery that is not known here, in the order in which they happened, each in a
    /// transaction of its own. What is known here already changes nothing.
    ///
    /// # Errors
    /// Where notification does not answer, or the database fails; what was taken over by then stays.
    pub async fn take_over(&self, commands: &Commands, cases: &Cases, db: &Database) -> Result<(), HandlerError> {
        let mut told = self.everything().await.map_err(|status| {
            tracing::warn!(rpc.code = ?status.code(), "notification does not tell what it has");
            HandlerError::Retry
        })?;
        told.sort_by_key(|(time, _)| *time);
        for (_, one) in told {
            let (commands, cases) = (commands.clone(), cases.clone());
            let taken = db.transaction(move |tx| {
                let (commands, cases, one) = (commands.clone(), cases.clone(), one.clone());
                Box::pin(async move {
                    let unit = commands.unit(tx, "services/notification", "escalation.take-over");
                    one.apply(&cases, &unit).await?;
                    unit.finish().await
                })
            });
            taken.await.map_err(|fault: Fault| {
                tracing::error!(error = %fault, "notification's state was not taken over");
                HandlerError::Retry
            })?;
        }
        cases.committed();
        Ok(())
    }

    async fn everything(&self) -> Result<Vec<(Timestamp, Told)>, Status> {
        let mut told = Vec::new();
        for state in [MailState::Attributed, MailState::SentCopy] {
            self.mails(state, &mut told).await?;
        }
        let mut page_token = String::new();
        loop {
            let request = ListNotificationsRequest { page_size: 200, page_token, ..Default::default() };
            let page = NotificationServiceClient::new(self.channel.clone()).list_notifications(request).await?;
            let page = page.into_inner();
            for one in page.notifications {
                let time = one.hand_over_time.as_ref().or(one.queue_time.as_ref()).and_then(from_proto_time);
                let Some(time) = time else { continue };
                if one.kind() == NotificationKind::CriticalAlert {
                    told.extend(self.alert(&one.name).await?.into_iter().map(|(time, step)| (time, Told::Alert(step))));
                }
                told.push((time, Told::Notification(one)));
            }
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        loop {
            let state = MeetingState::Closed.into();
            let request = ListMeetingsRequest { state, page_size: 200, page_token, ..Default::default() };
            let page = MeetingServiceClient::new(self.channel.clone()).list_meetings(request).await?.into_inner();
            told.extend(page.meetings.into_iter().filter_map(|meeting| {
                let time = from_proto_time(meeting.end_time.as_ref()?)?;
                Some((time, Told::Meeting(meeting)))
            }));
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        Ok(told)
    }

    async fn mails(&self, state: MailState, told: &mut Vec<(Timestamp, Told)>) -> Result<(), Status> {
        let mut page_token = String::new();
        loop {
            let request = ListMailsRequest { state: state.into(), page_size: 200, page_token, ..Default::default() };
            let page = InboundServiceClient::new(self.channel.clone()).list_mails(request).await?.into_inner();
            told.extend(page.mails.into_iter().filter_map(|mail| {
                let time = from_proto_time(mail.receive_time.as_ref()?)?;
                Some((time, Told::Mail(mail)))
            }));
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return Ok(());
            }
        }
    }
}

impl Notification {
    /// What was told of an alert, as far as its attempts say: how each began, how it ended, and whether nobody was left.
    async fn alert(&self, name: &str) -> Result<Vec<(Timestamp, AlertProgressed)>, Status> {
        let request = GetNotificationRequest { name: name.to_owned() };
        let answer = NotificationServiceClient::new(self.channel.clone()).get_notification(request).await?.into_inner();
        Ok(answer.notification.as_ref().map(steps_of).unwrap_or_default())
    }
}

fn steps_of(alert: &wire::Notification) -> Vec<(Timestamp, AlertProgressed)> {
    let step =
        |step: AlertStep, attempt: i32, person: String, reason: &str, from_copy, time: prost_types::Timestamp| {
            let told = AlertProgressed {
                notification: alert.name.clone(),
                client: alert.client.clone(),
                case: alert.case.clone(),
                side: alert.side,
                channel: alert.channel,
                step: step.into(),
                person,
                attempt,
                reason: reason.to_owned(),
                time: Some(time),
                from_copy,
            };
            Some((from_proto_time(&time)?, told))
        };
    let mut told = Vec::new();
    for one in &alert.attempts_made {
        // A mail goes to several at once.
        let person = if let [person] = one.people.as_slice() { person.clone() } else { String::new() };
        let begin = one
            .begin_time
            .and_then(|time| step(AlertStep::Attempted, one.attempt, person.clone(), "", one.from_copy, time));
        told.extend(begin);
        if one.step() != AlertStep::Attempted {
            let end = one.end_time.or(one.begin_time);
            told.extend(end.and_then(|time| step(one.step(), one.attempt, person, &one.reason, one.from_copy, time)));
        }
    }
    if alert.state() == NotificationState::Failed {
        let last = alert.attempts_made.iter().filter_map(|one| one.end_time).next_back().or(alert.queue_time);
        told.extend(last.and_then(|time| step(AlertStep::Failed, 0, String::new(), &alert.reason, false, time)));
    }
    told
}

impl Told {
    async fn apply(&self, cases: &Cases, unit: &Unit<'_>) -> Result<(), Fault> {
        match self {
            Self::Mail(mail) => apply_mail(cases, unit, mail).await,
            Self::Notification(notification) => apply_notification(cases, unit, notification).await,
            Self::Meeting(meeting) => apply_meeting(cases, unit, meeting).await,
            Self::Alert(step) => on_alert_progressed::handle(cases, unit, step).await,
        }
    }
}

async fn apply_mail(cases: &Cases, unit: &Unit<'_>, mail: &wire::Mail) -> Result<(), Fault> {
    if mail.state() == MailState::SentCopy {
        let copy = SentCopyReceived {
            mail: mail.name.clone(),
            client: mail.client.clone(),
            thread: mail.thread.clone(),
            case: mail.case.clone(),
            author: mail.author.clone(),
            recipients: mail.recipients.clone(),
            receive_time: mail.receive_time,
        };
        return on_sent_copy_received::handle(cases, unit, &copy).await;
    }
    if mail.kind() == MailKind::Personal && !mail.contact.is_empty() {
        let received = mail.receive_time.as_ref().and_then(from_proto_time);
        let received = received.ok_or_else(|| Fault::Stored("a mail without a time".into()))?;
        let word = Word { mail: mail.name.clone(), contact: mail.contact.clone(), received };
        return cases.client_wrote(unit, &mail.client, &mail.thread, &mail.case, word).await;
    }
    let noted = MailNoted {
        mail: mail.name.clone(),
        client: mail.client.clone(),
        thread: mail.thread.clone(),
        case: mail.case.clone(),
        kind: mail.kind,
        third_party: mail.contact.is_empty(),
        receive_time: mail.receive_time,
    };
    on_mail_noted::handle(cases, unit, &noted).await
}

async fn apply_meeting(cases: &Cases, unit: &Unit<'_>, meeting: &wire::Meeting) -> Result<(), Fault> {
    if meeting.case.is_empty() {
        return Ok(());
    }
    let held = MeetingHeld {
        meeting: meeting.name.clone(),
        client: meeting.client.clone(),
        engagement: meeting.engagement.clone(),
        case: meeting.case.clone(),
        form: meeting.form,
        host: meeting.host.clone(),
        contacts: meeting.contacts.clone(),
        start_time: meeting.start_time,
        end_time: meeting.end_time,
        answers: meeting.answers,
    };
    on_meeting_held::handle(cases, unit, &held).await
}

async fn apply_notification(cases: &Cases, unit: &Unit<'_>, of: &wire::Notification) -> Result<(), Fault> {
    if of.case.is_empty() {
        return Ok(());
    }
    match of.state() {
        NotificationState::HandedOver | NotificationState::Reached | NotificationState::Returned => {
            let told = DeliverySucceeded {
                notification: of.name.clone(),
                kind: of.kind,
                client: of.client.clone(),
                case: of.case.clone(),
                author: of.author.clone(),
                recipients: of.recipients.clone(),
                stand_ins_for: of.stand_ins_for.clone(),
                hand_over_time: of.hand_over_time,
                report: of.report.clone(),
                audience: of.audience.clone(),
            };
            on_delivery_succeeded::handle(cases, unit, &told).await?;
            if of.returned.is_empty() {
                return Ok(());
            }
            let back = DeliveryReturned {
                notification: of.name.clone(),
                kind: of.kind,
                client: of.client.clone(),
                case: of.case.clone(),
                author: of.author.clone(),
                recipients: of.returned.clone(),
                everybody: of.state() == NotificationState::Returned,
                reason: of.reason.clone(),
                return_time: of.return_time,
                hand_over_time: of.hand_over_time,
            };
            on_delivery_returned::handle(cases, unit, &back).await
        }
        NotificationState::Failed | NotificationState::Blocked => {
            on_delivery_ended::handle(cases, unit, &of.case, &of.name, &of.reason).await
        }
        NotificationState::Queued | NotificationState::Cancelled | NotificationState::Unspecified => Ok(()),
    }
}

//! Between the contract's types and the domain's.

use business_time::Timestamp;
use command::wire::proto_time;
use contracts::{client_registry::v1 as registry, notification::v1 as wire};

use crate::{
    call::{
        StoredCall,
        entity::{self as call, Call},
    },
    mail::{
        entity::{Mail, State as MailState},
        parse::Kind as MailKind,
        trace::SenderCheck,
        words::Words as MailWords,
    },
    notification::{
        Attempts, Words,
        alert::{Channel, Side, Step},
        entity::{Kind, Notification, State},
        repo::Attempt,
    },
};

pub fn mail_kind(kind: MailKind) -> wire::MailKind {
    match kind {
        MailKind::Personal => wire::MailKind::Personal,
        MailKind::Automatic => wire::MailKind::Automatic,
        MailKind::DeliveryReport => wire::MailKind::DeliveryReport,
    }
}

pub fn mail_state(state: MailState) -> wire::MailState {
    match state {
        MailState::Received => wire::MailState::Received,
        MailState::Attributed => wire::MailState::Attributed,
        MailState::InTriage => wire::MailState::InTriage,
        MailState::Dismissed => wire::MailState::Dismissed,
        MailState::Filed => wire::MailState::Filed,
        MailState::SentCopy => wire::MailState::SentCopy,
    }
}

/// None for `MAIL_STATE_UNSPECIFIED`, which asks for all.
pub fn mail_state_of(state: wire::MailState) -> Option<MailState> {
    match state {
        wire::MailState::Unspecified => None,
        wire::MailState::Received => Some(MailState::Received),
        wire::MailState::Attributed => Some(MailState::Attributed),
        wire::MailState::InTriage => Some(MailState::InTriage),
        wire::MailState::Dismissed => Some(MailState::Dismissed),
        wire::MailState::Filed => Some(MailState::Filed),
        wire::MailState::SentCopy => Some(MailState::SentCopy),
    }
}

/// Without words where none are given.
pub fn mail(mail: &Mail, words: Option<&MailWords>, text: &str) -> wire::Mail {
    let check = match mail.check {
        None => wire::SenderCheck::Unspecified,
        Some(SenderCheck::Passed) => wire::SenderCheck::Passed,
        Some(SenderCheck::Failed) => wire::SenderCheck::Failed,
        Some(SenderCheck::Missing) => wire::SenderCheck::Missing,
    };
    let time = |time: Option<Timestamp>| time.map(proto_time);
    let triage = mail.triage.as_ref().map(|triage| wire::Triage {
        reason: triage.reason.as_str().to_owned(),
        due_time: time(triage.due_time),
        overdue: triage.overdue,
        owners: triage.owners.clone(),
        end_time: time(triage.end_time),
        ended_by: triage.ended_by.clone(),
    });
    let words = words.cloned().unwrap_or_default();
    wire::Mail {
        name: mail.name(),
        state: mail_state(mail.state).into(),
        kind: mail_kind(mail.kind).into(),
        client: mail.client.clone(),
        contact: mail.contact.clone(),
        thread: mail.thread.clone(),
        case: mail.case.clone(),
        receive_time: Some(proto_time(mail.receive_time)),
        record_time: Some(proto_time(mail.record_time)),
        from: words.sender,
        subject: words.subject,
        text: text.to_owned(),
        message_id: words.message_id,
        sender_check: check.into(),
        triage,
        revision: mail.revision,
        author: mail.author.clone(),
        recipients: mail.recipients.clone(),
    }
}

pub fn notification_kind(kind: Kind) -> wire::NotificationKind {
    match kind {
        Kind::Reply => wire::NotificationKind::Reply,
        Kind::Acknowledgement => wire::NotificationKind::Acknowledgement,
        Kind::AutoAcknowledgement => wire::NotificationKind::AutoAcknowledgement,
        Kind::ClockBreach => wire::NotificationKind::ClockBreach,
        Kind::Escalation => wire::NotificationKind::Escalation,
        Kind::ConfirmationRequest => wire::NotificationKind::ConfirmationRequest,
        Kind::ConfirmationReminder => wire::NotificationKind::ConfirmationReminder,
        Kind::Triage => wire::NotificationKind::Triage,
        Kind::TriageOverdue => wire::NotificationKind::TriageOverdue,
        Kind::ConfirmationAnswered => wire::NotificationKind::ConfirmationAnswered,
        Kind::CriticalAlert => wire::NotificationKind::CriticalAlert,
        Kind::AlertFailed => wire::NotificationKind::AlertFailed,
        Kind::IncidentUpdate => wire::NotificationKind::IncidentUpdate,
        Kind::Report => wire::NotificationKind::Report,
        Kind::ContributionRequest => wire::NotificationKind::ContributionRequest,
        Kind::ReportApproval => wire::NotificationKind::ReportApproval,
        Kind::ReportOverdue => wire::NotificationKind::ReportOverdue,
        Kind::ReportDue => wire::NotificationKind::ReportDue,
        Kind::ReportReturned => wire::NotificationKind::ReportReturned,
        Kind::ReportFailed => wire::NotificationKind::ReportFailed,
        Kind::Undelivered => wire::NotificationKind::Undelivered,
    }
}

/// Without the enum's prefix, for example `REPLY`.
pub fn kind_name(kind: Kind) -> &'static str {
    notification_kind(kind).as_str_name().trim_start_matches("NOTIFICATION_KIND_")
}

fn notification_state(state: State) -> wire::NotificationState {
    match state {
        State::Queued => wire::NotificationState::Queued,
        State::HandedOver => wire::NotificationState::HandedOver,
        State::Blocked => wire::NotificationState::Blocked,
        State::Failed => wire::NotificationState::Failed,
        State::Cancelled => wire::NotificationState::Cancelled,
        State::Reached => wire::NotificationState::Reached,
        State::Returned => wire::NotificationState::Returned,
    }
}

pub fn channel(channel: Channel) -> registry::Channel {
    match channel {
        Channel::Email => registry::Channel::Email,
        Channel::Phone => registry::Channel::Phone,
    }
}

fn side(side: Side) -> wire::AlertSide {
    match side {
        Side::Client => wire::AlertSide::Client,
        Side::Management => wire::AlertSide::Management,
    }
}

/// Unspecified where it is no alert.
pub fn alert_side(notification: &Notification) -> wire::AlertSide {
    notification.alert.map_or(wire::AlertSide::Unspecified, |alert| side(alert.side))
}

pub fn alert_step(step: Step) -> wire::AlertStep {
    match step {
        Step::Attempted => wire::AlertStep::Attempted,
        Step::NotReached => wire::AlertStep::NotReached,
        Step::HandedOver => wire::AlertStep::HandedOver,
        Step::Reached => wire::AlertStep::Reached,
        Step::Failed => wire::AlertStep::Failed,
    }
}

fn mail_attempt(attempt: &Attempt) -> wire::AlertAttempt {
    let (step, reason) = match attempt.outcome.as_str() {
        "" => (Step::Attempted, ""),
        "handed_over" => (Step::HandedOver, ""),
        "reached" => (Step::Reached, ""),
        reason => (Step::NotReached, reason),
    };
    wire::AlertAttempt {
        people: attempt.recipients.clone(),
        attempt: i32::try_from(attempt.number).unwrap_or(i32::MAX),
        step: alert_step(step).into(),
        reason: reason.to_owned(),
        begin_time: Some(proto_time(attempt.claim_time)),
        end_time: attempt.end_time.map(proto_time),
        evidence: attempt.evidence.clone(),
        from_copy: attempt.from_copy,
        possible_duplicate: attempt.possible_duplicate,
    }
}

fn call_attempt(call: &Call) -> wire::AlertAttempt {
    let (step, reason) = match call.state {
        call::State::Claimed | call::State::Placed => (Step::Attempted, ""),
        call::State::Ended(reason) => (reason.step(), reason.as_str()),
        call::State::Reached => (Step::Reached, ""),
    };
    wire::AlertAttempt {
        people: vec![call.person.clone()],
        attempt: i32::try_from(call.number).unwrap_or(i32::MAX),
        step: alert_step(step).into(),
        reason: reason.to_owned(),
        begin_time: Some(proto_time(call.claim_time)),
        end_time: call.key_press_time.or(call.end_time).map(proto_time),
        evidence: call.name(),
        from_copy: call.from_copy,
        possible_duplicate: call.possible_duplicate,
    }
}

/// Without its number.
pub fn call(stored: &StoredCall) -> wire::Call {
    let call = &stored.call;
    let (state, reason) = match call.state {
        call::State::Claimed => (wire::CallState::Claimed, ""),
        call::State::Placed => (wire::CallState::Placed, ""),
        call::State::Ended(reason) => (wire::CallState::Ended, reason.as_str()),
        call::State::Reached => (wire::CallState::Reached, ""),
    };
    let answered_by = match call.answered_by {
        None => wire::AnsweredBy::Unspecified,
        Some(call::AnsweredBy::Human) => wire::AnsweredBy::Human,
        Some(call::AnsweredBy::Machine) => wire::AnsweredBy::Machine,
    };
    wire::Call {
        name: call.name(),
        notification: format!("notifications/{}", call.notification),
        client: call.client.clone(),
        case: call.case.clone(),
        side: side(call.side).into(),
        person: call.person.clone(),
        attempt: i32::try_from(call.number).unwrap_or(i32::MAX),
        state: state.into(),
        reason: reason.to_owned(),
        answered_by: answered_by.into(),
        begin_time: Some(proto_time(call.claim_time)),
        key_press_time: call.key_press_time.map(proto_time),
        end_time: call.end_time.map(proto_time),
        provider: call.provider.clone(),
        from_copy: call.from_copy,
        possible_duplicate: call.possible_duplicate,
        round: i32::try_from(call.round).unwrap_or(i32::MAX),
    }
}

pub fn call_report(of: &wire::ReportCallRequest) -> call::Report {
    let status = match of.status() {
        wire::CallStatus::Unspecified => None,
        wire::CallStatus::Ringing => Some(call::Status::Ringing),
        wire::CallStatus::Answered => Some(call::Status::Answered),
        wire::CallStatus::Completed => Some(call::Status::Completed),
        wire::CallStatus::Busy => Some(call::Status::Busy),
        wire::CallStatus::NoAnswer => Some(call::Status::NoAnswer),
        wire::CallStatus::Failed => Some(call::Status::Failed),
        wire::CallStatus::Cancelled => Some(call::Status::Cancelled),
    };
    let answered_by = match of.answered_by() {
        wire::AnsweredBy::Unspecified => None,
        wire::AnsweredBy::Human => Some(call::AnsweredBy::Human),
        wire::AnsweredBy::Machine => Some(call::AnsweredBy::Machine),
    };
    let sequence = u32::try_from(of.sequence).unwrap_or_default();
    call::Report { sequence, status, answered_by, digits: of.digits.clone() }
}

/// With every attempt of an alert.
pub fn with_attempts(mut notification: wire::Notification, attempts: &Attempts) -> wire::Notification {
    let mails = attempts.mails.iter().map(mail_attempt);
    notification.attempts_made = mails.chain(attempts.calls.iter().map(|stored| call_attempt(&stored.call))).collect();
    notification
}

/// Without words where none are given.
pub fn notification(notification: &Notification, words: Option<&Words>) -> wire::Notification {
    let words = words.cloned().unwrap_or_default();
    wire::Notification {
        name: notification.name(),
        kind: notification_kind(notification.kind).into(),
        state: notification_state(notification.state).into(),
        client: notification.client.clone(),
        case: notification.case.clone(),
        author: notification.author.clone(),
        audience: notification.audience.name(),
        recipients: notification.recipients.clone(),
        stand_ins_for: notification.stand_ins_for.clone(),
        subject: words.subject,
        text: words.text,
        message_id: notification.message_id.clone(),
        queue_time: Some(proto_time(notification.queue_time)),
        hand_over_time: notification.hand_over_time.map(proto_time),
        reason: notification.reason.clone(),
        attempts: i32::try_from(notification.tries).unwrap_or(i32::MAX),
        revision: notification.revision,
        mail: notification.mail.clone(),
        channel: channel(notification.channel).into(),
        side: alert_side(notification).into(),
        attempts_made: Vec::new(),
        possible_duplicate: notification.possible_duplicate,
        returned: notification.returned.clone(),
        return_time: notification.return_time.map(proto_time),
        report: notification.report.clone(),
        language_override_reason: words.override_reason,
        language_blocks: notification.language_blocks.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_number_enums_as_the_contract_does() {
        let numbers: std::collections::BTreeSet<_> =
            Kind::ALL.iter().map(|kind| notification_kind(*kind) as i32).collect();
        assert_eq!(numbers.len(), Kind::ALL.len(), "each kind has a number of its own, by which the table keeps it");
        assert_eq!(kind_name(Kind::AutoAcknowledgement), "AUTO_ACKNOWLEDGEMENT");
        let states =
            [State::Queued, State::HandedOver, State::Blocked, State::Failed, State::Cancelled, State::Reached];
        for (at, state) in (1..).zip(states) {
            assert_eq!(notification_state(state) as i32, at);
        }
        for (at, known) in (1..).zip(Channel::ALL) {
            assert_eq!(channel(known) as i32, at);
        }
        for (at, known) in (1..).zip(Side::ALL) {
            assert_eq!(side(known) as i32, at);
        }
    }
}

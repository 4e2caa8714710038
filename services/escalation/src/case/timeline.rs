//! How a fact is written down (SOP 8.3): the bytes that are hashed as they are stored.

use business_time::Timestamp;
use command::wire::proto_time;
use contracts::{
    client_registry::v1 as registry,
    escalation::v1::{self as wire, TimelineEntry, TimelineKind},
    notification::v1 as notification,
};
use prost::Message;

use super::entity::{
    Alert, AlertSide, AlertStep, By, Case, Cause, Channel, ClockKind, Due, Fact, Mailed, Provenance, Side, What,
};

/// The entry of a fact, encoded. `actor` is for whom the unit of work is done.
pub fn encode(case: &Case, fact: &Fact, sequence: u64, actor: &str, now: Timestamp) -> Vec<u8> {
    entry(case, fact, sequence, actor, now).encode_to_vec()
}

fn entry(case: &Case, fact: &Fact, sequence: u64, actor: &str, now: Timestamp) -> TimelineEntry {
    let actor = match &fact.by {
        By::Caller => actor,
        By::Timer => "timer",
        By::Person(person) => person,
    };
    let blank = TimelineEntry {
        case: case.name(),
        sequence,
        record_time: Some(proto_time(now)),
        occur_time: Some(proto_time(fact.occur)),
        actor: actor.to_owned(),
        policy_version: case.policy.as_ref().map_or(0, |policy| policy.version),
        ..TimelineEntry::default()
    };
    let of = |kind: TimelineKind| TimelineEntry { kind: kind.into(), ..blank.clone() };
    match &fact.what {
        What::Opened { text, mail, kind: _ } => {
            TimelineEntry { text: text.clone(), references: mail.iter().cloned().collect(), ..of(TimelineKind::Opened) }
        }
        What::ClientWrote { mail } => mailed_in(of(TimelineKind::ClientWrote), mail),
        What::AutomaticMail { mail } => mailed_in(of(TimelineKind::AutomaticMail), mail),
        What::ThirdPartyMail { mail } => mailed_in(of(TimelineKind::ThirdPartyMail), mail),
        What::Reopened { mail } => mailed_in(of(TimelineKind::Reopened), mail),
        What::ClockSet { clock, due } => due_of(of(TimelineKind::ClockSet), *clock, due),
        What::ClockBreached { clock, due } => due_of(of(TimelineKind::ClockBreached), *clock, due),
        What::ClockRecomputed { clock, due, breach_stands } => {
            let entry = due_of(of(TimelineKind::ClockRecomputed), *clock, due);
            TimelineEntry { reason: said(*breach_stands, "BREACH_STANDS"), ..entry }
        }
        What::Responded { mailed, ends_clock, in_time_after_all } => {
            let entry = mailed_out(of(TimelineKind::Responded), mailed);
            let clock = if *ends_clock { clock_of(ClockKind::FirstResponse) } else { 0 };
            TimelineEntry { clock, reason: said(*in_time_after_all, "IN_TIME_BUT_TOLD_LATE"), ..entry }
        }
        What::BecameIssue { cause } => match cause {
            Cause::Late => TimelineEntry { reason: "FIRST_RESPONSE_LATE".into(), ..of(TimelineKind::BecameIssue) },
            Cause::Raised { text } => {
                TimelineEntry { reason: "RAISED".into(), text: text.clone(), ..of(TimelineKind::BecameIssue) }
            }
            Cause::Critical => TimelineEntry { reason: "CRITICAL".into(), ..of(TimelineKind::BecameIssue) },
        },
        What::Acknowledged => of(TimelineKind::Acknowledged),
        What::Escalated { step, target, due, text } => TimelineEntry {
            step: i32::try_from(*step).unwrap_or(i32::MAX),
            target: target.as_str().into(),
            due_time: due.map(proto_time),
            text: text.clone(),
            clock: clock_of(ClockKind::Resolution),
            ..of(TimelineKind::Escalated)
        },
        What::Told(mailed) => {
            TimelineEntry { reason: mailed.reason.clone(), ..mailed_out(of(TimelineKind::Told), mailed) }
        }
        What::NotTold(mailed) => {
            TimelineEntry { reason: mailed.reason.clone(), ..mailed_out(of(TimelineKind::NotTold), mailed) }
        }
        What::ReplyReturned { mailed, due, runs_again } => {
            let entry = mailed_out(of(TimelineKind::ReplyReturned), mailed);
            let clock = if *runs_again { clock_of(ClockKind::FirstResponse) } else { 0 };
            TimelineEntry {
                clock,
                due_time: due.as_ref().map(|due| proto_time(due.time)),
                reason: mailed.reason.clone(),
                ..entry
            }
        }
        What::AcknowledgementSent(mailed) => {
            let entry = mailed_out(of(TimelineKind::AcknowledgementSent), mailed);
            TimelineEntry { reason: mailed.reason.clone(), ..entry }
        }
        What::ResolutionProposed { revision, text, contact: _ } => {
            TimelineEntry { proposal_revision: *revision, text: text.clone(), ..of(TimelineKind::ResolutionProposed) }
        }
        What::ResolutionRejected { revision, text } => {
            TimelineEntry { proposal_revision: *revision, text: text.clone(), ..of(TimelineKind::ResolutionRejected) }
        }
        What::ResolutionConfirmed { revision, side, person, recorder, text } => TimelineEntry {
            proposal_revision: *revision,
            people: vec![person.clone()],
            target: side_name(*side).into(),
            reason: said(recorder.is_some(), "RECORDED_BY_STAFF"),
            text: text.clone(),
            ..of(TimelineKind::ResolutionConfirmed)
        },
        What::Closed => of(TimelineKind::Closed),
        What::DeclaredCritical { report_due, text, declarer: _ } => TimelineEntry {
            text: text.clone(),
            due_time: Some(proto_time(*report_due)),
            ..of(TimelineKind::DeclaredCritical)
        },
        What::Alerted(alert) => alerted(of(alert_kind(alert.step)), alert),
        What::ClientUpdated { mailed, next, in_time_after_all } => {
            let entry = due_of(mailed_out(of(TimelineKind::ClientUpdated), mailed), ClockKind::ClientUpdate, next);
            TimelineEntry { reason: said(*in_time_after_all, "IN_TIME_BUT_TOLD_LATE"), ..entry }
        }
        What::UpdateMissed { due, periods, superseded } => TimelineEntry {
            periods: if *periods > 1 { i32::try_from(*periods).unwrap_or(i32::MAX) } else { 0 },
            reason: said(*superseded, "TOLD_WITH_LATER"),
            ..due_of(of(TimelineKind::ClockBreached), ClockKind::ClientUpdate, due)
        },
        What::LatenessReason { clock, text } => {
            TimelineEntry { clock: clock_of(*clock), text: text.clone(), ..of(TimelineKind::LatenessReasonGiven) }
        }
        What::ConfirmationReminded { revision, side, due, missed, contact } => TimelineEntry {
            proposal_revision: *revision,
            target: side_name(*side).into(),
            due_time: Some(proto_time(*due)),
            people: contact.iter().cloned().collect(),
            reason: said(*missed, "MISSED"),
            ..of(TimelineKind::ConfirmationReminded)
        },
    }
}

fn alert_kind(step: AlertStep) -> TimelineKind {
    match step {
        AlertStep::Attempted => TimelineKind::AlertAttempted,
        AlertStep::NotReached => TimelineKind::AlertNotReached,
        AlertStep::HandedOver => TimelineKind::AlertHandedOver,
        AlertStep::Reached => TimelineKind::AlertReached,
        AlertStep::Failed => TimelineKind::AlertFailed,
    }
}

fn alerted(entry: TimelineEntry, alert: &Alert) -> TimelineEntry {
    TimelineEntry {
        people: alert.person.iter().cloned().collect(),
        references: vec![alert.notification.clone()],
        reason: alert.reason.clone(),
        alert_side: alert_side_of(alert.side),
        channel: channel_of(alert.channel),
        attempt: i32::try_from(alert.attempt).unwrap_or(i32::MAX),
        from_copy: alert.from_copy,
        ..entry
    }
}

fn mailed_in(entry: TimelineEntry, mail: &str) -> TimelineEntry {
    let references = if mail.is_empty() { Vec::new() } else { vec![mail.to_owned()] };
    TimelineEntry { references, ..entry }
}

fn mailed_out(entry: TimelineEntry, mailed: &Mailed) -> TimelineEntry {
    TimelineEntry {
        people: mailed.people.clone(),
        stand_ins_for: mailed.stand_ins_for.clone(),
        references: vec![mailed.notification.clone()],
        ..entry
    }
}

fn due_of(entry: TimelineEntry, clock: ClockKind, due: &Due) -> TimelineEntry {
    TimelineEntry {
        clock: clock_of(clock),
        due_time: Some(proto_time(due.time)),
        provenance: due.provenance.as_ref().map(provenance),
        ..entry
    }
}

fn said(so: bool, reason: &str) -> String {
    if so { reason.to_owned() } else { String::new() }
}

/// As the contract tells it.
pub fn provenance(provenance: &Provenance) -> wire::Provenance {
    wire::Provenance {
        calendar: provenance.calendar.clone(),
        calendar_revision: provenance.calendar_revision,
        tzdb_version: provenance.tzdb_version.clone(),
        holidays_version: provenance.holidays_version.clone(),
    }
}

/// As the contract numbers it.
pub fn clock_of(clock: ClockKind) -> i32 {
    match clock {
        ClockKind::FirstResponse => wire::ClockKind::FirstResponse.into(),
        ClockKind::Resolution => wire::ClockKind::Resolution.into(),
        ClockKind::ClientUpdate => wire::ClockKind::ClientUpdate.into(),
    }
}

/// As the contract numbers it.
pub fn alert_side_of(side: AlertSide) -> i32 {
    match side {
        AlertSide::Client => notification::AlertSide::Client.into(),
        AlertSide::Management => notification::AlertSide::Management.into(),
    }
}

/// As the contract numbers it.
pub fn channel_of(channel: Channel) -> i32 {
    match channel {
        Channel::Email => registry::Channel::Email.into(),
        Channel::Phone => registry::Channel::Phone.into(),
    }
}

fn side_name(side: Side) -> &'static str {
    match side {
        Side::Client => "CLIENT",
        Side::Firm => "FIRM",
    }
}

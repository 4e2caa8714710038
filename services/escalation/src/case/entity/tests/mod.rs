//! What may happen to a case, and what may not.
//!
//! - [`table`]: every transition from every stage.
//! - [`clocks`]: when what happens by itself, and in what order.
//! - [`critical`]: who is told of an incident, and what the client is owed from then on.
//! - [`mails`]: the client's words and the firm's replies.
//! - [`returned`]: replies that come back.
//! - [`sides`]: proposals and confirmations.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod clocks;
mod critical;
mod mails;
mod returned;
mod sides;
mod table;

use business_time::{Calendar, CalendarSpec, WeekHours, Weekday};

use super::*;

const ACME: &str = "clients/acme";
const CARLA: &str = "clients/acme/contacts/carla";
const COLIN: &str = "clients/acme/contacts/colin";
const STRANGER: &str = "clients/other/contacts/sam";
const ANNA: &str = "staff/anna";
const BEN: &str = "staff/ben";

/// Monday, 10:15 in London, where the office is open from 9 to 17:30.
const MONDAY: &str = "2026-06-01T09:15:00Z";
/// One business day later.
const TUESDAY: &str = "2026-06-02T09:15:00Z";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn hours(hours: i64) -> SignedDuration {
    SignedDuration::from_hours(hours)
}

/// The team lead after 24 hours, management after 48; a reminder a day.
fn policy() -> Arc<Policy> {
    Arc::new(Policy {
        version: 7,
        response_days: 1,
        steps: vec![
            Step { after: hours(24), target: Target::TeamLead },
            Step { after: hours(48), target: Target::Management },
        ],
        reminder: hours(24),
        update_cadence: hours(1),
        report_within: hours(24),
    })
}

fn london(revision: u64, closures: &[&str]) -> WorkingCalendar {
    let days = &Weekday::ALL[..5];
    let week = days.iter().map(|day| WeekHours { day: *day, open: "09:00".into(), close: "17:30".into() });
    let closed = |date: &&str| business_time::Closure { date: (*date).to_owned(), label: String::new() };
    let spec = CalendarSpec {
        id: "london".into(),
        revision,
        time_zone: "Europe/London".into(),
        week: week.collect(),
        closures: closures.iter().map(closed).collect(),
        ..CalendarSpec::default()
    };
    WorkingCalendar { name: "calendars/london".into(), calendar: Calendar::try_new(spec).unwrap() }
}

fn opening(issue: bool) -> Opening {
    Opening {
        id: "one".into(),
        client: ACME.into(),
        engagement: None,
        origin: Origin::Mail { mail: "mails/m1".into(), thread: "t1".into() },
        opener: CARLA.into(),
        kind: if issue { Kind::Issue } else { Kind::Inquiry },
        subject: String::new(),
        open_time: at(MONDAY),
    }
}

/// A mail of Monday, 10:15, with its clock set: due on Tuesday at the same time.
fn inquiry() -> Case {
    Case::open(opening(false), Some(policy()), Some(&london(1, &[]))).0
}

/// An issue from Monday, 10:15.
fn issue() -> Case {
    Case::open(opening(true), Some(policy()), Some(&london(1, &[]))).0
}

fn word(mail: &str, received: &str) -> Word {
    Word { mail: mail.into(), contact: CARLA.into(), received: at(received) }
}

fn reply(author: &str, to: &str, time: &str) -> Handed {
    let mailed = Mailed {
        notification: "notifications/n1".into(),
        people: vec![to.into()],
        stand_ins_for: Vec::new(),
        reason: "REPLY".into(),
    };
    Handed { kind: HandedKind::Reply, author: author.into(), mailed, time: at(time) }
}

/// A critical incident from Monday, 10:15.
fn incident() -> Case {
    Case::open(
        Opening { kind: Kind::Incident, opener: ANNA.into(), ..opening(true) },
        Some(policy()),
        Some(&london(1, &[])),
    )
    .0
}

/// A fact in a word, with what tells it from others of its kind.
fn told(fact: &Fact) -> String {
    match &fact.what {
        What::Opened { .. } => "Opened".into(),
        What::ClientWrote { .. } => "ClientWrote".into(),
        What::AutomaticMail { .. } => "AutomaticMail".into(),
        What::ThirdPartyMail { .. } => "ThirdPartyMail".into(),
        What::ClockSet { clock, .. } => format!("ClockSet({clock:?})"),
        What::ClockRecomputed { breach_stands: true, .. } => "BreachAnnotated".into(),
        What::ClockRecomputed { clock, .. } => format!("ClockRecomputed({clock:?})"),
        What::Responded { ends_clock: true, .. } => "Responded".into(),
        What::Responded { ends_clock: false, .. } => "Replied".into(),
        What::ClockBreached { clock, .. } => format!("ClockBreached({clock:?})"),
        What::BecameIssue { cause: Cause::Late } => "BecameIssue(Late)".into(),
        What::BecameIssue { cause: Cause::Critical } => "BecameIssue(Critical)".into(),
        What::BecameIssue { cause: Cause::Raised { .. } } => "BecameIssue(Raised)".into(),
        What::Acknowledged => "Acknowledged".into(),
        What::ReplyReturned { runs_again: true, .. } => "ReplyReturned".into(),
        What::ReplyReturned { .. } => "ReturnNoted".into(),
        What::Escalated { step, target, .. } => format!("Escalated({step}, {})", target.as_str()),
        What::Told(_) => "Told".into(),
        What::NotTold(_) => "NotTold".into(),
        What::AcknowledgementSent(_) => "AcknowledgementSent".into(),
        What::ResolutionProposed { revision, .. } => format!("Proposed({revision})"),
        What::ResolutionRejected { revision, .. } => format!("Rejected({revision})"),
        What::ResolutionConfirmed { revision, side, .. } => format!("Confirmed({revision}, {side:?})"),
        What::Closed => "Closed".into(),
        What::Reopened { .. } => "Reopened".into(),
        What::DeclaredCritical { .. } => "DeclaredCritical".into(),
        What::Alerted(alert) => format!("Alerted({:?}, {:?}, {:?})", alert.side, alert.channel, alert.step),
        What::ClientUpdated { .. } => "ClientUpdated".into(),
        What::UpdateMissed { periods, superseded, .. } => {
            let with = if *superseded { ", told with later" } else { "" };
            format!("UpdateMissed({periods}{with})")
        }
        What::LatenessReason { clock, .. } => format!("LatenessReason({clock:?})"),
        What::ConfirmationReminded { side, missed: false, .. } => format!("Reminded({side:?})"),
        What::ConfirmationReminded { side, missed: true, .. } => format!("ReminderMissed({side:?})"),
    }
}

fn all(facts: &[Fact]) -> String {
    facts.iter().map(told).collect::<Vec<_>>().join(", ")
}

fn happened(done: Result<Done, CaseError>) -> String {
    match done {
        Err(error) => format!("refused {}", error.reason()),
        Ok(Done::AlreadySo) => "already so".into(),
        Ok(Done::Facts(facts)) => all(&facts),
    }
}

/// Where a case stands, in words.
fn stands(case: &Case) -> &'static str {
    match &case.stage {
        Stage::Inquiry(Inquiry::Awaiting(_)) => "awaiting",
        Stage::Inquiry(Inquiry::Answered(_)) => "answered",
        Stage::Issue(issue) => match &issue.progress {
            Progress::Unresolved { rejected: None } if issue.critical.is_some() => "critical",
            Progress::Unresolved { rejected: None } => match &issue.response {
                None => "unresolved",
                Some(Response::Waiting(_)) => "raised, not answered",
                Some(Response::Late(_)) => "late, not answered",
                Some(Response::Ended(_)) => "answered and unresolved",
            },
            Progress::Unresolved { rejected: Some(_) } => "rejected",
            Progress::Proposed(proposal) => match &proposal.confirmed {
                Confirmed::Nobody => "proposed",
                Confirmed::Client(ClientWord { recorder: None, .. }) => "client confirmed",
                Confirmed::Client(_) => "client's word recorded",
                Confirmed::Firm(_) => "firm confirmed",
            },
            Progress::Closed(_) => "closed",
        },
    }
}

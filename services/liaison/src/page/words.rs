//! What an entry of a timeline says, in a sentence.

use contracts::{
    client_registry::v1::{Channel, EscalationTarget},
    escalation::v1::{CaseKind, CaseState, ClockKind, TimelineEntry, TimelineKind},
    notification::v1::{AlertSide, Notification, NotificationKind},
};

use crate::folder::{Evidence, id_of, is_staff};

/// How an entry is marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    /// The client's word.
    Client,
    /// A person of the firm acted.
    Firm,
    /// Liaison told somebody or set a clock.
    Quiet,
    /// Something was late, or failed.
    Late,
    /// It went up.
    Raised,
    /// It ended well.
    Done,
}

impl Tone {
    /// As the style sheet names it.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Firm => "firm",
            Self::Quiet => "quiet",
            Self::Late => "late",
            Self::Raised => "raised",
            Self::Done => "done",
        }
    }
}

/// Names joined for people.
pub(super) fn people(evidence: &Evidence, names: &[String]) -> String {
    let names: Vec<_> = names.iter().map(|name| evidence.display_name(name)).collect();
    match names.as_slice() {
        [] => "nobody".to_owned(),
        [one] => (*one).to_owned(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

/// Who did something; services and timers are Liaison.
pub(super) fn actor(evidence: &Evidence, name: &str) -> String {
    match name {
        "services/intake" => "The firm's mail server".to_owned(),
        name if name.is_empty() || name == "timer" || name.starts_with("services/") => "Liaison".to_owned(),
        name => evidence.display_name(name).to_owned(),
    }
}

/// A target for people.
pub(super) fn target(target: &str) -> &'static str {
    match target {
        "ACCOUNT_MANAGER" => "the account manager",
        "TEAM_LEAD" => "the team lead",
        "MANAGEMENT" => "management",
        "INTAKE" => "intake",
        _ => "somebody",
    }
}

/// A policy's target for people.
pub(super) fn escalation_target(target_of: EscalationTarget) -> &'static str {
    target(target_of.as_str_name().trim_start_matches("ESCALATION_TARGET_"))
}

/// What a notification is.
pub(super) fn notification_kind(kind: NotificationKind) -> &'static str {
    match kind {
        NotificationKind::Unspecified => "mail",
        NotificationKind::Reply => "reply",
        NotificationKind::Acknowledgement => "acknowledgement",
        NotificationKind::AutoAcknowledgement => "automatic acknowledgement",
        NotificationKind::ClockBreach => "notice of lateness",
        NotificationKind::Escalation => "escalation",
        NotificationKind::ConfirmationRequest => "request to confirm",
        NotificationKind::ConfirmationReminder => "reminder to confirm",
        NotificationKind::Triage => "mail in triage",
        NotificationKind::TriageOverdue => "overdue triage",
        NotificationKind::ConfirmationAnswered => "answer to a confirmation request",
        NotificationKind::Report => "report",
        NotificationKind::ContributionRequest => "request for a contribution",
        NotificationKind::ReportApproval => "report to approve",
        NotificationKind::ReportOverdue => "overdue report",
        NotificationKind::ReportDue => "report due soon",
        NotificationKind::ReportReturned => "report sent back",
        NotificationKind::ReportFailed => "report not delivered",
        NotificationKind::CriticalAlert => "alert of a critical incident",
        NotificationKind::AlertFailed => "notice that an alert reached nobody",
        NotificationKind::IncidentUpdate => "update on a critical incident",
        NotificationKind::Undelivered => "notice that a mail did not arrive",
    }
}

/// A case's state, and whether that is a good end, in the making, or open.
pub(super) fn state(kind: CaseKind, state: CaseState) -> (&'static str, Tone) {
    let issue = matches!(kind, CaseKind::Issue | CaseKind::Incident);
    match state {
        CaseState::Unspecified => ("unknown", Tone::Quiet),
        CaseState::AwaitingResponse => ("awaits a response", Tone::Client),
        CaseState::Answered if issue => ("answered", Tone::Raised),
        CaseState::Answered => ("answered", Tone::Done),
        CaseState::Unresolved => ("unresolved", Tone::Late),
        CaseState::ResolutionProposed => ("resolution proposed", Tone::Raised),
        CaseState::Closed => ("closed by both", Tone::Done),
    }
}

fn clock(clock: ClockKind) -> &'static str {
    match clock {
        ClockKind::Resolution => "24-hour",
        ClockKind::ClientUpdate => "client-update",
        ClockKind::FirstResponse | ClockKind::Unspecified => "first-response",
    }
}

fn alert_side(entry: &TimelineEntry) -> &'static str {
    match entry.alert_side() {
        AlertSide::Client => "The client",
        AlertSide::Management => "Management",
        AlertSide::Unspecified => "Somebody",
    }
}

fn side_word(entry: &TimelineEntry) -> &'static str {
    match entry.alert_side() {
        AlertSide::Client => "the client",
        AlertSide::Management => "management",
        AlertSide::Unspecified => "somebody",
    }
}

fn channel(entry: &TimelineEntry) -> &'static str {
    match entry.channel() {
        Channel::Email => "mail",
        Channel::Phone => "phone",
        Channel::Unspecified => "an unknown channel",
    }
}

fn told_of<'a>(evidence: &'a Evidence, entry: &TimelineEntry) -> Option<&'a Notification> {
    entry.references.iter().find_map(|name| evidence.notifications.get(name))
}

/// The sentence, and how it is marked. `due` is the entry's due time as the client's clocks show it.
pub(super) fn sentence(evidence: &Evidence, entry: &TimelineEntry, due: Option<&str>) -> (String, Tone) {
    let who = actor(evidence, &entry.actor);
    let whom = people(evidence, &entry.people);
    let due = due.unwrap_or("a time not known yet");
    let by_mail = entry.references.iter().any(|name| name.starts_with("mails/"));
    let revision = entry.proposal_revision;
    match entry.kind() {
        TimelineKind::Unspecified => ("Something happened".to_owned(), Tone::Quiet),
        TimelineKind::Opened if by_mail => (format!("{who} wrote; the inquiry is opened"), Tone::Client),
        TimelineKind::Opened => (format!("{who} opened the case"), side_of(&entry.actor)),
        TimelineKind::ClientWrote => (format!("{who} wrote again"), Tone::Client),
        TimelineKind::Reopened => (format!("{who} wrote again; the inquiry is open once more"), Tone::Client),
        TimelineKind::AutomaticMail => {
            ("A machine of the client's side answered; it counts for nothing".to_owned(), Tone::Quiet)
        }
        TimelineKind::ReplyReturned if entry.due_time.is_some() => {
            (format!("The reply came back undelivered; the clock runs again: due {due}"), Tone::Late)
        }
        TimelineKind::ReplyReturned => ("A reply came back undelivered".to_owned(), Tone::Raised),
        TimelineKind::ThirdPartyMail => ("A third party wrote; it counts for nothing".to_owned(), Tone::Quiet),
        TimelineKind::ClockSet => (format!("The {} clock is set: due {due}", clock(entry.clock())), Tone::Quiet),
        TimelineKind::ClockRecomputed => {
            (format!("The {} clock is computed anew: due {due}", clock(entry.clock())), Tone::Quiet)
        }
        TimelineKind::Responded => (format!("{} replied to {whom}", author(evidence, entry)), Tone::Firm),
        TimelineKind::ClockBreached => {
            (format!("The {} clock ran out: it was due {due}", clock(entry.clock())), Tone::Late)
        }
        TimelineKind::DeclaredCritical => {
            (format!("{who} declared it a critical incident; its report is due {due}"), Tone::Raised)
        }
        TimelineKind::AlertAttempted => {
            let copy = if entry.from_copy { ", by the copy of who is told" } else { "" };
            (format!("{} is alerted by {}{copy}: {whom}", alert_side(entry), channel(entry)), Tone::Quiet)
        }
        TimelineKind::AlertNotReached => {
            (format!("{} was not reached by {}: {}", alert_side(entry), channel(entry), entry.reason), Tone::Late)
        }
        TimelineKind::AlertHandedOver => (
            format!("The alert to {} was handed over by {}; nobody has answered yet", side_word(entry), channel(entry)),
            Tone::Quiet,
        ),
        TimelineKind::AlertReached => {
            (format!("{} was reached by {}: {whom}", alert_side(entry), channel(entry)), Tone::Done)
        }
        TimelineKind::AlertFailed => {
            (format!("{} could not be reached by {}: {}", alert_side(entry), channel(entry), entry.reason), Tone::Late)
        }
        TimelineKind::ClientUpdated => (format!("That was an update to {whom}; the next one is due {due}"), Tone::Firm),
        TimelineKind::BecameIssue if is_staff(&entry.actor) => (format!("{who} made it an issue"), Tone::Raised),
        TimelineKind::BecameIssue => ("Being late, it became an issue".to_owned(), Tone::Late),
        TimelineKind::Acknowledged => (format!("{who} took note of it; no clock stops"), Tone::Firm),
        TimelineKind::Escalated => {
            let by_hand = if is_staff(&entry.actor) { format!("by {who}, by hand") } else { "by policy".to_owned() };
            (format!("Step {} to {}, {by_hand}", entry.step, target(&entry.target)), Tone::Raised)
        }
        TimelineKind::Told => {
            let kind = told_of(evidence, entry).map_or("mail", |one| notification_kind(one.kind()));
            let stead = match entry.stand_ins_for.as_slice() {
                [] => String::new(),
                absent => format!(" in the stead of {}, who is absent", people(evidence, absent)),
            };
            (format!("{whom} was told{stead} ({kind})"), Tone::Quiet)
        }
        TimelineKind::NotTold => {
            let kind = told_of(evidence, entry).map_or("mail", |one| notification_kind(one.kind()));
            (format!("Nobody was told ({kind}): {}", entry.reason), Tone::Late)
        }
        TimelineKind::ResolutionProposed => {
            (format!("{who} proposed a resolution, revision {revision}; the clock is suspended"), Tone::Firm)
        }
        TimelineKind::ResolutionRejected => {
            (format!("{who} rejected revision {revision}; the first due times are back"), Tone::Client)
        }
        TimelineKind::ResolutionConfirmed => {
            let person = entry.people.first().map_or(entry.actor.as_str(), String::as_str);
            let name = evidence.display_name(person);
            let recorded = if person == entry.actor { String::new() } else { format!(", as {who} recorded") };
            (format!("{name} confirmed revision {revision}{recorded}"), side_of(person))
        }
        TimelineKind::Closed => ("Both sides have confirmed: it is closed".to_owned(), Tone::Done),
        TimelineKind::LatenessReasonGiven => (format!("{who} said why it was late"), Tone::Firm),
        TimelineKind::ConfirmationReminded => {
            let side = match entry.target.as_str() {
                "CLIENT" => "The client's side",
                "FIRM" => "The firm's side",
                _ => "A side",
            };
            (format!("{side} has not confirmed revision {revision} yet and is reminded"), Tone::Quiet)
        }
        TimelineKind::AcknowledgementSent => {
            (format!("An acknowledgement went to {whom}; it is no response"), Tone::Quiet)
        }
    }
}

fn author(evidence: &Evidence, entry: &TimelineEntry) -> String {
    let author = told_of(evidence, entry).map_or(entry.actor.as_str(), |notification| notification.author.as_str());
    actor(evidence, author)
}

fn side_of(person: &str) -> Tone {
    if is_staff(person) { Tone::Firm } else { Tone::Client }
}

/// A call's name for people: `Propose resolution` for `…CaseService/ProposeResolution`.
pub(super) fn call(rpc: &str) -> String {
    let mut out = String::new();
    for sign in id_of(rpc).chars() {
        if sign.is_uppercase() && !out.is_empty() {
            out.push(' ');
            out.extend(sign.to_lowercase());
        } else {
            out.push(sign);
        }
    }
    out
}

//! The clocks of response and resolution, and what all run by.

use business_time::{Calendar, LocalTime, Timestamp};
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::{
    By, Fact, REPORT_WITHIN, UPDATE_CADENCE,
    fact::{ClockKind, What},
    later,
};

/// What of a policy version a case runs by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// The registry's number, from 1 upwards.
    pub version: u64,
    /// Business days within which an inquiry is answered (SOP 4.2).
    pub response_days: u32,
    /// In the order of their times (SOP 8.1).
    pub steps: Vec<Step>,
    /// How often the missing side of a proposal is reminded (SOP 8.4).
    pub reminder: SignedDuration,
    /// How often a client is updated on a critical incident (SOP 8.2). Not written where it is the usual one, so that a release
    /// that does not know it reads on.
    #[serde(default = "usual_cadence", skip_serializing_if = "is_usual_cadence")]
    pub update_cadence: SignedDuration,
    /// Within what time an incident's report is due. As `update_cadence`.
    #[serde(default = "usual_report", skip_serializing_if = "is_usual_report")]
    pub report_within: SignedDuration,
}

fn usual_cadence() -> SignedDuration {
    UPDATE_CADENCE
}

fn is_usual_cadence(given: &SignedDuration) -> bool {
    *given == UPDATE_CADENCE
}

fn usual_report() -> SignedDuration {
    REPORT_WITHIN
}

fn is_usual_report(given: &SignedDuration) -> bool {
    *given == REPORT_WITHIN
}

/// One escalation step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// After the case became an issue.
    pub after: SignedDuration,
    /// Whom it tells.
    pub target: Target,
}

/// Whom an escalation step is meant for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Target {
    /// The client's account manager.
    AccountManager,
    /// The team lead of the case's engagement.
    TeamLead,
    /// Everybody in management.
    Management,
}

impl Target {
    /// As it is told.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AccountManager => "ACCOUNT_MANAGER",
            Self::TeamLead => "TEAM_LEAD",
            Self::Management => "MANAGEMENT",
        }
    }
}

/// A client's calendar, with its name.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkingCalendar {
    /// `calendars/{calendar}`.
    pub name: String,
    /// The calendar itself.
    pub calendar: Calendar,
}

impl WorkingCalendar {
    /// When something received at `start` is to be answered.
    fn due(&self, start: Timestamp, policy: &Policy) -> Due {
        let due = self.calendar.business_days_after(start, policy.response_days);
        Due { time: due.time, local: Some(due.local), provenance: Some(self.provenance()) }
    }

    fn provenance(&self) -> Provenance {
        let rests = self.calendar.provenance();
        Provenance {
            calendar: self.name.clone(),
            calendar_revision: rests.calendar_revision,
            tzdb_version: rests.tzdb_version,
            holidays_version: rests.holidays_version,
        }
    }

    /// A time as the clocks of this calendar show it.
    pub fn local(&self, time: Timestamp) -> String {
        LocalTime::at(time, self.calendar.zone().clone()).to_string()
    }
}

/// Which data a due time rests on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// `calendars/{calendar}`.
    pub calendar: String,
    /// The calendar's revision.
    pub calendar_revision: u64,
    /// The release of the zone database.
    pub tzdb_version: String,
    /// The release of the holiday table.
    pub holidays_version: String,
}

/// What a first-response clock that did not end rests on; nothing while it waits for its calendar or policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestsOn(pub Option<Provenance>);

/// A due time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Due {
    /// When.
    pub time: Timestamp,
    /// The same as wall time and zone, where the client's zone is known.
    pub local: Option<String>,
    /// What it was computed from; none for the resolution clock, which runs by the wall.
    pub provenance: Option<Provenance>,
}

impl Due {
    /// Another time in the same zone.
    pub(super) fn local_at(&self, time: Timestamp) -> Option<String> {
        let here: LocalTime = self.local.as_ref()?.parse().ok()?;
        Some(LocalTime::at(time, here.zone().clone()).to_string())
    }
}

/// A first-response clock that runs and is not late (SOP 4.2).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Waiting {
    /// From when it counts: when the client's word was received.
    pub start: Timestamp,
    /// None while the calendar or the policy is not here yet.
    pub due: Option<Due>,
    /// When the client wrote again since, in order. A reply answers what came before it alone.
    pub later: Vec<Timestamp>,
    /// The clock before it, which a reply ended that may still come back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered: Option<Box<Ended>>,
}

impl Waiting {
    pub(super) fn from(start: Timestamp) -> Self {
        Self { start, due: None, later: Vec::new(), answered: None }
    }

    /// Sets the due time where both are known.
    pub(super) fn settle(&mut self, policy: Option<&Policy>, calendar: Option<&WorkingCalendar>) -> Option<Fact> {
        let due = calendar?.due(self.start, policy?);
        self.due = Some(due.clone());
        let what = What::ClockSet { clock: ClockKind::FirstResponse, due };
        Some(Fact { what, occur: self.start, by: By::Caller })
    }

    /// The due time by this calendar, where the present one rests on something else.
    pub(super) fn recompute(&mut self, policy: &Policy, calendar: &WorkingCalendar) -> Option<What> {
        let rests = self.due.as_ref().and_then(|due| due.provenance.as_ref());
        if rests == Some(&calendar.provenance()) {
            return None;
        }
        Some(self.compute(policy, calendar))
    }

    pub(super) fn compute(&mut self, policy: &Policy, calendar: &WorkingCalendar) -> What {
        let due = calendar.due(self.start, policy);
        self.due = Some(due.clone());
        What::ClockRecomputed { clock: ClockKind::FirstResponse, due, breach_stands: false }
    }

    /// The same clock once its due time has passed; none where it has no due time.
    pub(super) fn late(&self) -> Option<Late> {
        let due = self.due.clone()?;
        Some(Late { start: self.start, due, annotated: None })
    }

    /// Takes down when the client wrote again.
    pub(super) fn also(&mut self, time: Timestamp) {
        let at = self.later.partition_point(|known| *known <= time);
        self.later.insert(at, time);
    }
}

/// A first-response clock that ran out without a reply; late for good.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Late {
    /// From when it counted.
    pub start: Timestamp,
    /// The due time that was missed.
    pub due: Due,
    /// The calendar that the breach was last compared with, where that is not the one it was recorded under.
    pub annotated: Option<Provenance>,
}

impl Late {
    /// What the due time would be by another calendar. The breach stands all the same.
    pub(super) fn annotate(&mut self, policy: &Policy, calendar: &WorkingCalendar) -> Option<What> {
        let provenance = calendar.provenance();
        if self.annotated.as_ref().or(self.due.provenance.as_ref()) == Some(&provenance) {
            return None;
        }
        self.annotated = Some(provenance);
        let due = calendar.due(self.start, policy);
        Some(What::ClockRecomputed { clock: ClockKind::FirstResponse, due, breach_stands: true })
    }
}

/// A first-response clock that ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ended {
    /// From when it counted.
    pub start: Timestamp,
    /// When it was due; none where it ended before its calendar was here.
    pub due: Option<Due>,
    /// When a person's reply was handed over; or when both sides closed the case.
    pub end: Timestamp,
    /// Whether a breach was recorded.
    pub late: bool,
    /// The replies that stand, by their hand-over; the first ended it. Empty where it was closed, or ended before this was
    /// taken down.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replies: Vec<Replied>,
}

/// A person's reply.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replied {
    /// The notification or the copy of a mail by which it is known.
    pub name: String,
    /// When it was handed over.
    pub time: Timestamp,
}

impl Ended {
    /// Takes down one more reply.
    pub(super) fn also(&mut self, name: &str, time: Timestamp) {
        let at = self.replies.partition_point(|known| known.time <= time);
        self.replies.insert(at, Replied { name: name.to_owned(), time });
    }
}

/// The first-response clock of what was an inquiry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Response {
    /// Runs.
    Waiting(Waiting),
    /// Runs, and is late.
    Late(Late),
    /// Ended.
    Ended(Ended),
}

impl Response {
    pub(super) fn start(&self) -> Timestamp {
        match self {
            Self::Waiting(waiting) => waiting.start,
            Self::Late(late) => late.start,
            Self::Ended(ended) => ended.start,
        }
    }

    /// The same, ended; as it was where it had ended before.
    pub(super) fn ended(&self, end: Timestamp) -> Self {
        Self::Ended(self.ended_at(end))
    }

    /// As [`Response::ended`], without saying by what.
    pub(super) fn ended_at(&self, end: Timestamp) -> Ended {
        let of = |start, due: Option<Due>, late| Ended { start, due, end, late, replies: Vec::new() };
        match self {
            Self::Waiting(waiting) => {
                let late = waiting.due.as_ref().is_some_and(|due| end > due.time);
                of(waiting.start, waiting.due.clone(), late)
            }
            Self::Late(late) => of(late.start, Some(late.due.clone()), true),
            Self::Ended(ended) => ended.clone(),
        }
    }
}

/// The resolution clock: 24 hours by the wall, weekends included (SOP 8.1).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Resolution {
    /// When the case became an issue.
    pub start: Timestamp,
    /// 24 hours later. A proposal suspends it; a rejection finds it where it was.
    pub due: Timestamp,
    /// The same as wall time and zone, where the client's zone was known.
    pub local: Option<String>,
    /// Late, for good.
    pub breached: bool,
}

impl Resolution {
    /// How long an issue may be unresolved before it is late.
    pub const LIMIT: SignedDuration = SignedDuration::from_hours(24);

    pub(super) fn start(start: Timestamp, local: Option<String>) -> Self {
        Self { start, due: later(start, Self::LIMIT), local, breached: false }
    }

    pub(super) fn as_due(&self) -> Due {
        Due { time: self.due, local: self.local.clone(), provenance: None }
    }

    pub(super) fn set_fact(&self, at: Timestamp) -> Fact {
        Fact::now(What::ClockSet { clock: ClockKind::Resolution, due: self.as_due() }, at)
    }
}

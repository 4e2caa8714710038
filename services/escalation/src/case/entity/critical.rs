//! Critical incidents (SOP 8.2): what is owed since one was declared, and what became of it. Client and management are told on
//! two channels, which notification does and tells of; the client then gets updates until the case is closed.

use business_time::Timestamp;
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::{
    By, Case, Cause, Done, Due, Fact, Inquiry, Issue, Mailed, Policy, Progress, Resolution, Response, Stage, What,
    WorkingCalendar, fact::ClockKind, later,
};
use crate::case::CaseError;

/// Where a policy says nothing of it, or is not here yet.
pub const UPDATE_CADENCE: SignedDuration = SignedDuration::from_hours(1);
/// As [`UPDATE_CADENCE`].
pub const REPORT_WITHIN: SignedDuration = SignedDuration::from_hours(24);

/// Missed updates that are told one by one after a downtime; older ones are told together in the first of them.
const MISSED_ONE_BY_ONE: i64 = 24;

/// What is owed since an issue was declared critical.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Critical {
    /// When.
    pub declared: Timestamp,
    /// By whom.
    pub declarer: String,
    /// When the incident's report is due.
    pub report_due: Timestamp,
    /// Each side on each channel, in the order of [`Critical::declare`].
    pub obligations: Vec<Obligation>,
    /// What the client is owed until the case is closed.
    pub updates: Updates,
}

/// Which side is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertSide {
    /// Whoever of the client is told of incidents.
    Client,
    /// The firm's management.
    Management,
}

/// On which channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// By mail.
    Email,
    /// By phone.
    Phone,
}

/// That one side is told on one channel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Obligation {
    /// Which side.
    pub side: AlertSide,
    /// On which channel.
    pub channel: Channel,
    /// How far it is.
    pub state: Told,
    /// `notifications/{notification}`, once it has told of itself.
    pub notification: Option<String>,
    /// When the first attempt began.
    pub first_attempt: Option<Timestamp>,
    /// When somebody was reached, or nobody was left.
    pub end: Option<Timestamp>,
    /// The attempt that `person` and `reason` are of.
    pub attempt: u32,
    /// Who was reached; until then whom the last attempt was at.
    pub person: Option<String>,
    /// Why it failed, or the last attempt reached nobody.
    pub reason: String,
    /// The copy of who is told was used, since the registry did not answer.
    pub from_copy: bool,
}

/// How far an obligation is. What is told late or out of order never leads back: a later one outweighs those before it, and
/// that somebody was reached outweighs all, also where nobody seemed to be left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Told {
    /// It is being tried.
    Pending,
    /// A provider took it and nobody answered. Nobody was reached by it.
    HandedOver,
    /// Nobody was left to try.
    Failed,
    /// A person pressed a key or replied.
    Reached,
}

/// A step of an alert, as notification tells it.
#[derive(Clone, Debug, PartialEq)]
pub struct Alert {
    /// `notifications/{notification}`.
    pub notification: String,
    /// Which side.
    pub side: AlertSide,
    /// On which channel.
    pub channel: Channel,
    /// What happened.
    pub step: AlertStep,
    /// Whom the attempt was at, or who was reached; none for a mail to several.
    pub person: Option<String>,
    /// From 1 upwards, within the notification.
    pub attempt: u32,
    /// Why nobody was reached.
    pub reason: String,
    /// When it happened.
    pub time: Timestamp,
    /// The copy of who is told was used.
    pub from_copy: bool,
}

/// What happened to an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlertStep {
    /// An attempt began.
    Attempted,
    /// An attempt reached nobody.
    NotReached,
    /// A provider took it.
    HandedOver,
    /// A person pressed a key or replied.
    Reached,
    /// Nobody is left to try.
    Failed,
}

/// The clock of updates to the client: hours by the wall. It runs while a resolution is proposed, too: what is not confirmed by
/// both is not resolved (SOP 8.4), and else a proposal would be the end of every word to the client.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Updates {
    /// When the present period began: the declaration, the last update, or the due time that was missed.
    pub since: Timestamp,
    /// When the next update is due.
    pub due: Due,
    /// When the client was last updated.
    pub last: Option<Timestamp>,
    /// Periods that were missed, for good.
    pub missed: u64,
}

impl Critical {
    fn declare(declarer: &str, policy: Option<&Policy>, calendar: Option<&WorkingCalendar>, now: Timestamp) -> Self {
        let owed = |side, channel| Obligation {
            side,
            channel,
            state: Told::Pending,
            notification: None,
            first_attempt: None,
            end: None,
            attempt: 0,
            person: None,
            reason: String::new(),
            from_copy: false,
        };
        let due = later(now, cadence(policy));
        let due = Due { time: due, local: calendar.map(|calendar| calendar.local(due)), provenance: None };
        Self {
            declared: now,
            declarer: declarer.to_owned(),
            report_due: later(now, policy.map_or(REPORT_WITHIN, |policy| policy.report_within)),
            obligations: vec![
                owed(AlertSide::Client, Channel::Email),
                owed(AlertSide::Client, Channel::Phone),
                owed(AlertSide::Management, Channel::Email),
                owed(AlertSide::Management, Channel::Phone),
            ],
            updates: Updates { since: now, due, last: None, missed: 0 },
        }
    }
}

impl Obligation {
    fn progress(&mut self, alert: &Alert) {
        self.notification.get_or_insert_with(|| alert.notification.clone());
        self.from_copy |= alert.from_copy;
        if alert.attempt > 0 && self.first_attempt.is_none_or(|known| alert.time < known) {
            self.first_attempt = Some(alert.time);
        }
        let state = match alert.step {
            AlertStep::Attempted | AlertStep::NotReached => Told::Pending,
            AlertStep::HandedOver => Told::HandedOver,
            AlertStep::Failed => Told::Failed,
            AlertStep::Reached => Told::Reached,
        };
        // Who was reached first stays who was reached.
        if self.state == Told::Reached {
            return;
        }
        if state == Told::Reached || alert.attempt >= self.attempt {
            self.attempt = alert.attempt;
            if alert.person.is_some() {
                self.person.clone_from(&alert.person);
            }
        }
        // That nobody is left is of no single attempt, and says more than why a later one reached nobody.
        let latest = alert.attempt >= self.attempt && self.state != Told::Failed && !alert.reason.is_empty();
        if state >= Told::Failed || latest {
            self.reason.clone_from(&alert.reason);
        }
        if state > self.state {
            self.state = state;
            self.end = matches!(state, Told::Failed | Told::Reached).then_some(alert.time);
        }
    }
}

impl Updates {
    /// The period ends without an update, and the next one begins at its due time. Of a long downtime the oldest periods are
    /// told together, so that no more follows than anybody reads.
    pub(super) fn miss(&mut self, cadence: SignedDuration, through: Timestamp) -> What {
        let due = self.due.clone();
        let behind = through.duration_since(due.time).as_micros() / cadence.as_micros().max(1);
        let together = i64::try_from(behind).unwrap_or(i64::MAX).saturating_sub(MISSED_ONE_BY_ONE - 1).max(0);
        let periods = u32::try_from(together).unwrap_or(u32::MAX).saturating_add(1);
        self.missed = self.missed.saturating_add(u64::from(periods));
        let skipped = i32::try_from(together).ok().and_then(|together| cadence.checked_mul(together));
        self.since = skipped.map_or(through, |skipped| later(due.time, skipped));
        self.next(cadence);
        What::UpdateMissed { due, periods, superseded: self.due.time <= through }
    }

    fn next(&mut self, cadence: SignedDuration) {
        let time = later(self.since, cadence);
        self.due = Due { time, local: self.due.local_at(time), provenance: None };
    }

    /// The client was updated. One that was told here after a later one, or whose next period has been missed by now, moves
    /// nothing. Whether it was in time, though a breach was recorded before this was known here.
    fn update(&mut self, at: Timestamp, cadence: SignedDuration) -> bool {
        let by_breach = self.missed > 0 && self.last != Some(self.since);
        let in_time_after_all = by_breach && at <= self.since && self.last.is_none_or(|last| at > last);
        if self.last.is_none_or(|last| at > last) {
            self.last = Some(at);
            if at >= self.since || later(at, cadence) > self.since {
                self.since = at;
                self.next(cadence);
            }
        }
        in_time_after_all
    }
}

impl Case {
    /// Declares it a critical incident. An inquiry becomes an issue by it; an issue's 24 hours go on from where they were.
    ///
    /// # Errors
    /// [`CaseError::Closed`], [`CaseError::AlreadyCritical`].
    pub fn declare_critical(
        &mut self,
        declarer: &str,
        reason: &str,
        calendar: Option<&WorkingCalendar>,
        now: Timestamp,
    ) -> Result<Done, CaseError> {
        let mut facts = self.up_to(now);
        match &self.stage {
            Stage::Issue(Issue { progress: Progress::Closed(_), .. }) => return Err(CaseError::Closed),
            Stage::Issue(issue) if issue.critical.is_some() => return Err(CaseError::AlreadyCritical),
            Stage::Issue(_) => {}
            Stage::Inquiry(_) => facts.extend(self.become_issue(Cause::Critical, calendar, now)?),
        }
        facts.extend(self.declared(declarer, reason, calendar, now));
        Ok(Done::Facts(facts))
    }

    /// What follows from the declaration, for an issue that is not critical yet.
    pub(super) fn declared(
        &mut self,
        declarer: &str,
        reason: &str,
        calendar: Option<&WorkingCalendar>,
        now: Timestamp,
    ) -> Vec<Fact> {
        let Stage::Issue(issue) = &mut self.stage else { return Vec::new() };
        let critical = Critical::declare(declarer, self.policy.as_deref(), calendar, now);
        let by = By::Person(declarer.to_owned());
        let declared = What::DeclaredCritical {
            declarer: declarer.to_owned(),
            report_due: critical.report_due,
            text: reason.to_owned(),
        };
        let set = What::ClockSet { clock: ClockKind::ClientUpdate, due: critical.updates.due.clone() };
        issue.critical = Some(critical);
        vec![Fact { what: declared, occur: now, by: by.clone() }, Fact { what: set, occur: now, by }]
    }

    /// An inquiry becomes an issue before it is late. Its first-response clock goes on: nobody escapes it this way.
    pub(super) fn become_issue(
        &mut self,
        cause: Cause,
        calendar: Option<&WorkingCalendar>,
        now: Timestamp,
    ) -> Result<Vec<Fact>, CaseError> {
        let response = match &self.stage {
            Stage::Inquiry(Inquiry::Awaiting(waiting)) => Response::Waiting(waiting.clone()),
            Stage::Inquiry(Inquiry::Answered(ended)) => Response::Ended(ended.clone()),
            Stage::Issue(_) => return Err(CaseError::AlreadyAnIssue),
        };
        let local = calendar.map(|calendar| calendar.local(later(now, Resolution::LIMIT)));
        let resolution = Resolution::start(now, local);
        let facts = vec![Fact::now(What::BecameIssue { cause }, now), resolution.set_fact(now)];
        self.stage = Stage::Issue(Issue::new(resolution, Some(response)));
        Ok(facts)
    }

    /// A step of an alert, as often and in whatever order it is told. Of a case that is not critical none is known.
    pub fn alert_progressed(&mut self, alert: Alert) -> Done {
        let Some(critical) = self.critical_mut() else { return Done::AlreadySo };
        let owed = |one: &&mut Obligation| one.side == alert.side && one.channel == alert.channel;
        if let Some(obligation) = critical.obligations.iter_mut().find(owed) {
            obligation.progress(&alert);
        }
        let occur = alert.time;
        Done::Facts(vec![Fact { what: What::Alerted(alert), occur, by: By::Caller }])
    }

    /// A person's message to the client was handed over: an update, where the case was critical by then and is not closed.
    pub(super) fn client_updated(&mut self, mailed: &Mailed, at: Timestamp, by: &By) -> Option<Fact> {
        let cadence = cadence(self.policy.as_deref());
        if self.is_closed() {
            return None;
        }
        let critical = self.critical_mut().filter(|critical| at >= critical.declared)?;
        let in_time_after_all = critical.updates.update(at, cadence);
        let what =
            What::ClientUpdated { mailed: mailed.clone(), next: critical.updates.due.clone(), in_time_after_all };
        Some(Fact { what, occur: at, by: by.clone() })
    }

    /// What is owed since it was declared critical, where it was.
    pub fn critical(&self) -> Option<&Critical> {
        match &self.stage {
            Stage::Issue(issue) => issue.critical.as_ref(),
            Stage::Inquiry(_) => None,
        }
    }

    fn critical_mut(&mut self) -> Option<&mut Critical> {
        match &mut self.stage {
            Stage::Issue(issue) => issue.critical.as_mut(),
            Stage::Inquiry(_) => None,
        }
    }
}

/// How often a client is updated.
pub(super) fn cadence(policy: Option<&Policy>) -> SignedDuration {
    policy.map_or(UPDATE_CADENCE, |policy| policy.update_cadence)
}

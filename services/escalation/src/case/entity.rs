//! A case: what a client is owed an answer (SOP 4.2) or a solution (SOP 8) to. Pure: no I/O, and no clock but the time it is
//! handed.
//!
//! ```text
//! Inquiry  Awaiting ──reply──▶ Answered ──the client's next word──▶ Awaiting
//!             │ its due time passes, or RaiseIssue       │ RaiseIssue
//!             ▼                                          ▼
//! Issue    Unresolved ──proposal──▶ Proposed ──both sides, two people, one revision──▶ Closed
//!             ▲                        │  ▲ a new proposal, confirmed afresh
//!             └──────rejection─────────┘──┘
//! ```
//!
//! An issue may be critical besides ([`Critical`], SOP 8.2); all that holds for an issue holds for it.
//!
//! Each transition first lets happen what was due before it ([`Case::catch_up`]), then refuses with a [`CaseError`] or answers
//! with what happened ([`Done`]). Words (a subject, a proposal, a reason) pass through it into the facts and are not kept:
//! whoever stores the facts encrypts them.
//!
//! A new kind of fact: a variant of [`What`], its line on the timeline (`case/timeline.rs`), its public event
//! (`events/publish.rs`) where others are to know, and its rows in the table of `entity/tests.rs`.

mod clock;
mod confirm;
mod critical;
mod due;
mod fact;
mod mail;
mod preview;
mod returned;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use business_time::Timestamp;
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

pub use clock::{
    Due, Ended, Late, Policy, Provenance, Replied, Resolution, Response, RestsOn, Step, Target, Waiting,
    WorkingCalendar,
};
pub use confirm::{ClientWord, Closure, Confirmed, FirmWord, Progress, Proposal, Rejected, Side};
pub use critical::{
    Alert, AlertSide, AlertStep, Channel, Critical, Obligation, REPORT_WITHIN, Told, UPDATE_CADENCE, Updates,
};
pub use fact::{By, Cause, ClockKind, Done, Fact, Mailed, What};
pub use mail::{Handed, HandedKind, Word};
pub use preview::Previewed;

use crate::case::CaseError;

/// A case.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// The last segment of `cases/{case}`.
    pub id: String,
    /// `clients/{client}`; never changes.
    pub client: String,
    /// `clients/{client}/engagements/{engagement}`, where one was named.
    pub engagement: Option<String>,
    /// What opened it.
    pub origin: Origin,
    /// The contact or member of staff who opened it.
    pub opener: String,
    /// The contact of the client who opened it or wrote last; empty while none did.
    pub last_contact: Option<String>,
    /// When it was opened: for a mail, when the firm's mail server received it.
    pub open_time: Timestamp,
    /// The version of the procedure that it is kept under; none until one is known here. Pinned.
    pub policy: Option<Arc<Policy>>,
    /// Rises whenever its due times are computed anew.
    pub epoch: u64,
    /// Where it stands.
    pub stage: Stage,
}

/// What opened a case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// A client's mail.
    Mail {
        /// `mails/{mail}`.
        mail: String,
        /// The conversation it belongs to.
        thread: String,
    },
    /// A call of the API.
    Api,
}

/// Where a case stands. What is not a variant here cannot be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::large_enum_variant, reason = "one case at a time is in memory; a box would hide the shape")]
pub enum Stage {
    /// A question.
    Inquiry(Inquiry),
    /// A problem.
    Issue(Issue),
}

/// A question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Inquiry {
    /// Without a substantive reply; never late, since a late one is an issue.
    Awaiting(Waiting),
    /// A person of the firm replied in time.
    Answered(Ended),
}

/// A problem.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Issue {
    /// Counts from when it became one.
    pub resolution: Resolution,
    /// The first-response clock that it brought along from being an inquiry.
    pub response: Option<Response>,
    /// Whether somebody of the firm took note of it. Stops no clock (SOP 8.1).
    pub acknowledged: bool,
    /// Escalation steps taken, by the clock or by hand.
    pub steps_taken: u32,
    /// How far it is resolved.
    pub progress: Progress,
    /// What is owed besides, where it was declared critical (SOP 8.2). Stored beside the stage and not in it: a release that
    /// does not know of it, running at the same time, leaves it as it is.
    #[serde(skip)]
    pub critical: Option<Critical>,
}

/// What a case is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A question.
    Inquiry,
    /// A problem.
    Issue,
    /// A critical one.
    Incident,
}

/// How a new case begins.
#[derive(Clone, Debug)]
pub struct Opening {
    /// The last segment of its name.
    pub id: String,
    /// `clients/{client}`.
    pub client: String,
    /// Where one was named.
    pub engagement: Option<String>,
    /// What opens it.
    pub origin: Origin,
    /// Who opens it.
    pub opener: String,
    /// What it is from the start.
    pub kind: Kind,
    /// What it is about; empty where a mail opens it.
    pub subject: String,
    /// From when its clock counts.
    pub open_time: Timestamp,
}

impl Case {
    /// A new case. Its clock counts from `open_time`, and is set now where calendar and policy are known.
    pub fn open(
        opening: Opening,
        policy: Option<Arc<Policy>>,
        calendar: Option<&WorkingCalendar>,
    ) -> (Self, Vec<Fact>) {
        let at = opening.open_time;
        let by = By::Person(opening.opener.clone());
        let mail = match &opening.origin {
            Origin::Mail { mail, .. } => Some(mail.clone()),
            Origin::Api => None,
        };
        let opened = What::Opened { kind: opening.kind, text: opening.subject, mail };
        let mut facts = vec![Fact { what: opened, occur: at, by }];
        let stage = if opening.kind != Kind::Inquiry {
            let resolution = Resolution::start(at, calendar.map(|calendar| calendar.local(at + Resolution::LIMIT)));
            facts.push(resolution.set_fact(at));
            Stage::Issue(Issue::new(resolution, None))
        } else {
            let mut waiting = Waiting::from(at);
            facts.extend(waiting.settle(policy.as_deref(), calendar));
            Stage::Inquiry(Inquiry::Awaiting(waiting))
        };
        let last_contact = is_contact_of(&opening.client, &opening.opener).then(|| opening.opener.clone());
        let mut case = Self {
            id: opening.id,
            client: opening.client,
            engagement: opening.engagement,
            origin: opening.origin,
            opener: opening.opener,
            last_contact,
            open_time: at,
            policy,
            epoch: 1,
            stage,
        };
        if opening.kind == Kind::Incident {
            let declarer = case.opener.clone();
            facts.extend(case.declared(&declarer, "", calendar, at));
        }
        (case, facts)
    }

    /// Its resource name.
    pub fn name(&self) -> String {
        format!("cases/{}", self.id)
    }

    /// What it is.
    pub fn kind(&self) -> Kind {
        match &self.stage {
            Stage::Inquiry(_) => Kind::Inquiry,
            Stage::Issue(issue) if issue.critical.is_some() => Kind::Incident,
            Stage::Issue(_) => Kind::Issue,
        }
    }

    /// Whether both sides confirmed its resolution.
    pub fn is_closed(&self) -> bool {
        matches!(&self.stage, Stage::Issue(Issue { progress: Progress::Closed(_), .. }))
    }

    /// Whether somebody is a contact of this case's client.
    pub fn is_contact(&self, person: &str) -> bool {
        is_contact_of(&self.client, person)
    }

    /// The first-response clock, where the case has one that did not end.
    fn open_response(&self) -> Option<OpenResponse<'_>> {
        match &self.stage {
            Stage::Inquiry(Inquiry::Awaiting(waiting)) => Some(OpenResponse::Waiting(waiting)),
            Stage::Issue(Issue { response: Some(Response::Waiting(waiting)), .. }) => {
                Some(OpenResponse::Waiting(waiting))
            }
            Stage::Issue(Issue { response: Some(Response::Late(late)), .. }) => Some(OpenResponse::Late(late)),
            _ => None,
        }
    }

    /// What its first-response clock rests on, while that clock has not ended.
    pub fn rests_on(&self) -> Option<RestsOn> {
        self.open_response().map(|response| match response {
            OpenResponse::Waiting(waiting) => RestsOn(waiting.due.as_ref().and_then(|due| due.provenance.clone())),
            OpenResponse::Late(late) => RestsOn(late.annotated.clone().or_else(|| late.due.provenance.clone())),
        })
    }

    /// Takes calendar and policy as they are known now: pins the policy where there was none yet, sets the first-response
    /// clock where it waited for them, and computes a running one anew where its calendar or the data under it changed: only
    /// a due time that is still to come, for what was due before, noticed or not, has happened. A breach stays and is
    /// annotated. Tells nothing where nothing of it changed.
    pub fn settle(&mut self, policy: Option<&Arc<Policy>>, calendar: Option<&WorkingCalendar>, now: Timestamp) -> Done {
        let mut facts = self.up_to(now);
        let pinned = self.policy.is_none() && policy.is_some();
        if pinned {
            self.policy = policy.cloned();
        }
        let terms = self.policy.clone();
        let waiting = match &mut self.stage {
            Stage::Inquiry(Inquiry::Awaiting(waiting)) => Some(waiting),
            Stage::Issue(Issue { response: Some(Response::Waiting(waiting)), .. }) => Some(waiting),
            Stage::Issue(Issue { response: Some(Response::Late(late)), .. }) => {
                let fact =
                    calendar.zip(terms.as_deref()).and_then(|(calendar, policy)| late.annotate(policy, calendar));
                facts.extend(fact.map(|what| Fact { what, occur: now, by: By::Caller }));
                return if facts.is_empty() && !pinned { Done::AlreadySo } else { Done::Facts(facts) };
            }
            _ => None,
        };
        let fact = match waiting {
            Some(waiting) if waiting.due.is_none() => waiting.settle(terms.as_deref(), calendar),
            Some(waiting) => {
                let what =
                    calendar.zip(terms.as_deref()).and_then(|(calendar, policy)| waiting.recompute(policy, calendar));
                if what.is_some() {
                    self.epoch += 1;
                }
                what.map(|what| Fact { what, occur: now, by: By::Caller })
            }
            None => None,
        };
        facts.extend(fact);
        if facts.is_empty() && !pinned { Done::AlreadySo } else { Done::Facts(facts) }
    }

    /// Takes note of an issue. Acknowledging never stops this clock (SOP 8.1).
    ///
    /// # Errors
    /// [`CaseError::NotAnIssue`], [`CaseError::Closed`].
    pub fn acknowledge(&mut self, now: Timestamp) -> Result<Done, CaseError> {
        let mut facts = self.up_to(now);
        let issue = self.open_issue()?;
        if issue.acknowledged {
            return Ok(Done::or_already(facts));
        }
        issue.acknowledged = true;
        facts.push(Fact::now(What::Acknowledged, now));
        Ok(Done::Facts(facts))
    }

    /// Makes an inquiry an issue before it is late. Its first-response clock goes on: nobody escapes it this way.
    ///
    /// # Errors
    /// [`CaseError::AlreadyAnIssue`].
    pub fn raise(
        &mut self,
        reason: &str,
        calendar: Option<&WorkingCalendar>,
        now: Timestamp,
    ) -> Result<Done, CaseError> {
        let mut facts = self.up_to(now);
        facts.extend(self.become_issue(Cause::Raised { text: reason.to_owned() }, calendar, now)?);
        Ok(Done::Facts(facts))
    }

    /// Takes the next escalation step now, whatever the clock says (SOP 8.1). It does not come again at its time.
    ///
    /// # Errors
    /// [`CaseError::NotAnIssue`], [`CaseError::Closed`], [`CaseError::NoPolicyYet`], [`CaseError::NoStepLeft`].
    pub fn escalate(&mut self, reason: &str, now: Timestamp) -> Result<Done, CaseError> {
        let mut facts = self.up_to(now);
        let policy = self.policy.clone();
        let issue = self.open_issue()?;
        let policy = policy.ok_or(CaseError::NoPolicyYet)?;
        let next = usize::try_from(issue.steps_taken).ok().and_then(|taken| policy.steps.get(taken));
        let step = next.ok_or(CaseError::NoStepLeft)?;
        issue.steps_taken += 1;
        let taken =
            What::Escalated { step: issue.steps_taken, target: step.target, due: None, text: reason.to_owned() };
        facts.push(Fact::now(taken, now));
        Ok(Done::Facts(facts))
    }

    /// Says why a clock was late (SOP 4.2). A later reason stands beside the earlier one on the timeline.
    ///
    /// # Errors
    /// [`CaseError::NotLate`].
    pub fn give_lateness_reason(&mut self, clock: ClockKind, reason: &str, now: Timestamp) -> Result<Done, CaseError> {
        let mut facts = self.up_to(now);
        if !self.is_breached(clock) {
            return Err(CaseError::NotLate);
        }
        facts.push(Fact::now(What::LatenessReason { clock, text: reason.to_owned() }, now));
        Ok(Done::Facts(facts))
    }

    /// Whether a clock was late, for good.
    pub fn is_breached(&self, clock: ClockKind) -> bool {
        match (&self.stage, clock) {
            (Stage::Issue(issue), ClockKind::Resolution) => issue.resolution.breached,
            (Stage::Issue(issue), ClockKind::ClientUpdate) => {
                issue.critical.as_ref().is_some_and(|critical| critical.updates.missed > 0)
            }
            (Stage::Issue(issue), ClockKind::FirstResponse) => match &issue.response {
                Some(Response::Late(_)) => true,
                Some(Response::Ended(ended)) => ended.late,
                Some(Response::Waiting(_)) | None => false,
            },
            (Stage::Inquiry(_), _) => false,
        }
    }

    fn open_issue(&mut self) -> Result<&mut Issue, CaseError> {
        match &mut self.stage {
            Stage::Inquiry(_) => Err(CaseError::NotAnIssue),
            Stage::Issue(Issue { progress: Progress::Closed(_), .. }) => Err(CaseError::Closed),
            Stage::Issue(issue) => Ok(issue),
        }
    }
}

impl Issue {
    fn new(resolution: Resolution, response: Option<Response>) -> Self {
        let progress = Progress::Unresolved { rejected: None };
        Self { resolution, response, acknowledged: false, steps_taken: 0, progress, critical: None }
    }
}

/// A first-response clock that did not end.
enum OpenResponse<'a> {
    Waiting(&'a Waiting),
    Late(&'a Late),
}

fn is_contact_of(client: &str, person: &str) -> bool {
    person.strip_prefix(client).and_then(|rest| rest.strip_prefix("/contacts/")).is_some_and(|id| !id.is_empty())
}

/// Never past the end of representable time.
fn later(time: Timestamp, by: SignedDuration) -> Timestamp {
    time.checked_add(by).unwrap_or(Timestamp::MAX)
}

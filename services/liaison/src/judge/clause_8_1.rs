//! SOP 8.1: what is unresolved 24 hours after it became an issue is escalated, and on by policy, weekends included.
//! Acknowledging stops nothing; a proposed resolution suspends; its rejection restores the first due times.

use business_time::Timestamp;
use contracts::{
    client_registry::v1::{EscalationTarget, Policy},
    escalation::v1::{ClockKind, TimelineKind},
    notification::v1::NotificationKind,
};
use jiff::SignedDuration;

use super::{
    Row,
    case_view::{At, CaseView},
    clocks::{Period, periods, window},
    docket::Docket,
    people::{Office, Telling, told},
    span::later,
};
use crate::folder::{Evidence, is_staff, names};

const RESOLUTION: SignedDuration = SignedDuration::from_hours(24);

pub(super) fn row(evidence: &Evidence) -> Row {
    let mut docket = Docket::default();
    for view in CaseView::all(evidence) {
        let Some(issue) = view.became_issue().copied() else {
            for at in view.of_kind(TimelineKind::Escalated) {
                docket.broken(view.place(at), "a step was taken, but it is no issue");
            }
            continue;
        };
        docket.look();
        docket.cite(view.path);
        let start = start_of(&view, &issue, &mut docket);
        let mut watch = Watch { suspensions: view.suspensions(), view: &view, start, known: issue.recorded };
        watch.twenty_four_hours(&mut docket);
        watch.steps(&mut docket);
    }
    for policy in &evidence.policies {
        if let Err(what) = keeps_the_clause(policy) {
            docket.broken(format!("{} {}", names::POLICIES, policy.name), what);
        }
    }
    docket.into_row("8.1", "unresolved after 24 hours is escalated", ("issue", "issues"))
}

/// The steps above are held against the policy, and here the policy against the clause.
fn keeps_the_clause(policy: &Policy) -> Result<(), &'static str> {
    let steps: Vec<_> = (1..).map_while(|number| step(policy, number)).collect();
    let to_team_lead = |(after, target): &(SignedDuration, &str)| *target == "TEAM_LEAD" && *after <= RESOLUTION;
    let first = steps.iter().position(to_team_lead).ok_or("has no step to the team lead within 24 hours")?;
    let then = steps.iter().skip(first + 1).any(|(_, target)| *target == "MANAGEMENT");
    if then { Ok(()) } else { Err("has no step to management after the team lead's") }
}

/// When it became an issue: the very moment it was late, or when somebody said so.
fn start_of(view: &CaseView<'_>, issue: &At<'_>, docket: &mut Docket) -> Timestamp {
    if issue.kind == TimelineKind::Opened || is_staff(&issue.entry.actor) || issue.entry.actor.starts_with("clients/") {
        return issue.occurred;
    }
    // By itself: because a first response was late. Its resolution clock counts from that due time.
    let late = periods(view).into_iter().filter(Period::late).filter_map(|period| period.due);
    let late = late.filter(|due| *due <= issue.recorded).max();
    let Some(due) = late else {
        docket.broken(view.place(issue), "became an issue by itself, though no answer was late");
        return issue.occurred;
    };
    if issue.occurred < due || issue.occurred > issue.recorded {
        docket.broken(view.place(issue), format!("became an issue at {}, late it was at {due}", issue.occurred));
    }
    due
}

struct Watch<'v, 'a> {
    view: &'v CaseView<'a>,
    start: Timestamp,
    known: Timestamp,
    suspensions: Vec<(Timestamp, Timestamp)>,
}

impl Watch<'_, '_> {
    /// The earliest and latest time for what is due `after` its start; `None` where it never came due in this run.
    fn window(&self, after: SignedDuration) -> Option<(Timestamp, Timestamp)> {
        let (earliest, latest) = window(self.start.checked_add(after).ok()?, self.known, &self.suspensions);
        let over = self.view.closed().unwrap_or(Timestamp::MAX).min(self.view.evidence.run.end_time);
        (latest <= over).then_some((earliest, latest))
    }

    /// The resolution clock was late once, 24 hours after it became an issue.
    fn twenty_four_hours(&self, docket: &mut Docket) {
        let due = later(self.start, RESOLUTION);
        for at in self.view.of_clock(TimelineKind::ClockSet, ClockKind::Resolution) {
            if at.due() != Some(due) {
                docket.broken(self.view.place(at), format!("the resolution clock is set to another time than {due}"));
            }
        }
        let breaches: Vec<_> = self.view.of_clock(TimelineKind::ClockBreached, ClockKind::Resolution).collect();
        let before = docket.count();
        let (earliest, latest) = window(due, self.known, &self.suspensions);
        match breaches.as_slice() {
            [] => {
                if self.window(RESOLUTION).is_some() {
                    docket.lateness.breaches += 1;
                    docket.broken(self.view.path, format!("was unresolved at {due}, which was not recorded"));
                }
                return;
            }
            [_] => {}
            [_, second, ..] => docket.broken(self.view.place(second), "the breach is recorded twice"),
        }
        docket.lateness.breaches += 1;
        if let Some(breach) = breaches.first() {
            if breach.recorded < earliest || breach.recorded > latest {
                let what = format!("the breach is recorded at {}, it was due at {earliest}", breach.recorded);
                docket.broken(self.view.place(breach), what);
            }
            if breach.due() != Some(due) {
                docket.broken(self.view.place(breach), format!("names another due time than {due}"));
            }
        }
        if docket.count() == before {
            docket.lateness.noticed += 1;
        }
    }

    /// Each step of the policy was taken in its time and order, or before by hand, and its target told.
    fn steps(&mut self, docket: &mut Docket) {
        let view = self.view;
        let Some(policy) = view.policy() else {
            let what = format!("is kept under policy {}, which is not there", view.case.policy_version);
            return docket.broken(view.path, what);
        };
        let taken: Vec<_> = view.of_kind(TimelineKind::Escalated).collect();
        let mut used = Vec::new();
        let before = docket.count();
        for (at, number) in taken.iter().zip(1..) {
            if at.entry.step != number {
                docket.broken(view.place(at), format!("is step {}, step {number} was next", at.entry.step));
                return;
            }
            let Some((after, target)) = step(policy, number) else {
                docket.broken(view.place(at), format!("the policy has no step {number}"));
                return;
            };
            if at.entry.target != target {
                docket.broken(view.place(at), format!("goes to {}, by the policy it is {target}'s", at.entry.target));
            }
            if !is_staff(&at.entry.actor) {
                let due = later(self.start, after);
                let (earliest, latest) = window(due, self.known, &self.suspensions);
                if at.recorded < earliest || at.recorded > latest {
                    let what = format!("was taken at {}, its time was {earliest}", at.recorded);
                    docket.broken(view.place(at), what);
                }
            }
            let Some(office) = Office::parse(&at.entry.target) else {
                docket.broken(view.place(at), format!("{:?} is no target", at.entry.target));
                continue;
            };
            let telling = Telling {
                kind: NotificationKind::Escalation,
                about: &view.case.name,
                office,
                client: &view.case.client,
                engagement: &view.case.engagement,
                since: at.recorded,
            };
            match told(view.evidence, &telling, &used) {
                Ok(notification) => used.extend(notification.map(|one| one.name.as_str())),
                Err(what) => docket.broken(view.place(at), what),
            }
        }
        let mut number = taken.len() as i32 + 1;
        while let Some((after, target)) = step(policy, number) {
            if let Some((earliest, _)) = self.window(after) {
                docket.broken(view.path, format!("step {number} to {target} was due at {earliest} and was not taken"));
            }
            number += 1;
        }
        let late = view.of_clock(TimelineKind::ClockBreached, ClockKind::Resolution).next().is_some();
        if late && docket.count() == before && !taken.is_empty() {
            docket.lateness.followed_up += 1;
        }
    }
}

/// A step of the policy, from 1 upwards: after how long, and to whom.
fn step(policy: &Policy, number: i32) -> Option<(SignedDuration, &'static str)> {
    let step = policy.escalation_steps.get(usize::try_from(number).ok()?.checked_sub(1)?)?;
    let after = step.after.as_ref()?;
    let target = match step.target() {
        EscalationTarget::AccountManager => "ACCOUNT_MANAGER",
        EscalationTarget::TeamLead => "TEAM_LEAD",
        EscalationTarget::Management => "MANAGEMENT",
        EscalationTarget::Unspecified => return None,
    };
    Some((SignedDuration::new(after.seconds, after.nanos), target))
}

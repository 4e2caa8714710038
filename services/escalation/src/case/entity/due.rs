//! What happens to a case by itself, and in what order.

use business_time::Timestamp;

use super::{
    By, Case, Cause, Fact, Inquiry, Issue, OpenResponse, Progress, Resolution, Response, Side, Stage, Step, What,
    critical, fact::ClockKind, later,
};

/// What could happen by itself next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum NextDue {
    FirstResponse,
    Resolution,
    Step,
    Reminder,
    Update,
}

impl Case {
    /// When something will happen by itself; none where nothing will.
    pub fn next_due_time(&self) -> Option<Timestamp> {
        self.next_due().map(|(time, _)| time)
    }

    /// The earliest; of two at one time a clock passes before the step that follows from it.
    fn next_due(&self) -> Option<(Timestamp, NextDue)> {
        let response = match self.open_response() {
            Some(OpenResponse::Waiting(waiting)) => waiting.due.as_ref().map(|due| due.time),
            _ => None,
        };
        let mut candidates = vec![response.map(|time| (time, NextDue::FirstResponse))];
        if let Stage::Issue(issue) = &self.stage {
            match &issue.progress {
                Progress::Unresolved { .. } => {
                    let breach = (!issue.resolution.breached).then_some((issue.resolution.due, NextDue::Resolution));
                    candidates.push(breach);
                    candidates.push(self.next_step(issue).map(|(_, due)| (due, NextDue::Step)));
                }
                Progress::Proposed(proposal) => {
                    let due = self.policy.as_ref().map(|policy| proposal.next_reminder(policy.reminder));
                    candidates.push(due.map(|due| (due, NextDue::Reminder)));
                }
                Progress::Closed(_) => {}
            }
            let updates = issue.critical.as_ref().filter(|_| !matches!(issue.progress, Progress::Closed(_)));
            candidates.push(updates.map(|critical| (critical.updates.due.time, NextDue::Update)));
        }
        candidates.into_iter().flatten().min()
    }

    /// The next escalation step and its due time; none where all were taken or the policy is not here yet.
    fn next_step(&self, issue: &Issue) -> Option<(Step, Timestamp)> {
        let step = self.policy.as_ref()?.steps.get(usize::try_from(issue.steps_taken).ok()?)?;
        Some((*step, later(issue.resolution.start, step.after)))
    }

    /// Lets happen, in order, what was due up to `through`, at most `most` things. Each keeps its own due time, however late
    /// it is caught up; `now` is when that is.
    pub fn catch_up(&mut self, through: Timestamp, now: Timestamp, most: usize) -> Vec<Fact> {
        let mut facts = Vec::new();
        for _ in 0..most {
            match self.next_due() {
                Some((due, kind)) if due <= through => self.fall_due(due, kind, through, now, &mut facts),
                _ => break,
            }
        }
        facts
    }

    fn fall_due(&mut self, due: Timestamp, kind: NextDue, through: Timestamp, now: Timestamp, facts: &mut Vec<Fact>) {
        let mut tell = |what, occur| facts.push(Fact { what, occur, by: By::Timer });
        let step = match &self.stage {
            Stage::Issue(issue) => self.next_step(issue),
            Stage::Inquiry(_) => None,
        };
        let reminder = self.policy.as_ref().map(|policy| policy.reminder);
        let cadence = critical::cadence(self.policy.as_deref());
        let last_contact = self.last_contact.clone();
        match (&mut self.stage, kind) {
            (Stage::Inquiry(Inquiry::Awaiting(waiting)), NextDue::FirstResponse) => {
                let Some(late) = waiting.late() else { return };
                tell(What::ClockBreached { clock: ClockKind::FirstResponse, due: late.due.clone() }, due);
                tell(What::BecameIssue { cause: Cause::Late }, due);
                // It is late from its due time on, and so it is an issue from then on, whenever that is noticed.
                let resolution = Resolution::start(due, late.due.local_at(later(due, Resolution::LIMIT)));
                facts.push(Fact { by: By::Timer, ..resolution.set_fact(due) });
                self.stage = Stage::Issue(Issue::new(resolution, Some(Response::Late(late))));
            }
            (Stage::Issue(issue), NextDue::FirstResponse) => {
                let Some(Response::Waiting(waiting)) = &issue.response else { return };
                let Some(late) = waiting.late() else { return };
                tell(What::ClockBreached { clock: ClockKind::FirstResponse, due: late.due.clone() }, due);
                issue.response = Some(Response::Late(late));
            }
            (Stage::Issue(issue), NextDue::Resolution) => {
                issue.resolution.breached = true;
                let due_then = issue.resolution.as_due();
                tell(What::ClockBreached { clock: ClockKind::Resolution, due: due_then }, due);
            }
            (Stage::Issue(issue), NextDue::Step) => {
                let Some((step, due)) = step else { return };
                issue.steps_taken += 1;
                let taken = What::Escalated {
                    step: issue.steps_taken,
                    target: step.target,
                    due: Some(due),
                    text: String::new(),
                };
                tell(taken, now);
            }
            (Stage::Issue(Issue { progress: Progress::Proposed(proposal), .. }), NextDue::Reminder) => {
                let Some(every) = reminder else { return };
                proposal.reminded += 1;
                // Of reminders that were missed only the latest is told: the side would read the same thing many times.
                let missed = proposal.next_reminder(every) <= through;
                for side in proposal.missing_sides().iter().copied() {
                    let contact = if side == Side::Client { last_contact.clone() } else { None };
                    tell(What::ConfirmationReminded { revision: proposal.revision, side, due, missed, contact }, now);
                }
            }
            (Stage::Issue(Issue { critical: Some(critical), .. }), NextDue::Update) => {
                tell(critical.updates.miss(cadence, through), due);
            }
            (Stage::Inquiry(_), _) | (Stage::Issue(_), NextDue::Reminder | NextDue::Update) => {}
        }
    }

    /// Catches up with everything due by now, as each command begins.
    pub(super) fn up_to(&mut self, now: Timestamp) -> Vec<Fact> {
        self.catch_up(now, now, usize::MAX)
    }
}

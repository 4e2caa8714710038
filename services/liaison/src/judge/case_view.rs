//! A case's timeline with its times at hand.

use business_time::Timestamp;
use contracts::{
    client_registry::v1::Policy,
    escalation::v1::{Case, CaseKind, CaseOpened, ClockKind, TimelineEntry, TimelineKind},
};

use crate::folder::{Evidence, Timeline, instant};

/// An entry.
#[derive(Clone, Copy, Debug)]
pub(super) struct At<'a> {
    pub entry: &'a TimelineEntry,
    pub kind: TimelineKind,
    pub recorded: Timestamp,
    pub occurred: Timestamp,
}

impl<'a> At<'a> {
    fn of(entry: &'a TimelineEntry) -> Self {
        // An entry without a time is a finding of 8.3; here it must not stop the others.
        let recorded = instant(entry.record_time.as_ref()).unwrap_or(Timestamp::MIN);
        let occurred = instant(entry.occur_time.as_ref()).unwrap_or(recorded);
        Self { entry, kind: entry.kind(), recorded, occurred }
    }

    /// The notifications that it names.
    pub(super) fn notifications(&self) -> impl Iterator<Item = &'a str> {
        self.named("notifications/")
    }

    /// The mails that it names.
    pub(super) fn mails(&self) -> impl Iterator<Item = &'a str> {
        self.named("mails/")
    }

    /// The meetings that it names.
    pub(super) fn meetings(&self) -> impl Iterator<Item = &'a str> {
        self.named("meetings/")
    }

    fn named(&self, collection: &'static str) -> impl Iterator<Item = &'a str> {
        self.entry.references.iter().map(String::as_str).filter(move |name| name.starts_with(collection))
    }

    /// Whether it is a missed update that nobody was told of but with a later one: it was noticed when that was missed, too.
    pub(super) fn told_with_later(&self) -> bool {
        self.kind == TimelineKind::ClockBreached && self.entry.reason == "TOLD_WITH_LATER"
    }

    pub(super) fn due(&self) -> Option<Timestamp> {
        instant(self.entry.due_time.as_ref())
    }
}

/// A case and what happened to it.
pub(super) struct CaseView<'a> {
    pub evidence: &'a Evidence,
    pub case: &'a Case,
    pub path: &'a str,
    pub entries: Vec<At<'a>>,
}

impl<'a> CaseView<'a> {
    /// Every case that has a timeline, by name.
    pub(super) fn all(evidence: &'a Evidence) -> Vec<Self> {
        evidence
            .cases
            .values()
            .filter_map(|case| {
                let Timeline { path, entries, .. } = evidence.timelines.get(&case.name)?;
                Some(Self { evidence, case, path, entries: entries.iter().map(At::of).collect() })
            })
            .collect()
    }

    pub(super) fn of_kind(&self, kind: TimelineKind) -> impl Iterator<Item = &At<'a>> {
        self.entries.iter().filter(move |at| at.kind == kind)
    }

    pub(super) fn of_clock(&self, kind: TimelineKind, clock: ClockKind) -> impl Iterator<Item = &At<'a>> {
        self.of_kind(kind).filter(move |at| at.entry.clock() == clock)
    }

    /// The place of an entry, for a finding.
    pub(super) fn place(&self, at: &At<'_>) -> String {
        format!("{} entry {}", self.path, at.entry.sequence)
    }

    /// When both sides had confirmed and it closed.
    pub(super) fn closed(&self) -> Option<Timestamp> {
        self.of_kind(TimelineKind::Closed).next().map(|at| at.recorded)
    }

    /// The entry by which it became an issue: BECAME_ISSUE, or OPENED where it was opened as one.
    pub(super) fn became_issue(&self) -> Option<&At<'a>> {
        let became = self.of_kind(TimelineKind::BecameIssue).next();
        if became.is_some() || !self.opened_as_issue() {
            return became;
        }
        self.of_kind(TimelineKind::Opened).next()
    }

    /// Whether it was opened as an issue, by a call; a mail opens an inquiry.
    pub(super) fn opened_as_issue(&self) -> bool {
        let opened = self.evidence.happened::<CaseOpened>("escalation");
        let kind = opened.iter().find(|event| event.what.case == self.case.name).map(|event| event.what.kind());
        // Where the event is not there the end state tells: an issue that never became one was one from the beginning.
        let kind = kind.unwrap_or(self.case.kind());
        matches!(kind, CaseKind::Issue | CaseKind::Incident) && self.case.mail.is_empty()
    }

    /// The policy that the case is kept under.
    pub(super) fn policy(&self) -> Option<&'a Policy> {
        self.evidence.find_policy(self.case.policy_version)
    }

    /// Spans in which its resolution clock stood still: from a proposal to its rejection. One that nobody rejected has no
    /// end here, since it ends with the case or the run.
    pub(super) fn suspensions(&self) -> Vec<(Timestamp, Timestamp)> {
        let mut spans = Vec::new();
        let mut since = None;
        for at in &self.entries {
            match at.kind {
                TimelineKind::ResolutionProposed => since = since.or(Some(at.recorded)),
                TimelineKind::ResolutionRejected => {
                    if let Some(since) = since.take() {
                        spans.push((since, at.recorded));
                    }
                }
                _ => {}
            }
        }
        spans.extend(since.map(|since| (since, Timestamp::MAX)));
        spans
    }
}

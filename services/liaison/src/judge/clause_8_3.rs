//! SOP 8.3: every step and outcome is documented: each timeline's chain holds and belongs to its case, each event about a
//! case has its entry and each entry its event, and each service's audit holds.

use std::collections::{BTreeMap, BTreeSet};

use contracts::{
    escalation::v1 as escalation,
    escalation::v1::{ClockKind, TimelineKind},
    event::v1::Event,
    notification::v1::{
        AlertProgressed, AlertStep, DeliveryBlocked, DeliveryFailed, DeliveryReturned, DeliverySucceeded,
        InquiryReceived, MailNoted, MeetingHeld, SentCopyReceived,
    },
};

use super::{
    Row,
    case_view::{At, CaseView},
    docket::Docket,
};
use crate::folder::{Evidence, SERVICES, instant, names};

pub(super) fn row(evidence: &Evidence) -> Row {
    let mut docket = Docket::default();
    for (case, timeline) in &evidence.timelines {
        if !evidence.cases.contains_key(case) {
            docket.broken(&timeline.path, format!("belongs to {case}, which is not there"));
        }
    }
    let views = CaseView::all(evidence);
    for view in &views {
        docket.look();
        docket.cite(view.path);
        chain_holds(evidence, view, &mut docket);
        in_order(view, &mut docket);
    }
    let by_case: BTreeMap<&str, &CaseView<'_>> = views.iter().map(|view| (view.case.name.as_str(), view)).collect();
    cases_events_have_entries(evidence, &by_case, &mut docket);
    deliveries_have_entries(evidence, &by_case, &mut docket);
    for service in SERVICES {
        audit_holds(evidence, service, &mut docket);
        stream_is_dense(service, evidence.events.get(service).map(Vec::as_slice).unwrap_or_default(), &mut docket);
    }
    docket.into_row("8.3", "all is documented, nothing altered", ("timeline", "timelines"))
}

fn chain_holds(evidence: &Evidence, view: &CaseView<'_>, docket: &mut Docket) {
    let Some(timeline) = evidence.timelines.get(&view.case.name) else { return };
    if let Err(fault) = timeline.file.verify() {
        docket.broken(&timeline.path, fault.to_string());
    }
    if timeline.file.shredded() > 0 {
        docket.broken(&timeline.path, format!("the text of {} entries is gone", timeline.file.shredded()));
    }
    if timeline.file.entries.is_empty() {
        docket.broken(&timeline.path, "is empty");
    }
    for (at, chained) in view.entries.iter().zip(timeline.file.entries.iter().filter(|one| one.bytes().is_some())) {
        if at.entry.sequence != chained.sequence {
            docket.broken(&timeline.path, format!("entry {} says it is {}", chained.sequence, at.entry.sequence));
        }
        if at.entry.case != view.case.name {
            docket.broken(view.place(at), format!("is about {}", at.entry.case));
        }
    }
}

fn in_order(view: &CaseView<'_>, docket: &mut Docket) {
    let end = view.evidence.run.end_time;
    for at in &view.entries {
        if instant(at.entry.record_time.as_ref()).is_none() || at.kind == TimelineKind::Unspecified {
            docket.broken(view.place(at), "lacks its time or its kind");
        }
        if at.occurred > at.recorded {
            docket.broken(view.place(at), format!("was recorded at {}, before it happened", at.recorded));
        }
        if at.recorded > end {
            docket.broken(view.place(at), format!("was recorded at {}, after the folder was made", at.recorded));
        }
    }
    for (at, next) in view.entries.iter().zip(view.entries.iter().skip(1)) {
        if next.recorded < at.recorded {
            docket.broken(view.place(next), format!("is of {}, the entry before it of {}", next.recorded, at.recorded));
        }
    }
}

/// Takes one entry away for each event, so that two events need two.
struct Entries<'a> {
    left: BTreeMap<&'a str, Vec<At<'a>>>,
    by_case: &'a BTreeMap<&'a str, &'a CaseView<'a>>,
}

impl<'a> Entries<'a> {
    fn new(by_case: &'a BTreeMap<&'a str, &'a CaseView<'a>>) -> Self {
        let left = by_case.iter().map(|(case, view)| (*case, view.entries.clone())).collect();
        Self { left, by_case }
    }

    /// The other way round: what is left of these kinds stands on a timeline, and no event says so.
    fn every_one_happened(&self, kinds: &[TimelineKind], docket: &mut Docket) {
        for (case, entries) in &self.left {
            let Some(view) = self.by_case.get(case) else { continue };
            // An update that was missed while nobody was there to notice is told with the latest of them alone.
            let told = |at: &&At<'_>| kinds.contains(&at.kind) && !at.told_with_later();
            for at in entries.iter().filter(told) {
                let kind = at.kind.as_str_name().trim_start_matches("TIMELINE_KIND_");
                docket.broken(view.place(at), format!("is {kind}, of which no event says anything"));
            }
        }
    }

    fn take(&mut self, event: &str, case: &str, docket: &mut Docket, fits: impl Fn(&At<'_>) -> bool) {
        let Some(entries) = self.left.get_mut(case) else {
            return docket.broken(event, format!("is about {case}, which is not there"));
        };
        match entries.iter().position(fits) {
            Some(index) => drop(entries.remove(index)),
            None => docket
                .broken(self.by_case.get(case).map_or("", |view| view.path), format!("lacks the entry of {event}")),
        }
    }
}

fn event_place(service: &str, position: u64, name: &str) -> String {
    format!("{}/{service}.json event {position} ({name})", names::EVENTS)
}

fn cases_events_have_entries<'a>(
    evidence: &Evidence,
    by_case: &'a BTreeMap<&'a str, &'a CaseView<'a>>,
    docket: &mut Docket,
) {
    let mut entries = Entries::new(by_case);
    macro_rules! each {
        ($event:ident, $kind:ident $(, |$what:ident, $at:ident| $also:expr)?) => {
            for happened in evidence.happened::<escalation::$event>("escalation") {
                let place = event_place("escalation", happened.position, stringify!($event));
                entries.take(&place, &happened.what.case, docket, |at| {
                    $(let ($what, $at) = (&happened.what, at);)?
                    at.kind == TimelineKind::$kind $(&& $also)?
                });
            }
        };
    }
    each!(CaseOpened, Opened);
    each!(CaseResponded, Responded);
    for happened in evidence.happened::<escalation::CaseReopened>("escalation") {
        let place = event_place("escalation", happened.position, "CaseReopened");
        // By the client's next word, or since the firm's reply came back.
        entries.take(&place, &happened.what.case, docket, |at| {
            let returned = at.kind == TimelineKind::ReplyReturned && at.entry.clock() == ClockKind::FirstResponse;
            at.kind == TimelineKind::Reopened || returned
        });
    }
    each!(ClockBreached, ClockBreached, |what, at| { at.entry.clock() == what.clock() && !at.told_with_later() });
    each!(CaseBecameIssue, BecameIssue);
    each!(CaseAcknowledged, Acknowledged);
    each!(CaseEscalated, Escalated, |what, at| at.entry.step == what.step && at.entry.target == what.target);
    each!(ResolutionProposed, ResolutionProposed, |what, at| at.entry.proposal_revision == what.proposal_revision);
    each!(ResolutionRejected, ResolutionRejected, |what, at| at.entry.proposal_revision == what.proposal_revision);
    each!(ResolutionConfirmed, ResolutionConfirmed, |what, at| at.entry.proposal_revision == what.proposal_revision);
    each!(ConfirmationDue, ConfirmationReminded, |what, at| at.entry.proposal_revision == what.proposal_revision);
    each!(CaseClosed, Closed);
    each!(CriticalDeclared, DeclaredCritical);
    // A second reply responds too, but ends no clock, and of that no event tells: see DeliverySucceeded below.
    let told = [
        TimelineKind::Opened,
        TimelineKind::Reopened,
        TimelineKind::ClockBreached,
        TimelineKind::BecameIssue,
        TimelineKind::Acknowledged,
        TimelineKind::Escalated,
        TimelineKind::ResolutionProposed,
        TimelineKind::ResolutionRejected,
        TimelineKind::ResolutionConfirmed,
        TimelineKind::ConfirmationReminded,
        TimelineKind::Closed,
        TimelineKind::DeclaredCritical,
    ];
    entries.every_one_happened(&told, docket);
}

fn deliveries_have_entries<'a>(
    evidence: &Evidence,
    by_case: &'a BTreeMap<&'a str, &'a CaseView<'a>>,
    docket: &mut Docket,
) {
    let mut entries = Entries::new(by_case);
    for happened in evidence.happened::<DeliverySucceeded>("notification") {
        let what = &happened.what;
        if what.case.is_empty() {
            continue;
        }
        let place = event_place("notification", happened.position, "DeliverySucceeded");
        entries.take(&place, &what.case, docket, |at| {
            let names_it = at.notifications().any(|name| name == what.notification);
            let told = at.kind == TimelineKind::Told
                && at.entry.people == what.recipients
                && at.entry.stand_ins_for == what.stand_ins_for;
            names_it && (told || matches!(at.kind, TimelineKind::Responded | TimelineKind::AcknowledgementSent))
        });
    }
    for happened in evidence.happened::<MeetingHeld>("notification") {
        let what = &happened.what;
        if !what.case.is_empty() {
            let kind = if what.answers { TimelineKind::Responded } else { TimelineKind::Told };
            let place = event_place("notification", happened.position, "MeetingHeld");
            entries.take(&place, &what.case, docket, |at| {
                at.kind == kind && at.meetings().any(|name| name == what.meeting)
            });
        }
    }
    let failed = evidence.happened::<DeliveryFailed>("notification").into_iter();
    let failed =
        failed.map(|one| (one.position, "DeliveryFailed", one.what.notification, one.what.case, one.what.reason));
    let blocked = evidence.happened::<DeliveryBlocked>("notification").into_iter();
    let blocked =
        blocked.map(|one| (one.position, "DeliveryBlocked", one.what.notification, one.what.case, one.what.reason));
    for (position, event, notification, case, reason) in failed.chain(blocked) {
        if !case.is_empty() {
            entries.take(&event_place("notification", position, event), &case, docket, |at| {
                let names_it = at.notifications().any(|name| name == notification);
                names_it && at.kind == TimelineKind::NotTold && at.entry.reason == reason
            });
        }
    }
    for happened in evidence.happened::<DeliveryReturned>("notification") {
        let what = &happened.what;
        if what.case.is_empty() {
            continue;
        }
        let place = event_place("notification", happened.position, "DeliveryReturned");
        entries.take(&place, &what.case, docket, |at| {
            let names_it = at.notifications().any(|name| name == what.notification);
            names_it && matches!(at.kind, TimelineKind::ReplyReturned | TimelineKind::NotTold)
        });
    }
    for happened in evidence.happened::<SentCopyReceived>("notification") {
        let what = &happened.what;
        let names_it = |at: &At<'_>| at.kind == TimelineKind::Responded && at.mails().any(|mail| mail == what.mail);
        // Of a conversation whose case was not known yet where it was told, the case knows.
        let on_it = by_case.values().find(|view| view.entries.iter().any(names_it)).map(|view| &view.case.name);
        let case: Option<String> = if what.case.is_empty() { on_it.cloned() } else { Some(what.case.clone()) };
        if let Some(case) = case {
            let place = event_place("notification", happened.position, "SentCopyReceived");
            entries.take(&place, &case, docket, names_it);
        }
    }
    let mut failed = BTreeSet::new();
    for happened in evidence.happened::<AlertProgressed>("notification") {
        let what = &happened.what;
        // That nobody is left is told of each round, and is so from the first one on.
        if what.step() == AlertStep::Failed && !failed.insert(what.notification.clone()) {
            continue;
        }
        let kind = match what.step() {
            AlertStep::Attempted => TimelineKind::AlertAttempted,
            AlertStep::NotReached => TimelineKind::AlertNotReached,
            AlertStep::HandedOver => TimelineKind::AlertHandedOver,
            AlertStep::Reached => TimelineKind::AlertReached,
            AlertStep::Failed => TimelineKind::AlertFailed,
            AlertStep::Unspecified => continue,
        };
        let place = event_place("notification", happened.position, "AlertProgressed");
        entries.take(&place, &what.case, docket, |at| {
            let names_it = at.notifications().any(|name| name == what.notification);
            let same = at.entry.attempt == what.attempt && at.entry.reason == what.reason;
            names_it && same && at.kind == kind && at.entry.people.first().map_or("", String::as_str) == what.person
        });
    }
    for happened in evidence.happened::<MailNoted>("notification") {
        let what = &happened.what;
        if what.case.is_empty() {
            continue;
        }
        let kind = if what.third_party { TimelineKind::ThirdPartyMail } else { TimelineKind::AutomaticMail };
        let place = event_place("notification", happened.position, "MailNoted");
        entries.take(&place, &what.case, docket, |at| at.kind == kind && at.mails().any(|name| name == what.mail));
    }
    let told = [
        TimelineKind::Responded,
        TimelineKind::AcknowledgementSent,
        TimelineKind::Told,
        TimelineKind::NotTold,
        TimelineKind::ReplyReturned,
        TimelineKind::AutomaticMail,
        TimelineKind::ThirdPartyMail,
        TimelineKind::AlertAttempted,
        TimelineKind::AlertNotReached,
        TimelineKind::AlertHandedOver,
        TimelineKind::AlertReached,
        TimelineKind::AlertFailed,
    ];
    entries.every_one_happened(&told, docket);

    // That a client's word has its entry is 4.2's; here that the entry is a client's word.
    let words: BTreeSet<String> =
        evidence.happened::<InquiryReceived>("notification").into_iter().map(|one| one.what.mail).collect();
    for view in by_case.values() {
        for at in view.of_kind(TimelineKind::ClientWrote) {
            if let Some(mail) = at.mails().find(|mail| !words.contains(*mail)) {
                docket.broken(view.place(at), format!("rests on {mail}, of which no event says that it was received"));
            }
        }
    }
}

fn audit_holds(evidence: &Evidence, service: &str, docket: &mut Docket) {
    let path = format!("audit/{service}.json");
    docket.cite(&path);
    let Some(audit) = evidence.audits.get(service) else {
        return docket.broken(path, "is not there");
    };
    if audit.service != service {
        docket.broken(&path, format!("is the audit of {}", audit.service));
    }
    if let Err(fault) = audit.verify() {
        docket.broken(&path, fault.to_string());
    }
    if audit.unsealed > 0 {
        docket.broken(&path, format!("{} rows are not sealed", audit.unsealed));
    }
}

/// Positions are dense in each incarnation, and each event names the one before it.
fn stream_is_dense(service: &str, events: &[Event], docket: &mut Docket) {
    for (event, next) in events.iter().zip(events.iter().skip(1)) {
        let place = event_place(service, next.position, "its place");
        let follows = if next.incarnation == event.incarnation {
            next.position == event.position + 1
        } else {
            next.incarnation > event.incarnation
        };
        if !follows {
            docket.broken(&place, format!("follows the event at {}", event.position));
        }
        if next.predecessor != event.id {
            docket.broken(&place, "does not name the event before it");
        }
    }
}

use business_time::{Timestamp, Zone};
use contracts::escalation::v1::{CaseKind, TimelineEntry, TimelineKind};
use jiff::SignedDuration;
use serde::Serialize;

use super::{Link, client_zone, mails::links};
use crate::{
    folder::{Evidence, id_of, instant},
    page::{
        times::{Shown, show},
        words,
    },
};

/// Of a mail's text at most this many characters are quoted; the mail itself is a link away.
const LONGEST_QUOTE: usize = 500;

#[derive(Debug, Serialize)]
pub(super) struct Case {
    id: String,
    anchor: String,
    title: String,
    client: String,
    kind: &'static str,
    state: &'static str,
    tone: &'static str,
    zone: String,
    timeline: String,
    opener: String,
    late: bool,
    days: Vec<Day>,
}

#[derive(Debug, Serialize)]
struct Day {
    day: String,
    offset: String,
    entries: Vec<Entry>,
}

#[derive(Debug, Serialize)]
struct Entry {
    when: Shown,
    sentence: String,
    tone: &'static str,
    text: String,
    /// When it happened, where it was recorded noticeably later; and what that is.
    earlier: Option<Shown>,
    since: &'static str,
    rests_on: String,
    links: Vec<Link>,
}

pub(super) fn cases(evidence: &Evidence) -> Vec<Case> {
    let mut cases: Vec<_> = evidence.cases.values().collect();
    cases.sort_by_key(|case| (instant(case.open_time.as_ref()), case.name.clone()));
    cases.into_iter().map(|one| case(evidence, one)).collect()
}

fn case(evidence: &Evidence, case: &contracts::escalation::v1::Case) -> Case {
    let zone = client_zone(evidence, &case.client);
    let (state, tone) = words::state(case.kind(), case.state());
    let timeline = evidence.timelines.get(&case.name);
    let entries = timeline.map(|timeline| timeline.entries.as_slice()).unwrap_or_default();
    let mut days: Vec<Day> = Vec::new();
    for entry in entries {
        let recorded = instant(entry.record_time.as_ref()).unwrap_or(Timestamp::MIN);
        let shown = show(recorded, zone.as_ref());
        if days.last().is_none_or(|last| last.day != shown.day || last.offset != shown.offset) {
            days.push(Day { day: shown.day.clone(), offset: shown.offset.clone(), entries: Vec::new() });
        }
        if let Some(day) = days.last_mut() {
            day.entries.push(line(evidence, entry, shown, zone.as_ref()));
        }
    }
    Case {
        id: case.name.clone(),
        anchor: format!("case-{}", id_of(&case.name)),
        title: title(evidence, case),
        client: evidence.display_name(&case.client).to_owned(),
        kind: match case.kind() {
            CaseKind::Incident => "Critical incident",
            CaseKind::Issue => "Issue",
            CaseKind::Inquiry | CaseKind::Unspecified => "Inquiry",
        },
        state,
        tone: tone.as_str(),
        zone: zone.as_ref().map_or("UTC", Zone::name).to_owned(),
        timeline: timeline.map(|timeline| timeline.path.clone()).unwrap_or_default(),
        opener: evidence.display_name(&case.opener).to_owned(),
        late: entries.iter().any(|entry| entry.kind() == TimelineKind::ClockBreached),
        days,
    }
}

/// What a case is about: its subject, or that of the mail that opened it.
pub(super) fn title(evidence: &Evidence, case: &contracts::escalation::v1::Case) -> String {
    match (case.subject.as_str(), evidence.mails.get(&case.mail)) {
        ("", Some(mail)) if !mail.subject.is_empty() => mail.subject.clone(),
        ("", _) => case.name.clone(),
        (subject, _) => subject.to_owned(),
    }
}

fn line(evidence: &Evidence, entry: &TimelineEntry, when: Shown, zone: Option<&Zone>) -> Entry {
    let due = instant(entry.due_time.as_ref()).map(|due| {
        let due = show(due, zone);
        format!("{}, {} ({})", due.date, due.time, due.offset)
    });
    let (sentence, tone) = words::sentence(evidence, entry, due.as_deref());
    let occurred = instant(entry.occur_time.as_ref());
    let recorded = instant(entry.record_time.as_ref());
    let earlier = match (occurred, recorded) {
        (Some(occurred), Some(recorded)) if recorded.duration_since(occurred) >= SignedDuration::from_mins(1) => {
            Some(show(occurred, zone))
        }
        _ => None,
    };
    let rests_on = entry.provenance.as_ref().map_or_else(String::new, |provenance| {
        format!("{}, revision {}", id_of(&provenance.calendar), provenance.calendar_revision)
    });
    Entry {
        when,
        sentence,
        tone: tone.as_str(),
        text: text_of(evidence, entry),
        since: match entry.kind() {
            TimelineKind::ClockSet | TimelineKind::ClockRecomputed => "counts from",
            _ if entry.references.iter().any(|name| name.starts_with("mails/")) => "received",
            _ => "happened",
        },
        earlier,
        rests_on,
        links: entry.references.iter().flat_map(|name| links(evidence, name)).collect(),
    }
}

/// The words that belong to an entry: its own, or those of the mail that it is about.
fn text_of(evidence: &Evidence, entry: &TimelineEntry) -> String {
    let wrote = [TimelineKind::Opened, TimelineKind::ClientWrote, TimelineKind::Reopened];
    let text = if !entry.text.is_empty() {
        Some(&entry.text)
    } else if wrote.contains(&entry.kind()) {
        entry.references.iter().find_map(|name| evidence.mails.get(name)).map(|mail| &mail.text)
    } else if entry.kind() == TimelineKind::Responded {
        entry.references.iter().find_map(|name| evidence.notifications.get(name)).map(|one| &one.text)
    } else {
        None
    };
    let text = text.map(|text| text.trim()).unwrap_or_default();
    match text.char_indices().nth(LONGEST_QUOTE) {
        Some((end, _)) => format!("{} …", &text[..end]),
        None => text.to_owned(),
    }
}

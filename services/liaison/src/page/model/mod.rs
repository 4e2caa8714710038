//! What the template is filled with. `cases`: timelines as days and sentences. `mails`: what came and what left. `firm`:
//! people, clients, policies and calendars.

mod cases;
mod firm;
mod mails;

use business_time::Zone;
use serde::Serialize;

use super::{
    times::{Shown, show},
    words,
};
use crate::{
    folder::{CalendarInForce, Evidence, Outcome, Step},
    judge::{Finding, Ruling, Table},
};

/// The whole page.
#[derive(Debug, Serialize)]
pub(super) struct Page {
    firm: String,
    scenario: String,
    description: String,
    trial: bool,
    version: String,
    tzdb: String,
    holidays: String,
    start: Shown,
    end: Shown,
    zone: String,
    passed: bool,
    broken: usize,
    unexpected: Vec<Wrong>,
    notes: Vec<String>,
    rows: Vec<Row>,
    cases: Vec<cases::Case>,
    triage: Vec<mails::Inbound>,
    inbound: Vec<mails::Inbound>,
    outbound: Vec<mails::Outbound>,
    refusals: Vec<Told>,
    steps: Vec<Told>,
    clients: Vec<firm::ClientCard>,
    staff: Vec<firm::Person>,
    policies: Vec<firm::PolicyCard>,
    calendars: Vec<firm::CalendarCard>,
}

#[derive(Debug, Serialize)]
struct Wrong {
    place: String,
    what: String,
}

#[derive(Debug, Serialize)]
struct Row {
    clause: &'static str,
    title: &'static str,
    verdict: &'static str,
    class: &'static str,
    population: String,
    breaches: u64,
    noticed: u64,
    followed_up: u64,
    evidence: Vec<Link>,
    more: usize,
    findings: Vec<Wrong>,
}

#[derive(Debug, Serialize)]
pub(super) struct Link {
    pub(super) href: String,
    pub(super) text: String,
}

#[derive(Debug, Serialize)]
struct Told {
    number: u32,
    when: Shown,
    who: String,
    principal: String,
    call: String,
    rpc: String,
    title: String,
    outcome: &'static str,
    code: String,
    reason: String,
    message: String,
    fields: Vec<String>,
    place: String,
    expected: String,
    as_expected: bool,
}

impl Page {
    pub(super) fn of(evidence: &Evidence, table: &Table) -> Self {
        let run = &evidence.run;
        let zone = firm_zone(evidence);
        let steps: Vec<_> = evidence.story.iter().map(|step| told(evidence, step, zone.as_ref())).collect();
        let is_refusal = |step: &&Step| matches!(step.outcome, Outcome::Refused(_));
        Self {
            firm: run.scenario.clone(),
            scenario: run.scenario.clone(),
            description: run.description.trim().to_owned(),
            trial: run.trial,
            version: run.product_version.clone(),
            tzdb: run.tzdb_version.clone(),
            holidays: run.holidays_version.clone(),
            start: show(run.start_time, zone.as_ref()),
            end: show(run.end_time, zone.as_ref()),
            zone: zone.as_ref().map_or("UTC", Zone::name).to_owned(),
            passed: table.passed(),
            broken: table.broken().len(),
            unexpected: table.unexpected.iter().map(Wrong::of).collect(),
            notes: table.notes.clone(),
            rows: table.rows.iter().map(|one| row(evidence, one)).collect(),
            cases: cases::cases(evidence),
            triage: evidence
                .mails
                .values()
                .filter(|mail| mail.triage.is_some())
                .map(|mail| mails::inbound(evidence, mail))
                .collect(),
            inbound: mails::by_time(evidence.mails.values().map(|mail| mails::inbound(evidence, mail)).collect()),
            outbound: mails::outbounds(evidence),
            refusals: evidence
                .story
                .iter()
                .filter(is_refusal)
                .map(|step| told(evidence, step, zone.as_ref()))
                .collect(),
            steps,
            clients: firm::clients(evidence),
            staff: evidence.staff.values().map(|record| firm::person(evidence, record)).collect(),
            policies: firm::policies(evidence),
            calendars: evidence.calendars.iter().map(|calendar| firm::calendar_card(evidence, calendar)).collect(),
        }
    }
}

impl Wrong {
    fn of(finding: &Finding) -> Self {
        Self { place: finding.place.clone(), what: finding.what.clone() }
    }
}

/// Where the firm's own clocks hang.
fn firm_zone(evidence: &Evidence) -> Option<Zone> {
    let policy = evidence.policy_at(evidence.run.end_time)?;
    zone_of(evidence.calendar_at(&policy.firm_calendar, evidence.run.end_time)?)
}

fn zone_of(calendar: &CalendarInForce) -> Option<Zone> {
    Zone::try_new(&calendar.spec.time_zone).ok()
}

fn client_zone(evidence: &Evidence, client: &str) -> Option<Zone> {
    let name = evidence.client_calendar_at(client, evidence.run.end_time)?;
    zone_of(evidence.calendar_at(&name, evidence.run.end_time)?)
}

fn row(evidence: &Evidence, row: &crate::judge::Row) -> Row {
    const SHOWN: usize = 3;
    Row {
        clause: row.clause,
        title: row.title,
        verdict: row.verdict.as_str(),
        class: match row.verdict {
            Ruling::Kept => "kept",
            Ruling::Broken(_) => "broken",
            Ruling::NotExercised => "idle",
        },
        population: row.looked_at(),
        breaches: row.lateness.breaches,
        noticed: row.lateness.noticed,
        followed_up: row.lateness.followed_up,
        evidence: row.evidence.iter().take(SHOWN).map(|file| named(evidence, file)).collect(),
        more: row.evidence.len().saturating_sub(SHOWN),
        findings: row.verdict.findings().iter().map(Wrong::of).collect(),
    }
}

/// A link to a file of evidence, by what it is where its name is a number.
fn named(evidence: &Evidence, file: &str) -> Link {
    let timeline = evidence.timelines.iter().find(|(_, timeline)| timeline.path == file);
    let sent = evidence.mails_out.iter().find(|(_, mail)| mail.path == file);
    let text = if let Some((case, _)) = timeline {
        evidence.cases.get(case).map(|case| format!("timeline: {}", cases::title(evidence, case)))
    } else {
        sent.and_then(|(name, _)| evidence.notifications.get(name)).map(|one| {
            format!("{} to {}", words::notification_kind(one.kind()), words::people(evidence, &one.recipients))
        })
    };
    Link { href: file.to_owned(), text: text.unwrap_or_else(|| file.to_owned()) }
}

fn told(evidence: &Evidence, step: &Step, zone: Option<&Zone>) -> Told {
    let refused = match &step.outcome {
        Outcome::Refused(refused) => refused.clone(),
        _ => crate::folder::Refused::default(),
    };
    Told {
        number: step.number,
        when: show(step.at, zone),
        who: words::actor(evidence, &step.who),
        principal: step.who.clone(),
        call: if step.rpc.is_empty() { "waits".to_owned() } else { words::call(&step.rpc) },
        rpc: step.rpc.clone(),
        title: step.title.clone(),
        outcome: match &step.outcome {
            Outcome::Answer(_) => "answered",
            Outcome::Refused(_) => "refused",
            Outcome::Event(_) => "came",
            Outcome::Nothing(_) => "nothing came",
        },
        code: refused.code,
        reason: refused.reason,
        message: refused.message,
        fields: refused.fields,
        place: format!("{}:{}", step.file, step.line),
        expected: step.expected.clone(),
        as_expected: step.as_expected,
    }
}

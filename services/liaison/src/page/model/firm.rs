use std::collections::BTreeMap;

use business_time::{Weekday, Zone, holidays::find_region};
use contracts::client_registry::v1::{FirmRole, StaffKind};
use jiff::SignedDuration;
use serde::Serialize;

use super::{client_zone, firm_zone, zone_of};
use crate::{
    folder::{CalendarInForce, Evidence, StaffRecord, id_of, instant},
    page::{
        times::{Shown, show},
        words,
    },
};

#[derive(Debug, Serialize)]
pub(super) struct ClientCard {
    name: String,
    id: String,
    zone: String,
    calendar: String,
    manager: String,
    engagements: Vec<Team>,
    contacts: Vec<Person>,
}

#[derive(Debug, Serialize)]
pub(super) struct Team {
    name: String,
    lead: String,
    members: String,
}

#[derive(Debug, Serialize)]
pub(super) struct Person {
    name: String,
    id: String,
    roles: String,
    note: String,
}

#[derive(Debug, Serialize)]
pub(super) struct PolicyCard {
    version: u64,
    since: Option<Shown>,
    days: i32,
    domain: String,
    steps: Vec<String>,
    reminder: String,
    acknowledges: bool,
}

#[derive(Debug, Serialize)]
pub(super) struct CalendarCard {
    name: String,
    revision: u64,
    since: Shown,
    zone: String,
    week: Vec<(String, String)>,
    regions: String,
    free: Vec<String>,
}

pub(super) fn clients(evidence: &Evidence) -> Vec<ClientCard> {
    let cards = evidence.clients.values().map(|record| {
        let client = &record.client;
        ClientCard {
            name: evidence.display_name(&client.name).to_owned(),
            id: client.name.clone(),
            zone: client_zone(evidence, &client.name).map_or("UTC".to_owned(), |zone| zone.name().to_owned()),
            calendar: id_of(&client.calendar).to_owned(),
            manager: evidence.display_name(&client.account_manager).to_owned(),
            engagements: record
                .engagements
                .iter()
                .map(|engagement| Team {
                    name: engagement.display_name.clone(),
                    lead: evidence.display_name(&engagement.team_lead).to_owned(),
                    members: words::people(evidence, &engagement.team_members),
                })
                .collect(),
            contacts: record
                .contacts
                .iter()
                .map(|contact| Person {
                    name: contact.display_name.clone(),
                    id: contact.name.clone(),
                    roles: if contact.confirms { "confirms for the client".to_owned() } else { String::new() },
                    note: if contact.inactive { "has left".to_owned() } else { String::new() },
                })
                .collect(),
        }
    });
    cards.collect()
}

pub(super) fn person(evidence: &Evidence, record: &StaffRecord) -> Person {
    let staff = &record.staff;
    let zone = firm_zone(evidence);
    let mut roles: Vec<String> = staff
        .roles()
        .filter(|role| *role != FirmRole::Unspecified)
        .map(|role| role.as_str_name().trim_start_matches("FIRM_ROLE_").to_lowercase())
        .collect();
    let mut of_clients: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for client in evidence.clients.values() {
        let name = evidence.display_name(&client.client.name);
        if client.client.account_manager == staff.name {
            of_clients.entry("account manager").or_default().push(name);
        }
        for engagement in &client.engagements {
            if engagement.team_lead == staff.name {
                of_clients.entry("team lead").or_default().push(name);
            }
            if engagement.team_members.contains(&staff.name) {
                of_clients.entry("project team").or_default().push(name);
            }
        }
    }
    roles.extend(of_clients.into_iter().map(|(role, clients)| format!("{role} of {}", clients.join(", "))));
    let mut notes = Vec::new();
    if staff.kind() == StaffKind::Contractor {
        let until = instant(staff.access_expire_time.as_ref());
        let until = until.map_or("no end".to_owned(), |until| show(until, zone.as_ref()).date);
        notes.push(format!("contractor until {until}"));
    }
    for absence in &record.absences {
        if let (Some(from), Some(to)) = (instant(absence.start_time.as_ref()), instant(absence.end_time.as_ref())) {
            let (from, to) = (show(from, zone.as_ref()), show(to, zone.as_ref()));
            notes.push(format!("absent {} {} to {} {}", from.date, from.time, to.date, to.time));
        }
    }
    if !staff.deputy.is_empty() {
        notes.push(format!("deputy {}", evidence.display_name(&staff.deputy)));
    }
    if staff.inactive {
        notes.push("has left".to_owned());
    }
    Person { name: staff.display_name.clone(), id: staff.name.clone(), roles: roles.join("; "), note: notes.join("; ") }
}

pub(super) fn policies(evidence: &Evidence) -> Vec<PolicyCard> {
    let zone = firm_zone(evidence);
    let cards = evidence.policies.iter().map(|policy| PolicyCard {
        version: policy.version,
        since: instant(policy.publish_time.as_ref()).map(|time| show(time, zone.as_ref())),
        days: policy.first_response_business_days,
        domain: policy.official_domain.clone(),
        steps: policy
            .escalation_steps
            .iter()
            .map(|step| {
                let after = step.after.as_ref().map_or(0, |after| after.seconds);
                format!("{} to {}", span(after), words::escalation_target(step.target()))
            })
            .collect(),
        reminder: span(policy.confirmation_reminder.as_ref().map_or(0, |every| every.seconds)),
        acknowledges: policy.auto_acknowledge,
    });
    cards.collect()
}

fn span(seconds: i64) -> String {
    match (seconds / 3600, seconds % 3600 / 60) {
        (0, minutes) => format!("{minutes} min"),
        (hours, 0) => format!("{hours} h"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}

pub(super) fn calendar_card(evidence: &Evidence, calendar: &CalendarInForce) -> CalendarCard {
    let (spec, zone) = (&calendar.spec, zone_of(calendar));
    let mut week: Vec<(String, String)> = Vec::new();
    for day in Weekday::ALL {
        let hours: Vec<_> = spec
            .week
            .iter()
            .filter(|hours| hours.day == day)
            .map(|hours| format!("{}–{}", hours.open, hours.close))
            .collect();
        let hours = if hours.is_empty() { "closed".to_owned() } else { hours.join(", ") };
        let name = capital(&day.to_string()[..3]);
        match week.last_mut() {
            Some((days, same)) if *same == hours => {
                let first = days.split('–').next().unwrap_or_default().to_owned();
                *days = format!("{first}–{name}");
            }
            _ => week.push((name, hours)),
        }
    }
    CalendarCard {
        name: id_of(&calendar.name).to_owned(),
        revision: calendar.revision,
        since: show(calendar.from_time, zone.as_ref()),
        zone: spec.time_zone.clone(),
        week,
        regions: spec.holidays.join(", "),
        free: free_days(evidence, calendar, zone.as_ref()),
    }
}

/// Days whose holidays are told at most.
const LONGEST_RUN: u32 = 200;

/// Holidays, closures and exceptional hours within the run and a week on both sides.
fn free_days(evidence: &Evidence, calendar: &CalendarInForce, zone: Option<&Zone>) -> Vec<String> {
    let Some(zone) = zone else { return Vec::new() };
    let week = SignedDuration::from_hours(7 * 24);
    let mut date = zone.wall(evidence.run.start_time.checked_sub(week).unwrap_or(evidence.run.start_time)).date();
    let end = zone.wall(evidence.run.end_time.checked_add(week).unwrap_or(evidence.run.end_time)).date();
    let mut free = Vec::new();
    // A run of years is not told day by day.
    for _ in 0..LONGEST_RUN {
        if date > end {
            break;
        }
        let shown = date.strftime("%a %-d %b %Y").to_string();
        let text = date.to_string();
        for region in calendar.spec.holidays.iter().filter_map(|code| find_region(code)) {
            if let Some(name) = region.find_holiday(date) {
                free.push(format!("{shown}: {name}"));
            }
        }
        for closure in calendar.spec.closures.iter().filter(|closure| closure.date == text) {
            free.push(format!("{shown}: closed, {}", closure.label).trim_end_matches(", ").to_owned());
        }
        for opening in calendar.spec.openings.iter().filter(|opening| opening.date == text) {
            free.push(format!("{shown}: open {}–{}", opening.open, opening.close));
        }
        let Ok(tomorrow) = date.tomorrow() else { break };
        date = tomorrow;
    }
    free
}

fn capital(text: &str) -> String {
    let mut signs = text.chars();
    signs.next().map(|first| first.to_uppercase().collect::<String>() + signs.as_str()).unwrap_or_default()
}

//! SOP 7: only authorised people reach a client's data, each read of personal data is written down, and so is each refusal.
//!
//! Who may what is `access::roles`, the procedure's own table; who held which role when is the firm's data. A refusal for
//! want of a valid token has nobody to name, and one for the mere form of a request touched nothing: the audit need not
//! have those.
//!
//! Here the audit is held against the roles; `story` holds what came of each call, and what a watch delivered, against the
//! audit; `answer` reads an answer.

mod answer;
mod story;

use ::evidence::audit_file::{FileOutcome, FileRow};
use access::{AccessRule, Grants, HeldRole, Reach, Role, Rules};
use business_time::Timestamp;
use contracts::client_registry::v1::FirmRole;
use jiff::SignedDuration;

use super::{Row, docket::Docket, people, span::earlier};
use crate::folder::{Evidence, is_person, is_staff, names};

/// How old a decision may be.
const DECISION: SignedDuration = SignedDuration::from_secs(30);

/// What a contact may only do who confirms for the client.
const CONFIRMING: [&str; 2] = ["cases.confirm", "cases.reject"];

pub(super) fn row(evidence: &Evidence) -> Row {
    let mut docket = Docket::default();
    let rules = Rules::load();
    match &rules {
        Ok(rules) => {
            for (service, audit) in &evidence.audits {
                let path = format!("audit/{service}.json");
                docket.cite(&path);
                for row in audit.rows() {
                    let place = format!("{path} row {}", row.number);
                    look_at(evidence, rules, row, place, &mut docket);
                }
            }
        }
        Err(error) => docket.broken("the contracts", error.to_string()),
    }
    docket.cite(names::STORY);
    if let Ok(rules) = &rules {
        story::look(evidence, rules, &mut docket);
    }
    docket.into_row("7", "authorised access only, reads recorded", ("act of a person", "acts of people"))
}

fn look_at(evidence: &Evidence, rules: &Rules, row: &FileRow, place: String, docket: &mut Docket) {
    if !is_person(&row.actor) {
        if !is_ours(&row.actor) {
            docket.broken(place, format!("nobody knows {:?}", row.actor));
        }
        return;
    }
    docket.look();
    if row.outcome == FileOutcome::Refused {
        return;
    }
    let path = format!("/{}", row.action.trim_start_matches('/'));
    let Some(Some(rule)) = rules.find(&path) else {
        return docket.broken(place, format!("{} did {:?}, which no contract declares", row.actor, row.action));
    };
    if rule.open {
        return;
    }
    let mut clients: Vec<_> = row.resources.iter().filter_map(|name| evidence.client_of(name)).collect();
    clients.sort();
    clients.dedup();
    if let Err(whose) = reaches(evidence, rule, &row.actor, &clients, row.time) {
        let what = format!("{} reached {whose} by {} without holding {}", row.actor, row.action, rule.permission);
        docket.broken(place, what);
    }
}

/// Whether a person could do something to these clients at a time; else whose it was. A decision may be half a minute old.
fn reaches(
    evidence: &Evidence,
    rule: &AccessRule,
    person: &str,
    clients: &[String],
    time: Timestamp,
) -> Result<(), String> {
    let reaches = |time: Timestamp| {
        let grants = grants_at(evidence, person, time);
        match rule.reach {
            Reach::Firm => grants.holds_everywhere(&rule.permission),
            Reach::Client if clients.is_empty() => grants.holds_somewhere(&rule.permission),
            Reach::Client => clients.iter().all(|client| grants.holds_on(&rule.permission, client)),
        }
    };
    if reaches(time) || reaches(earlier(time, DECISION)) {
        return Ok(());
    }
    Err(if clients.is_empty() { "the firm".to_owned() } else { clients.join(", ") })
}

/// A part of Liaison, or the firm's mail server or telephony.
fn is_ours(actor: &str) -> bool {
    let services = [
        "services/client-registry",
        "services/escalation",
        "services/notification",
        "services/reporting",
        "services/intake",
        "services/telephony",
    ];
    services.contains(&actor) || ["timer", "init"].contains(&actor)
}

/// What a person may at a time, by the roles held then. Whether the person was still active is clause 2's.
fn grants_at(evidence: &Evidence, person: &str, time: Timestamp) -> Grants {
    if is_staff(person) {
        return Grants::of_roles(roles_at(evidence, person, time));
    }
    let Some(contact) = evidence.contact_at(person, time) else { return Grants::inactive() };
    let client = person.split_once("/contacts/").map(|(client, _)| client.to_owned());
    let mut grants = Grants::of_roles([HeldRole { role: Role::ClientContact, client }]);
    let domain = evidence.policy_at(time).map_or("", |policy| policy.official_domain.as_str());
    if !contact.confirms || people::is_of_domain(&contact.email, domain) {
        grants.on.values_mut().for_each(|held| held.retain(|permission| !CONFIRMING.contains(&permission.as_str())));
    }
    grants
}

/// The roles that somebody of the firm holds for the whole firm, and at clients: their own, and while they stand in for
/// somebody that person's.
fn roles_at(evidence: &Evidence, person: &str, time: Timestamp) -> Vec<HeldRole> {
    let mut held = Vec::new();
    for role in evidence.staff_at(person, time).into_iter().flat_map(|staff| staff.roles()) {
        let role = match role {
            FirmRole::Management => Role::Management,
            FirmRole::Intake => Role::Intake,
            FirmRole::Auditor => Role::Auditor,
            FirmRole::Unspecified => continue,
        };
        held.push(HeldRole { role, client: None });
    }
    let acts_for = |name: &str| name == person || people::stand_in(evidence, name, time).as_deref() == Some(person);
    for client in evidence.clients.keys() {
        let Some(assigned) = evidence.assignments_at(client, time) else { continue };
        let mut add = |role, holder: &str| {
            if acts_for(holder) {
                held.push(HeldRole { role, client: Some(client.clone()) });
            }
        };
        add(Role::AccountManager, &assigned.account_manager);
        for team in &assigned.engagements {
            add(Role::TeamLead, &team.team_lead);
            team.team_members.iter().for_each(|member| add(Role::ProjectTeam, member));
        }
    }
    held
}

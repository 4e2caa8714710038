//! SOP 7: only authorised people reach a client's data, each read of personal data is written down, and so is each refusal.
//!
//! Who may what is `access::roles`, the procedure's own table; who held which role when is the firm's data. A refusal for
//! want of a valid token has nobody to name, and one for the mere form of a request touched nothing: the audit need not
//! have those.

use ::evidence::audit_file::{FileOutcome, FileRow};
use access::{Grants, HeldRole, Reach, Role, Rules};
use business_time::Timestamp;
use contracts::client_registry::v1::FirmRole;
use jiff::SignedDuration;
use prost_reflect::{DynamicMessage, MessageDescriptor, Value};
use serde::de::DeserializeSeed;

use super::{
    Row,
    docket::Docket,
    people,
    span::{earlier, with_slack},
};
use crate::folder::{Evidence, Outcome, Step, is_person, is_staff, names};

/// How old a decision may be.
const DECISION: SignedDuration = SignedDuration::from_secs(30);

/// What a contact may only do who confirms for the client.
const CONFIRMING: [&str; 2] = ["cases.confirm", "cases.reject"];

/// The reason in the audit of one who lacks the permission.
const NO_PERMISSION: &str = "NO_PERMISSION";

pub(super) fn row(evidence: &Evidence) -> Row {
    let mut docket = Docket::default();
    match Rules::load() {
        Ok(rules) => {
            for (service, audit) in &evidence.audits {
                let path = format!("audit/{service}.json");
                docket.cite(&path);
                for row in audit.rows() {
                    let place = format!("{path} row {}", row.number);
                    look_at(evidence, &rules, row, place, &mut docket);
                }
            }
        }
        Err(error) => docket.broken("the contracts", error.to_string()),
    }
    docket.cite(names::STORY);
    for step in evidence.story.iter().filter(|step| !step.rpc.is_empty()) {
        let place = format!("{} step {}", names::STORY, step.number);
        match &step.outcome {
            Outcome::Refused(refused) => {
                let told_nobody = ["UNAUTHENTICATED", "INVALID_ARGUMENT", "RESOURCE_EXHAUSTED", "UNAVAILABLE"];
                // Whoever may not see a thing is told that it is not there; the audit has the true reason.
                let hides = |reason: &str| refused.code == "NOT_FOUND" && reason == NO_PERMISSION;
                let found = |row: &FileRow| {
                    row.outcome == FileOutcome::Refused && (row.reason == refused.reason || hides(&row.reason))
                };
                if !told_nobody.contains(&refused.code.as_str()) && !audited(evidence, step, found) {
                    docket.broken(
                        place,
                        format!("was refused with {}, of which the audit knows nothing", refused.reason),
                    );
                }
            }
            Outcome::Answer(answer)
                if reads_personal_data(step, answer)
                    && !audited(evidence, step, |row| row.outcome == FileOutcome::Read) =>
            {
                docket.broken(place, "read personal data, of which the audit knows nothing");
            }
            _ => {}
        }
    }
    docket.into_row("7", "authorised access only, reads recorded", "acts of people")
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
    // A decision may be half a minute old.
    let reaches = |time: Timestamp| {
        let grants = grants_at(evidence, &row.actor, time);
        match rule.reach {
            Reach::Firm => grants.holds_everywhere(&rule.permission),
            Reach::Client if clients.is_empty() => grants.holds_somewhere(&rule.permission),
            Reach::Client => clients.iter().all(|client| grants.holds_on(&rule.permission, client)),
        }
    };
    if !reaches(row.time) && !reaches(earlier(row.time, DECISION)) {
        let whose = if clients.is_empty() { "the firm".to_owned() } else { clients.join(", ") };
        docket.broken(
            place,
            format!("{} reached {} by {} without holding {}", row.actor, whose, row.action, rule.permission),
        );
    }
}

/// A part of Liaison, or the firm's mail server.
fn is_ours(actor: &str) -> bool {
    let services = ["services/client-registry", "services/escalation", "services/notification", "services/intake"];
    services.contains(&actor) || ["timer", "init"].contains(&actor)
}

/// What a person may at a time, by the roles held then. Whether the person was still active is clause 2's.
fn grants_at(evidence: &Evidence, person: &str, time: Timestamp) -> Grants {
    if is_staff(person) {
        return Grants::of_roles(roles_at(evidence, person, time));
    }
    let Some(contact) = evidence.find_contact(person) else { return Grants::inactive() };
    let client = person.split_once("/contacts/").map(|(client, _)| client.to_owned());
    let mut grants = Grants::of_roles([HeldRole { role: Role::ClientContact, client }]);
    if !contact.confirms {
        grants.on.values_mut().for_each(|held| held.retain(|permission| !CONFIRMING.contains(&permission.as_str())));
    }
    grants
}

/// The roles that somebody of the firm holds for the whole firm, and at clients: their own, and while they stand in for
/// somebody that person's.
fn roles_at(evidence: &Evidence, person: &str, time: Timestamp) -> Vec<HeldRole> {
    let mut held = Vec::new();
    for role in evidence.find_staff(person).into_iter().flat_map(|staff| staff.roles()) {
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

/// Whether the audit has a row of this step that is as wanted.
fn audited(evidence: &Evidence, step: &Step, wanted: impl Fn(&FileRow) -> bool) -> bool {
    let action = step.rpc.trim_start_matches('/');
    let mut rows = evidence.audits.values().flat_map(|audit| audit.rows());
    rows.any(|row| {
        row.actor == step.who
            && row.action.trim_start_matches('/') == action
            && step.at <= row.time
            && row.time <= with_slack(step.at)
            && wanted(row)
    })
}

/// Whether a step is a read (its request has no `request_id`) whose answer holds personal data.
fn reads_personal_data(step: &Step, answer: &serde_json::Value) -> bool {
    let Some((service, method)) = step.rpc.trim_start_matches('/').rsplit_once('/') else { return false };
    let Some(service) = contracts::pool().get_service_by_name(service) else { return false };
    let Some(method) = service.methods().find(|known| known.name() == method) else { return false };
    if method.input().get_field_by_name("request_id").is_some() {
        return false;
    }
    let messages = answer.as_array().map_or(std::slice::from_ref(answer), Vec::as_slice);
    messages.iter().any(|message| read(method.output(), message).is_none_or(|message| holds_personal_data(&message)))
}

fn read(descriptor: MessageDescriptor, value: &serde_json::Value) -> Option<DynamicMessage> {
    descriptor.deserialize(value).ok()
}

fn holds_personal_data(message: &DynamicMessage) -> bool {
    message.fields().any(|(field, value)| {
        let options = field.options();
        let marked = contracts::pool()
            .get_extension_by_name("liaison.options.v1.personal_data")
            .is_some_and(|mark| options.has_extension(&mark) && options.get_extension(&mark).as_bool() == Some(true));
        marked || nested(value).iter().any(|inner| holds_personal_data(inner))
    })
}

fn nested(value: &Value) -> Vec<&DynamicMessage> {
    match value {
        Value::Message(message) => vec![message],
        Value::List(list) => list.iter().flat_map(nested).collect(),
        Value::Map(map) => map.values().flat_map(nested).collect(),
        _ => Vec::new(),
    }
}

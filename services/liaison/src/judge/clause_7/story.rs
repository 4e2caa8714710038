//! Each call of the story has its row in the audit: a refusal with its reason, a read of personal data with whose it was, a
//! change with what it changed. What a watch delivered was its watcher's to see.

use std::collections::{BTreeMap, BTreeSet};

use ::evidence::audit_file::{FileOutcome, FileRow};
use access::Rules;
use business_time::Timestamp;
use prost_reflect::MethodDescriptor;

use super::{answer, reaches};
use crate::{
    folder::{Evidence, Outcome, Refused, Step, is_person, names},
    judge::{docket::Docket, span::with_slack},
};

/// The reason in the audit of one who lacks the permission.
const NO_PERMISSION: &str = "NO_PERMISSION";

pub(super) fn look(evidence: &Evidence, rules: &Rules, docket: &mut Docket) {
    let mut rows = Rows::of(evidence);
    let mut requests = BTreeSet::new();
    for step in evidence.story.iter().filter(|step| !step.rpc.is_empty()) {
        let place = format!("{} step {}", names::STORY, step.number);
        let Some(method) = answer::find_method(&step.rpc) else {
            docket.broken(place, format!("calls {:?}, which no contract declares", step.rpc));
            continue;
        };
        let watches = method.is_server_streaming();
        let found = match &step.outcome {
            // A stream that ends is refused nothing: its first answer was.
            Outcome::Refused(_) if watches && opening(step).is_some() => Ok(()),
            Outcome::Refused(refused) => refusal(&mut rows, step, refused),
            Outcome::Answer(messages) if watches && opening(step).is_some() => {
                delivered(evidence, rules, &rows, step, &method, messages)
            }
            Outcome::Answer(_) if watches => is_closed(evidence, step),
            Outcome::Answer(given) if answer::is_mutation(&method) => {
                // The same request once more gets the first answer and changes nothing.
                let again = request_id(step).is_some_and(|id| !requests.insert((&step.who, &step.rpc, id)));
                if again { Ok(()) } else { change(&mut rows, step, &method, given) }
            }
            Outcome::Answer(given) => read(&mut rows, step, &method, given),
            Outcome::Event(_) | Outcome::Nothing(_) => Ok(()),
        };
        if let Err(what) = found {
            docket.broken(place, what);
        }
    }
}

fn request_id(step: &Step) -> Option<&str> {
    let fields = ["request_id", "requestId"].into_iter();
    fields.filter_map(|field| step.request.get(field)?.as_str()).find(|id| !id.is_empty())
}

fn refusal<'a>(rows: &mut Rows<'a>, step: &'a Step, refused: &Refused) -> Result<(), String> {
    let told_nobody = ["UNAUTHENTICATED", "INVALID_ARGUMENT", "RESOURCE_EXHAUSTED", "UNAVAILABLE"];
    if told_nobody.contains(&refused.code.as_str()) {
        return Ok(());
    }
    // Whoever may not see a thing is told that it is not there; the audit has the true reason.
    let hides = |reason: &str| refused.code == "NOT_FOUND" && reason == NO_PERMISSION;
    let fits =
        |row: &FileRow| row.outcome == FileOutcome::Refused && (row.reason == refused.reason || hides(&row.reason));
    let unknown = || format!("was refused with {}, of which the audit knows nothing", refused.reason);
    rows.take(step, &BTreeSet::new(), fits).then_some(()).ok_or_else(unknown)
}

fn change<'a>(
    rows: &mut Rows<'a>,
    step: &'a Step,
    method: &MethodDescriptor,
    given: &serde_json::Value,
) -> Result<(), String> {
    let mut changed = BTreeSet::new();
    for message in answer::read(method, given).ok_or("was answered with what the contract does not declare")? {
        answer::named(&message, &mut changed);
    }
    let done = rows.take(step, &changed, |row| row.outcome == FileOutcome::Done);
    done.then_some(()).ok_or_else(|| format!("changed {}, of which the audit knows nothing", listed(&changed)))
}

fn read<'a>(
    rows: &mut Rows<'a>,
    step: &'a Step,
    method: &MethodDescriptor,
    given: &serde_json::Value,
) -> Result<(), String> {
    let messages = answer::read(method, given).ok_or("was answered with what the contract does not declare")?;
    if !messages.iter().any(answer::is_personal) {
        return Ok(());
    }
    let mut told = BTreeSet::new();
    messages.iter().for_each(|message| answer::named(message, &mut told));
    if messages.iter().any(answer::is_personal_of_the_asked) {
        told.extend(answer::asked_for(step));
    }
    let read = rows.take(step, &told, |row| row.outcome == FileOutcome::Read);
    read.then_some(())
        .ok_or_else(|| format!("read personal data of {}, of which the audit knows nothing", listed(&told)))
}

/// The number of the step that opened the watch which a step ends.
fn opening(step: &Step) -> Option<u64> {
    step.request.get("watch")?;
    step.request.get("step")?.as_u64()
}

/// What a watch delivered is recorded where it ended.
fn is_closed(evidence: &Evidence, step: &Step) -> Result<(), String> {
    let mut ends = evidence.story.iter().filter(|end| end.rpc == step.rpc && end.who == step.who);
    let closed = ends.any(|end| opening(end) == Some(u64::from(step.number)));
    closed.then_some(()).ok_or_else(|| "opened a watch, and nothing tells what it delivered".to_owned())
}

/// Each message was the watcher's to see when it came, which is after the watch began and after it happened.
fn delivered(
    evidence: &Evidence,
    rules: &Rules,
    rows: &Rows<'_>,
    step: &Step,
    method: &MethodDescriptor,
    messages: &serde_json::Value,
) -> Result<(), String> {
    let opened = opening(step).and_then(|number| evidence.story.iter().find(|one| u64::from(one.number) == number));
    let opened =
        opened.filter(|opened| opened.who == step.who && opened.rpc == step.rpc && opened.number < step.number);
    let opened = opened.ok_or("ends a watch that nobody opened")?;
    let rule = rules.find(&format!("/{}", step.rpc.trim_start_matches('/'))).flatten();
    let rule = rule.ok_or_else(|| format!("watched by {}, which no contract declares", step.rpc))?;
    let read = answer::read(method, messages).ok_or("delivered what the contract does not declare")?;
    let raw = messages.as_array().map(Vec::as_slice).unwrap_or_default();
    for (message, raw) in read.iter().zip(raw) {
        let time = answer::time(raw).unwrap_or(step.at).max(opened.at);
        if is_person(&step.who) && !rule.open {
            let clients = answer::clients(evidence, message);
            reaches(evidence, rule, &step.who, &clients, time)
                .map_err(|whose| format!("{} watched {whose} without holding {}", step.who, rule.permission))?;
        }
        let mut told = BTreeSet::new();
        answer::named(message, &mut told);
        let is_noted = |row: &FileRow| row.outcome == FileOutcome::Read && names_all(row, &told);
        if answer::is_personal(message) && !rows.any(opened, step.at, is_noted) {
            return Err(format!("delivered personal data of {}, of which the audit knows nothing", listed(&told)));
        }
    }
    Ok(())
}

/// The audits' rows by who did what. A row is of one call: two calls need two.
struct Rows<'a> {
    by_call: BTreeMap<(&'a str, &'a str), Vec<(&'a FileRow, bool)>>,
}

impl<'a> Rows<'a> {
    fn of(evidence: &'a Evidence) -> Self {
        let mut by_call: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for row in evidence.audits.values().flat_map(|audit| audit.rows()) {
            let call = (row.actor.as_str(), row.action.trim_start_matches('/'));
            by_call.entry(call).or_default().push((row, false));
        }
        Self { by_call }
    }

    /// Takes the row of a step away that is as wanted and names these resources, and of several the one that names the
    /// least beside.
    fn take(&mut self, step: &'a Step, resources: &BTreeSet<String>, wanted: impl Fn(&FileRow) -> bool) -> bool {
        let call = (step.who.as_str(), step.rpc.trim_start_matches('/'));
        let rows = self.by_call.get_mut(&call).into_iter().flatten();
        let fitting = rows.filter(|(row, taken)| {
            let in_time = step.at <= row.time && row.time <= with_slack(step.at);
            !taken && in_time && wanted(row) && names_all(row, resources)
        });
        let Some((_, taken)) = fitting.min_by_key(|(row, _)| (row.resources.len(), row.time)) else { return false };
        *taken = true;
        true
    }

    /// Whether there is a row of this call, from when it was made up to a time.
    fn any(&self, step: &Step, until: Timestamp, wanted: impl Fn(&FileRow) -> bool) -> bool {
        let call = (step.who.as_str(), step.rpc.trim_start_matches('/'));
        let mut rows = self.by_call.get(&call).into_iter().flatten();
        rows.any(|(row, _)| step.at <= row.time && row.time <= with_slack(until) && wanted(row))
    }
}

fn names_all(row: &FileRow, resources: &BTreeSet<String>) -> bool {
    resources.iter().all(|name| row.resources.contains(name))
}

fn listed(resources: &BTreeSet<String>) -> String {
    if resources.is_empty() {
        return "something".to_owned();
    }
    resources.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}

//! A step of the story against what its scenario expects, recomputed from what came.

use serde_json::{Value, json};

use crate::{
    folder::{Expectation, Outcome, Step},
    references,
};

/// What came instead of what was expected; `None` where that came.
pub(super) fn unmet(step: &Step) -> Option<String> {
    let expect = &step.expect;
    match (&step.outcome, &expect.refused) {
        (Outcome::Nothing(why), _) => Some(why.clone()),
        (Outcome::Refused(refused), Some(reason)) if refused.reason == *reason => {
            let field = expect.field.as_ref().filter(|field| !refused.fields.contains(field));
            field.map(|field| format!("a refusal that does not name `{field}`"))
        }
        (Outcome::Refused(refused), _) => {
            Some(format!("refused with {} {}", refused.code, refused.reason).trim_end().to_owned())
        }
        (Outcome::Answer(_) | Outcome::Event(_), Some(_)) => Some("an answer".to_owned()),
        (Outcome::Event(event), None) => is_another(step, event).or_else(|| lacking(expect, event)),
        // A stream's messages are a list here, and are spoken of as a field in a scenario.
        (Outcome::Answer(Value::Array(messages)), None) => lacking(expect, &json!({ "messages": messages })),
        (Outcome::Answer(answer), None) => lacking(expect, answer),
    }
}

/// Whether the event is not the one that was waited for.
fn is_another(step: &Step, event: &Value) -> Option<String> {
    let asked = |field: &str| step.request.get(field).and_then(Value::as_str).unwrap_or_default();
    let kind = event["payload"]["@type"].as_str().unwrap_or_default();
    let (wanted, of) = (asked("event"), asked("of"));
    let same = kind.rsplit('/').next() == Some(wanted) && (of.is_empty() || event["aggregate"] == of);
    (!same).then(|| format!("another event, {kind} of {}", event["aggregate"]))
}

fn lacking(expect: &Expectation, answer: &Value) -> Option<String> {
    let messages = answer.get("messages").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let came = messages.len();
    if expect.at_least.is_some_and(|least| came < least) || expect.messages.is_some_and(|exact| came != exact) {
        return Some(format!("{came} messages"));
    }
    if let Some(path) = expect.absent.iter().find(|path| references::at(answer, path).is_some()) {
        return Some(format!("an answer that has `{path}`"));
    }
    if let Some((path, never)) = &expect.never
        && messages.iter().any(|message| references::at(message, path) == Some(never))
    {
        return Some(format!("a message whose `{path}` is {never}"));
    }
    expect.answer.iter().find_map(|(path, wanted)| {
        let found = references::at(answer, path).unwrap_or(&Value::Null);
        (found != wanted).then(|| format!("an answer whose `{path}` is {found}, not {wanted}"))
    })
}

//! What an answer holds: whose it is, and whether it is personal.

use std::collections::BTreeSet;

use prost_reflect::{DynamicMessage, MethodDescriptor, Value};
use serde::de::DeserializeSeed;

use crate::folder::{Evidence, Step};

/// A method of the contracts.
pub(super) fn find_method(rpc: &str) -> Option<MethodDescriptor> {
    let (service, method) = rpc.trim_start_matches('/').rsplit_once('/')?;
    let service = contracts::pool().get_service_by_name(service)?;
    service.methods().find(|known| known.name() == method)
}

/// Whether it changes something: what does has a `request_id`.
pub(super) fn is_mutation(method: &MethodDescriptor) -> bool {
    method.input().get_field_by_name("request_id").is_some()
}

/// An answer as the contract declares it, or each message of a stream; `None` where it is not that.
pub(super) fn read(method: &MethodDescriptor, answer: &serde_json::Value) -> Option<Vec<DynamicMessage>> {
    let messages = answer.as_array().map_or(std::slice::from_ref(answer), Vec::as_slice);
    messages.iter().map(|message| method.output().deserialize(message).ok()).collect()
}

/// The names of the resources in it that stand by themselves; what is inside of one is told with it.
pub(super) fn named(message: &DynamicMessage, names: &mut BTreeSet<String>) {
    if let Some(name) = name_of(message) {
        names.insert(name);
        return;
    }
    for (_, value) in message.fields() {
        nested(value).into_iter().for_each(|inner| named(inner, names));
    }
}

/// Whether it holds personal data, at any depth.
pub(super) fn is_personal(message: &DynamicMessage) -> bool {
    is_marked(message) || message.fields().any(|(_, value)| nested(value).into_iter().any(is_personal))
}

/// Whether it holds personal data outside of every named resource, as an entry of a timeline does: then it is told by the
/// resource that was asked for.
pub(super) fn is_personal_of_the_asked(message: &DynamicMessage) -> bool {
    let inside = |(_, value)| nested(value).into_iter().any(is_personal_of_the_asked);
    name_of(message).is_none() && (is_marked(message) || message.fields().any(inside))
}

/// The resource that a call asked for.
pub(super) fn asked_for(step: &Step) -> Option<String> {
    ["name", "parent"].iter().find_map(|field| step.request.get(field)?.as_str()).map(str::to_owned)
}

/// The clients of whom a message speaks.
pub(super) fn clients(evidence: &Evidence, message: &DynamicMessage) -> Vec<String> {
    let mut found: Vec<_> = texts(message).into_iter().filter_map(|text| evidence.client_of(text)).collect();
    found.sort();
    found.dedup();
    found
}

/// The time that a message of a stream bears.
pub(super) fn time(message: &serde_json::Value) -> Option<business_time::Timestamp> {
    message.get("time")?.as_str()?.parse().ok()
}

fn name_of(message: &DynamicMessage) -> Option<String> {
    let name = message.get_field_by_name("name")?;
    name.as_str().filter(|name| name.contains('/')).map(str::to_owned)
}

fn is_marked(message: &DynamicMessage) -> bool {
    message.fields().any(|(field, _)| {
        let options = field.options();
        contracts::pool()
            .get_extension_by_name("liaison.options.v1.personal_data")
            .is_some_and(|mark| options.has_extension(&mark) && options.get_extension(&mark).as_bool() == Some(true))
    })
}

fn texts(message: &DynamicMessage) -> Vec<&str> {
    fn of(value: &Value) -> Vec<&str> {
        match value {
            Value::String(text) => vec![text],
            Value::List(list) => list.iter().flat_map(of).collect(),
            Value::Message(message) => texts(message),
            _ => Vec::new(),
        }
    }
    message.fields().flat_map(|(_, value)| of(value)).collect()
}

fn nested(value: &Value) -> Vec<&DynamicMessage> {
    match value {
        Value::Message(message) => vec![message],
        Value::List(list) => list.iter().flat_map(nested).collect(),
        Value::Map(map) => map.values().flat_map(nested).collect(),
        _ => Vec::new(),
    }
}

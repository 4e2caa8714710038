//! What callers and stored data rely on, over all of a kind, found by enumeration.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod access_table;
mod canary;

use std::collections::BTreeSet;

use access::{Reach, Role, Rules};
use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor, MethodDescriptor, Value};

fn methods() -> Vec<MethodDescriptor> {
    let services: Vec<_> = contracts::pool().services().filter(|one| one.full_name().starts_with("liaison.")).collect();
    services.iter().flat_map(|service| service.methods().collect::<Vec<_>>()).collect()
}

fn changes(method: &MethodDescriptor) -> bool {
    !["Get", "List", "Watch", "Preview", "Check", "Export", "Verify", "Replay", "Identify", "Who"]
        .iter()
        .any(|verb| method.name().starts_with(verb))
}

#[test]
fn every_rpc_declares_who_may_call_it() {
    let rules = Rules::load().unwrap();
    let missing: Vec<_> = rules.missing().collect();
    assert!(missing.is_empty(), "no access option on {missing:?}");
    assert_eq!(rules.all().count(), methods().len());
}

#[test]
fn every_declared_permission_is_held_by_some_role() {
    let held: BTreeSet<_> = Role::all().iter().flat_map(|role| role.permissions().iter().copied()).collect();
    let services: BTreeSet<_> = access::roles::permissions().collect();
    for rule in Rules::load().unwrap().all() {
        if !rule.open {
            let known = held.contains(rule.permission.as_str()) || services.contains(rule.permission.as_str());
            assert!(known, "{} asks for {}, which nobody holds", rule.path, rule.permission);
            assert!(matches!(rule.reach, Reach::Firm | Reach::Client), "{}", rule.path);
        }
    }
}

#[test]
fn every_rpc_that_changes_something_takes_a_request_id() {
    // A permit has its own identity, the notification's; it is asked for anew with each attempt.
    for method in methods().into_iter().filter(|method| changes(method) && method.name() != "AuthorizeSend") {
        let input = method.input();
        assert!(input.get_field_by_name("request_id").is_some(), "{} has no request_id", input.full_name());
    }
}

#[test]
fn every_list_is_paged() {
    for method in methods().into_iter().filter(|method| method.name().starts_with("List")) {
        let (input, output) = (method.input(), method.output());
        for field in ["page_size", "page_token"] {
            assert!(input.get_field_by_name(field).is_some(), "{} has no {field}", input.full_name());
        }
        assert!(output.get_field_by_name("next_page_token").is_some(), "{}", output.full_name());
    }
}

#[test]
fn events_carry_no_personal_data() {
    let mut looked = 0;
    for message in contracts::pool().all_messages().filter(|message| {
        let file = message.parent_file();
        file.name().starts_with("liaison/")
            && (file.name().ends_with("/events.proto") || file.name().contains("/event/"))
    }) {
        looked += 1;
        for field in message.fields() {
            assert!(!is_personal(&field), "{} is personal data in an event", field.full_name());
        }
    }
    assert!(looked >= 20, "only {looked} event messages were found");
}

#[test]
fn every_field_of_every_request_has_a_rule_or_is_bounded_by_its_type() {
    let mut without = Vec::new();
    for method in methods() {
        let mut seen = BTreeSet::new();
        check(&method.input(), &mut seen, &mut without);
    }
    assert!(without.is_empty(), "no rule on {without:#?}");
}

/// Strings, bytes and repeated fields need a rule; numbers, booleans, enums and times are bounded by their type, but an
/// enum must be one that is defined.
fn check(message: &MessageDescriptor, seen: &mut BTreeSet<String>, without: &mut Vec<String>) {
    if message.full_name().starts_with("google.") || !seen.insert(message.full_name().to_owned()) {
        return;
    }
    for field in message.fields() {
        let needs = field.is_list() || matches!(field.kind(), Kind::String | Kind::Bytes | Kind::Enum(_));
        if needs && !has_rule(&field) && !set_by_the_server(&field) {
            without.push(field.full_name().to_owned());
        }
        if let Kind::Message(inner) = field.kind() {
            check(&inner, seen, without);
        }
    }
}

/// Fields of a resource that the server sets; what a caller puts there is not read.
fn set_by_the_server(field: &FieldDescriptor) -> bool {
    matches!(field.name(), "state" | "revision" | "version")
}

fn has_rule(field: &FieldDescriptor) -> bool {
    field.options().extensions().any(|(extension, _)| extension.full_name() == "buf.validate.field")
}

fn is_personal(field: &FieldDescriptor) -> bool {
    field.options().extensions().any(|(extension, value)| {
        extension.full_name() == "liaison.options.v1.personal_data" && *value == Value::Bool(true)
    })
}

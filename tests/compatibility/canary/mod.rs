//! Personal data and clients' words leave no trace where they do not belong (SOP 7).
//!
//! A canary is put into every field that a contract marks as personal and a caller can set, found by enumeration, and into
//! what mails hold. Then logs at their most talkative, spans, event streams, watched streams, refusals and the bytes of the
//! databases are searched for it. A second word, which is a client's name and a folder's, belongs in all of those, so the
//! same search must find it there: a leak on purpose.

mod calls;
mod reports;
mod scan;
mod suite;

use std::collections::BTreeSet;

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};
use scan::Scan;
use suite::Suite;

/// In every personal field.
pub const CANARY: &str = "kanarienvogel7q";
/// The canary of phone numbers, which have no letters.
pub const CANARY_PHONE: &str = "79460195733";
/// What may be seen.
pub const BEACON: &str = "leuchtturm9z";

/// The personal fields of all requests, by their full names.
fn settable() -> BTreeSet<String> {
    fn walk(message: &MessageDescriptor, seen: &mut BTreeSet<String>, found: &mut BTreeSet<String>) {
        if !seen.insert(message.full_name().to_owned()) {
            return;
        }
        for field in message.fields() {
            if is_personal(&field) {
                found.insert(field.full_name().to_owned());
            }
            if let Kind::Message(inner) = field.kind() {
                walk(&inner, seen, found);
            }
        }
    }
    let (mut seen, mut found) = (BTreeSet::new(), BTreeSet::new());
    for method in crate::methods() {
        walk(&method.input(), &mut seen, &mut found);
    }
    // Whoever sends it sets nothing with it: a case's clocks and proposal are answered only.
    found
}

pub fn is_personal(field: &FieldDescriptor) -> bool {
    crate::is_personal(field)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canary_in_every_personal_field_turns_up_nowhere_else() {
    let mut suite = Suite::start().await;
    suite.fill().await;
    let unset: Vec<_> = settable().difference(&suite.set).cloned().collect();
    assert!(unset.is_empty(), "no canary was put into {unset:?}: add a call to canary/calls.rs");
    suite.provoke().await;

    let places = suite.places().await;
    let words = [CANARY, CANARY_PHONE];
    let mut found = Vec::new();
    for (place, bytes) in &places {
        found.extend(Scan::of(bytes).find(&words).into_iter().map(|around| format!("{place}: {around}")));
    }
    assert!(found.is_empty(), "personal data turned up in\n{}", found.join("\n"));

    // The search would have found it.
    for (place, bytes) in &places {
        assert!(!Scan::of(bytes).find(&[BEACON]).is_empty(), "the search is blind: {place} does not hold what it must");
    }
}

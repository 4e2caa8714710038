//! MeetingHeld: somebody of the firm spoke with the client. Where that answered a case's question, it ends the first-response
//! clock at the meeting's end, as a reply in writing does at its hand-over (SOP 4.2).

use command::{Fault, Unit, wire::from_proto_time};
use contracts::notification::v1::MeetingHeld;

use crate::case::{
    Cases,
    entity::{Handed, HandedKind, Mailed},
};

/// Notes it on its case.
///
/// # Errors
/// The database's, and where the event is not whole.
pub async fn handle(cases: &Cases, unit: &Unit<'_>, held: &MeetingHeld) -> Result<(), Fault> {
    let time = held.end_time.as_ref().and_then(from_proto_time);
    let time = time.ok_or_else(|| Fault::Stored("a meeting that was held without an end".into()))?;
    let kind = if held.answers { HandedKind::Reply } else { HandedKind::Other };
    let form = held.form().as_str_name();
    let mailed = Mailed {
        notification: held.meeting.clone(),
        people: held.contacts.clone(),
        stand_ins_for: Vec::new(),
        reason: form.strip_prefix("MEETING_FORM_").unwrap_or(form).to_owned(),
    };
    cases.handed_over(unit, &held.case, Handed { kind, author: held.host.clone(), mailed, time }).await
}

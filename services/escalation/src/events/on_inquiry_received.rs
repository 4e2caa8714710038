//! InquiryReceived: a client's word opens an inquiry, or belongs to the case of its conversation (SOP 4.2).

use command::{Fault, Unit, wire::from_proto_time};
use contracts::notification::v1::InquiryReceived;

use crate::case::{Cases, entity::Word};

/// Opens, reopens or notes it.
///
/// # Errors
/// The database's, and where the event is not whole.
pub async fn handle(cases: &Cases, unit: &Unit<'_>, inquiry: &InquiryReceived) -> Result<(), Fault> {
    let received = inquiry.receive_time.as_ref().and_then(from_proto_time);
    let received = received.ok_or_else(|| Fault::Stored("an inquiry without a time".into()))?;
    let word = Word { mail: inquiry.mail.clone(), contact: inquiry.contact.clone(), received };
    cases.client_wrote(unit, &inquiry.client, &inquiry.thread, &inquiry.case, word).await
}

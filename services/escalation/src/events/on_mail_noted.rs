//! MailNoted: a machine's mail, or a third party's, on a conversation. Opens nothing and stops nothing.

use command::{Fault, Unit, wire::from_proto_time};
use contracts::notification::v1::MailNoted;

use crate::case::Cases;

/// Notes it on the conversation's case, where there is one.
///
/// # Errors
/// The database's, and where the event is not whole.
pub async fn handle(cases: &Cases, unit: &Unit<'_>, noted: &MailNoted) -> Result<(), Fault> {
    let received = noted.receive_time.as_ref().and_then(from_proto_time);
    let received = received.ok_or_else(|| Fault::Stored("a mail without a time".into()))?;
    cases.mail_noted(unit, noted, received).await
}

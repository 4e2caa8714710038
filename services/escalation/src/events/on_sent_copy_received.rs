//! SentCopyReceived: a colleague wrote to the client from a program of their own. On a conversation it is their reply, from
//! when the firm's mail server had it (SOP 4.2).

use command::{Fault, Unit, wire::from_proto_time};
use contracts::notification::v1::SentCopyReceived;

use crate::case::{
    Cases,
    entity::{Handed, HandedKind, Mailed},
};

/// Notes it on the conversation's case.
///
/// # Errors
/// The database's, and where the event is not whole.
pub async fn handle(cases: &Cases, unit: &Unit<'_>, copy: &SentCopyReceived) -> Result<(), Fault> {
    let time = copy.receive_time.as_ref().and_then(from_proto_time);
    let time = time.ok_or_else(|| Fault::Stored("a copy without a time".into()))?;
    let mailed = Mailed {
        notification: copy.mail.clone(),
        people: copy.recipients.clone(),
        stand_ins_for: Vec::new(),
        reason: "SENT_COPY".to_owned(),
    };
    let handed = Handed { kind: HandedKind::Reply, author: copy.author.clone(), mailed, time };
    cases.wrote_by_themselves(unit, &copy.client, &copy.thread, &copy.case, handed).await
}

//! Conversations: each with one client, found again by the Message-IDs of what came in and went out.
//!
//! A Message-ID is kept as a blind index. The same one may lie on the conversations of two clients, where both got the
//! same mail; a mail joins only its own client's.

mod entity;
mod repo;

use command::{Fault, Unit};
use contracts::escalation::v1::Case;
use database::{ConnectionTrait, DatabaseTransaction};

pub use entity::{CaseLink, Thread};
pub use repo::{
    answered, begin, client_wrote, find, find_case, give_thread, index, link_case, lock, remember, subject,
};

/// The conversation of a case of this client; where it has none yet, as one that nobody opened by mail, it begins with
/// `subject`, so that an answer finds its case. Empty where the case was not heard of.
///
/// # Errors
/// The database's.
pub async fn of_case(unit: &Unit<'_>, case: &str, client: &str, subject: &str) -> Result<String, Fault> {
    let lock = database::for_update(unit.tx().get_database_backend());
    match find_case(unit.tx(), case, lock).await?.filter(|link| link.client == client) {
        None => Ok(String::new()),
        Some(link) if !link.thread.is_empty() => Ok(link.thread),
        Some(_) => {
            let thread = begin(unit, client, case, subject).await?;
            give_thread(unit.tx(), case, client, &thread.id).await?;
            Ok(thread.id)
        }
    }
}

/// Remembers cases that were not heard of; a page of them, the newest first.
///
/// # Errors
/// The database's.
pub async fn take_over(tx: &DatabaseTransaction, cases: &[Case]) -> Result<(), Fault> {
    for case in cases.iter().rev() {
        let open_time = case.open_time.as_ref().and_then(command::wire::from_proto_time);
        let Some(open_time) = open_time else { continue };
        let link = CaseLink {
            client: case.client.clone(),
            engagement: case.engagement.clone(),
            thread: case.thread.clone(),
            opener: case.opener.clone(),
        };
        let latest = !repo::has_later_case(tx, &case.thread, open_time).await?;
        repo::remember_case(tx, &case.name, &link, open_time, latest).await?;
    }
    Ok(())
}

//! The encrypted copy of who is told of critical incidents and how they are reached, for when the registry does not answer
//! (SOP 8.2). Fetched whenever the registry says that it may have changed. It is used for an alert alone, and what used it
//! says so.

pub mod entity;
mod fetch;
mod repo;

use business_time::Timestamp;
use command::{Fault, Unit};
use contracts::client_registry::v1 as registry;
use database::{ConnectionTrait, DatabaseTransaction};
use keyring::{Keyring, Owner};

pub use fetch::FetchParties;

use self::entity::{Copy, Party};
use crate::work;

/// The side that is the firm's.
const FIRM: &str = "firm";
/// The subject that stands for every client.
const EVERY_CLIENT: &str = "clients/-";

/// Asks for a client's copy; `cause` makes it one piece of work for each cause.
///
/// # Errors
/// The database's.
pub async fn ask_for_client(tx: &DatabaseTransaction, client: &str, cause: &str, now: Timestamp) -> Result<(), Fault> {
    work::ask(tx, work::FETCH_PARTIES, client, cause, now).await
}

/// Asks for the firm's side, which comes with any client's.
///
/// # Errors
/// The database's.
pub async fn ask_for_firm(tx: &DatabaseTransaction, cause: &str, now: Timestamp) -> Result<(), Fault> {
    match repo::any_client(tx).await? {
        Some(client) => ask_for_client(tx, &client, cause, now).await,
        None => ask_for_everything(tx, cause, now).await,
    }
}

/// Asks for every client's copy.
///
/// # Errors
/// The database's.
pub async fn ask_for_everything(tx: &DatabaseTransaction, cause: &str, now: Timestamp) -> Result<(), Fault> {
    work::ask(tx, work::FETCH_PARTIES, EVERY_CLIENT, cause, now).await
}

/// Stores what the registry answered, each side where it is newer than what is here.
async fn keep(unit: &Unit<'_>, client: &str, answer: &registry::GetIncidentPartiesResponse) -> Result<(), Fault> {
    let version = (answer.revision, answer.policy_version);
    let contacts = Copy {
        client_display_name: answer.client_display_name.clone(),
        people: answer.contacts.iter().map(party).collect(),
        sender: None,
    };
    let firm = Copy {
        client_display_name: String::new(),
        people: answer.management.iter().map(party).collect(),
        sender: answer.sender.as_ref().map(party),
    };
    let (tx, keyring) = (unit.tx(), unit.keyring());
    // In the order of their names, as rows are locked everywhere.
    if repo::save(tx, keyring, client, &Owner::new(client), &contacts, version).await? {
        unit.touched(client);
    }
    repo::save(tx, keyring, FIRM, &Owner::staff(), &firm, version).await?;
    Ok(())
}

/// Both sides as far as they are here: the client's, the firm's, and the version of the policy.
///
/// # Errors
/// The database's, and where the client is erased.
pub async fn find<C: ConnectionTrait>(
    conn: &C,
    keyring: &Keyring,
    client: &str,
) -> Result<Option<(Copy, Copy, u64)>, Fault> {
    let Some((contacts, version)) = repo::find(conn, keyring, client).await? else { return Ok(None) };
    let firm = repo::find(conn, keyring, FIRM).await?;
    Ok(firm.map(|(firm, _)| (contacts, firm, version)))
}

fn party(of: &registry::Party) -> Party {
    Party {
        person: of.person.clone(),
        display_name: of.display_name.clone(),
        email: of.email.clone(),
        phones: of.phones.clone(),
        stands_in_for: of.stands_in_for.clone(),
    }
}

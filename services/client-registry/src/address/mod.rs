//! Whose an e-mail address is. One table for contacts and staff, active people only, by blind index: an address decides
//! whose words a mail holds, so it is one person's.

mod entity;
mod repo;

use command::{Fault, Unit};
use database::ConnectionTrait;
pub(crate) use entity::{is_of_domain, normalised};
use keyring::Keyring;
use refusal::{Kind, Refusal};

const KIND: &str = "email";

/// Gives an active person this address in place of the one they had.
///
/// # Errors
/// ALREADY_EXISTS, `ADDRESS_TAKEN` where another active person has it; it is not told who.
pub(crate) async fn claim(unit: &Unit<'_>, person: &str, address: &str) -> Result<(), Fault> {
    let blind = blind(unit.keyring(), address);
    if repo::find(unit.tx(), &blind).await?.as_deref() == Some(person) {
        return Ok(());
    }
    repo::delete(unit.tx(), person).await?;
    if repo::insert(unit.tx(), &blind, person).await? {
        return Ok(());
    }
    Err(Refusal::new(Kind::Exists, "ADDRESS_TAKEN", "an active person has this e-mail address already").into())
}

/// Takes the address from a person who is not active any more.
///
/// # Errors
/// The database's.
pub(crate) async fn release(unit: &Unit<'_>, person: &str) -> Result<(), Fault> {
    Ok(repo::delete(unit.tx(), person).await?)
}

/// The person who has this address, by resource name.
///
/// # Errors
/// The database's.
pub(crate) async fn find<C: ConnectionTrait>(
    conn: &C,
    keyring: &Keyring,
    address: &str,
) -> Result<Option<String>, Fault> {
    Ok(repo::find(conn, &blind(keyring, address)).await?)
}

fn blind(keyring: &Keyring, address: &str) -> String {
    keyring.blind_index(KIND, &normalised(address))
}

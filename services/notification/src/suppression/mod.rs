//! Addresses that take no mail (SOP 6): made by a failure notice that says so for good, lifted by a person. Alerts of critical
//! incidents heed none of them.

pub mod entity;
mod error;
mod repo;

use command::{Fault, Unit, derived_id};
use database::ConnectionTrait;
use keyring::Keyring;
use refusal::Refusal;

pub use repo::{StoredSuppression, find, list};

use self::entity::{Suppression, is_for_good};
use crate::{events::publish, mail::entity::client_of};

/// What an address is found by: whoever writes it, however they write it.
pub fn address_index(keyring: &Keyring, address: &str) -> String {
    keyring.blind_index("address", &address.trim().trim_matches(['<', '>']).to_lowercase())
}

/// Those of these addresses, by their indexes, to which no ordinary mail of this client's goes.
///
/// # Errors
/// The database's.
pub async fn in_force<C: ConnectionTrait>(conn: &C, client: &str, indexes: &[String]) -> Result<Vec<String>, Fault> {
    if client.is_empty() || indexes.is_empty() {
        return Ok(Vec::new());
    }
    repo::in_force(conn, client, indexes).await
}

/// The use cases of addresses that take no mail.
#[derive(Clone, Copy, Debug, Default)]
pub struct Suppressions;

impl Suppressions {
    /// Suppresses an address of a client's contact where the status says that there is none such.
    ///
    /// # Errors
    /// The database's.
    pub async fn consider(
        &self,
        unit: &Unit<'_>,
        notification: &str,
        person: &str,
        address_index: &str,
        status: &str,
    ) -> Result<(), Fault> {
        let client = client_of(person);
        if client.is_empty() || !is_for_good(status) {
            return Ok(());
        }
        let new = Suppression {
            id: derived_id(notification, &format!("suppression {address_index}")),
            client: client.to_owned(),
            contact: person.to_owned(),
            address_index: address_index.to_owned(),
            notification: notification.to_owned(),
            reason: status.to_owned(),
            create_time: unit.now(),
            lifted: None,
            revision: 1,
        };
        if repo::insert(unit.tx(), &new).await? { publish::recipient_suppressed(unit, &new).await } else { Ok(()) }
    }

    /// Lifts one.
    ///
    /// # Errors
    /// `NOT_FOUND`; `ALREADY_LIFTED`.
    pub async fn lift(&self, unit: &Unit<'_>, id: &str, reason: &str) -> Result<StoredSuppression, Fault> {
        let stored = repo::lock(unit.tx(), id).await?;
        let mut stored = stored.ok_or_else(|| Refusal::not_found(format!("suppressions/{id}")))?;
        stored.suppression.lift(unit.actor(), unit.now())?;
        repo::save_lift(unit.tx(), unit.keyring(), &stored.suppression, reason).await?;
        publish::suppression_lifted(unit, &stored.suppression).await?;
        repo::lock(unit.tx(), id).await?.ok_or_else(|| Refusal::not_found(format!("suppressions/{id}")).into())
    }
}

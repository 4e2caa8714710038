//! People on the clients' side: use cases, in the transaction that the command opened.

mod entity;
mod error;
mod repo;

use business_time::Timestamp;
use command::{Fault, Unit, paging::Page};
pub(crate) use entity::{Contact, Details, told_of_incidents};
pub(crate) use error::ContactError;
use repo::Hold;

use crate::{
    address, client,
    db::gate::Gate,
    incident, name, policy, revision, staff,
    store::{Store, limit},
};

/// A new contact of a client.
///
/// # Errors
/// NOT_FOUND where the client is not there, `PHONE_MISSING`, `NUMBER_TWICE`, `FIRM_ADDRESS`, ALREADY_EXISTS, `ADDRESS_TAKEN`.
pub(crate) async fn create(unit: &Unit<'_>, client: &str, id: &str, details: Details) -> Result<Contact, Fault> {
    Gate::Policy.hold(unit.tx()).await?;
    client::require(unit.tx(), client).await?;
    let domain = policy::official_domain(unit.tx()).await?;
    let contact = Contact::introduce(client, id, details, domain.as_deref(), unit.now())?;
    if !repo::insert(unit.tx(), unit.keyring(), &contact).await? {
        return Err(ContactError::Exists(client.to_owned(), id.to_owned()).into());
    }
    settle_address(unit, &contact).await?;
    unit.touched(&name::contact(client, id));
    incident::client_changed(unit, client).await?;
    Ok(contact)
}

/// Replaces a contact's fields. One who leaves gives their address back, one who comes back needs it free.
///
/// # Errors
/// NOT_FOUND, `STALE_ETAG`, `PHONE_MISSING`, `NUMBER_TWICE`, `FIRM_ADDRESS`, `ADDRESS_TAKEN`.
pub(crate) async fn update(
    unit: &Unit<'_>,
    client: &str,
    id: &str,
    etag: &str,
    details: Details,
) -> Result<Contact, Fault> {
    Gate::Policy.hold(unit.tx()).await?;
    let domain = policy::official_domain(unit.tx()).await?;
    let contact = repo::find(unit.tx(), unit.keyring(), client, id, Hold::Update).await?;
    let mut contact = contact.ok_or_else(|| ContactError::NotFound(client.to_owned(), id.to_owned()))?;
    revision::check(etag, contact.revision)?;
    contact.change(details, domain.as_deref(), unit.now())?;
    repo::update(unit.tx(), unit.keyring(), &contact).await?;
    settle_address(unit, &contact).await?;
    unit.touched(&name::contact(client, id));
    incident::client_changed(unit, client).await?;
    Ok(contact)
}

async fn settle_address(unit: &Unit<'_>, contact: &Contact) -> Result<(), Fault> {
    let person = name::contact(&contact.client, &contact.id);
    if contact.details.inactive {
        address::release(unit, &person).await
    } else {
        address::claim(unit, &person, &contact.details.email).await
    }
}

/// A contact.
///
/// # Errors
/// NOT_FOUND.
pub(crate) async fn get(store: &Store, client: &str, id: &str) -> Result<Contact, Fault> {
    let found = repo::find(store.reader(), &store.keyring, client, id, Hold::No).await?;
    Ok(found.ok_or_else(|| ContactError::NotFound(client.to_owned(), id.to_owned()))?)
}

/// A page of a client's contacts in the order of their ids.
///
/// # Errors
/// NOT_FOUND where there is no such client.
pub(crate) async fn list(store: &Store, client: &str, page: &Page) -> Result<Vec<Contact>, Fault> {
    client::require(store.reader(), client).await?;
    repo::list(store.reader(), &store.keyring, client, page.after.as_deref(), limit(page)).await
}

/// A contact as it stays until the commit, where there is one.
///
/// # Errors
/// The database's.
pub(crate) async fn hold(unit: &Unit<'_>, client: &str, id: &str) -> Result<Option<Contact>, Fault> {
    repo::find(unit.tx(), unit.keyring(), client, id, Hold::Share).await
}

/// A client's contacts who may confirm for it (SOP 8.4) under a policy with this domain, in the order of their ids; each as
/// they stay until the commit.
///
/// # Errors
/// The database's.
pub(crate) async fn hold_confirming(
    unit: &Unit<'_>,
    client: &str,
    official_domain: &str,
) -> Result<Vec<Contact>, Fault> {
    let mut contacts = repo::list_confirming_shared(unit.tx(), unit.keyring(), client).await?;
    contacts.retain(|contact| contact.may_confirm(Some(official_domain)));
    Ok(contacts)
}

/// A client's active contacts in the order of their ids; each as they stay until the commit.
///
/// # Errors
/// The database's.
pub(crate) async fn hold_active(unit: &Unit<'_>, client: &str) -> Result<Vec<Contact>, Fault> {
    repo::list_active_shared(unit.tx(), unit.keyring(), client).await
}

/// Whether a contact may act for the client, and confirm for it.
pub(crate) struct Standing {
    pub active: bool,
    pub confirms: bool,
}

/// How a contact stands under the policy in force, where there is one.
///
/// # Errors
/// The database's.
pub(crate) async fn standing(store: &Store, client: &str, id: &str) -> Result<Option<Standing>, Fault> {
    let Some(row) = repo::find_standing(store.reader(), client, id).await? else { return Ok(None) };
    let standing = Standing { active: !row.inactive, confirms: row.confirms };
    if !standing.active || !standing.confirms {
        return Ok(Some(standing));
    }
    // Only for those is the address opened that decides it.
    let domain = policy::official_domain(store.reader()).await?;
    let contact = repo::find(store.reader(), &store.keyring, client, id, Hold::No).await?;
    Ok(contact.map(|contact| Standing {
        active: !contact.details.inactive,
        confirms: contact.may_confirm(domain.as_deref()),
    }))
}

/// Whose an address is, by resource name: an active contact's or an active member of staff's.
///
/// # Errors
/// The database's.
pub(crate) async fn identify(store: &Store, address: &str, now: Timestamp) -> Result<Option<String>, Fault> {
    let Some(person) = address::find(store.reader(), &store.keyring, address).await? else { return Ok(None) };
    // An address is given back by one who leaves; where access ends by itself, a moment later.
    if let Some(id) = person.strip_prefix("staff/") {
        let standing = staff::standing(store.reader(), id, now).await?;
        return Ok(standing.is_some_and(|link| link.active).then_some(person));
    }
    Ok(Some(person))
}

//! Clients: use cases, in the transaction that the command opened.

mod entity;
mod error;
mod repo;

use access::Scope;
use command::{Fault, Unit, paging::Page};
use database::ConnectionTrait;
pub(crate) use entity::{Client, Details, Readers, ReadingLevel};
pub(crate) use error::ClientError;
use keyring::Keyring;

use crate::{
    calendar,
    events::publish,
    incident, name, revision, staff,
    store::{Store, limit, page_of},
};

/// How much of a client is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum View {
    /// Nothing personal.
    Basic,
    /// All of it.
    Full,
}

/// A new client with its account manager, who stays active until the commit.
///
/// # Errors
/// `CALENDAR_NOT_FOUND`, `STAFF_NOT_FOUND`, `STAFF_INACTIVE`, `AUDITOR_ONLY_READS`, ALREADY_EXISTS.
pub(crate) async fn create(unit: &Unit<'_>, id: &str, details: Details) -> Result<Client, Fault> {
    calendar::require(unit.tx(), &details.calendar).await?;
    staff::hold_assignable(unit, &[(&details.account_manager, "client.account_manager")]).await?;
    let client = Client::register(id, details, unit.now());
    if !repo::insert(unit.tx(), unit.keyring(), &client).await? {
        return Err(ClientError::Exists(id.to_owned()).into());
    }
    publish::client_registered(unit, &client).await?;
    incident::client_changed(unit, id).await?;
    Ok(client)
}

/// Changes a client's display name and calendar.
///
/// # Errors
/// NOT_FOUND, `STALE_ETAG`, `USE_TRANSFER_ACCOUNT`, `CALENDAR_NOT_FOUND`.
pub(crate) async fn update(unit: &Unit<'_>, id: &str, etag: &str, details: Details) -> Result<Client, Fault> {
    let mut client = lock(unit, id).await?;
    revision::check(etag, client.revision)?;
    if details.calendar != client.calendar {
        calendar::require(unit.tx(), &details.calendar).await?;
    }
    client.change(details, unit.now())?;
    repo::update(unit.tx(), unit.keyring(), &client).await?;
    publish::client_updated(unit, &client).await?;
    // Whoever is called hears the client's name.
    incident::client_changed(unit, id).await?;
    Ok(client)
}

/// Replaces the account manager by another active person. To the present one it changes nothing.
///
/// # Errors
/// NOT_FOUND, `STAFF_NOT_FOUND`, `STAFF_INACTIVE`, `AUDITOR_ONLY_READS`.
pub(crate) async fn transfer(unit: &Unit<'_>, id: &str, to: &str) -> Result<Client, Fault> {
    // Before the client's own row, as everywhere: see the order of locks in db/migrations.
    staff::hold_assignable(unit, &[(to, "account_manager")]).await?;
    let mut client = lock(unit, id).await?;
    if client.transfer(to, unit.now()) {
        repo::update(unit.tx(), unit.keyring(), &client).await?;
        publish::account_transferred(unit, &client).await?;
    }
    unit.touched(&name::client(id));
    Ok(client)
}

/// Everything of an account manager who leaves goes to another person, whose row the caller holds. Gives the ids.
///
/// # Errors
/// The database's.
pub(crate) async fn hand_over(unit: &Unit<'_>, from: &str, to: &str) -> Result<Vec<String>, Fault> {
    let mut ids = Vec::new();
    for row in repo::list_locked_of(unit.tx(), from).await? {
        let mut client = repo::open(unit.tx(), unit.keyring(), row).await?;
        if client.transfer(to, unit.now()) {
            repo::update(unit.tx(), unit.keyring(), &client).await?;
            publish::account_transferred(unit, &client).await?;
            ids.push(client.id);
        }
    }
    Ok(ids)
}

/// Whether somebody is the account manager of any client.
///
/// # Errors
/// The database's.
pub(crate) async fn any_of<C: ConnectionTrait>(conn: &C, account_manager: &str) -> Result<bool, Fault> {
    repo::any_of(conn, account_manager).await
}

/// A client.
///
/// # Errors
/// NOT_FOUND.
pub(crate) async fn get(store: &Store, id: &str, view: View) -> Result<Client, Fault> {
    let row = repo::find(store.reader(), id).await?.ok_or_else(|| ClientError::NotFound(id.to_owned()))?;
    read(store, row, view).await
}

/// A page of the clients in scope, in the order of their ids. The scope names them as `clients/{client}`.
///
/// # Errors
/// The database's.
pub(crate) async fn list(store: &Store, scope: &Scope, view: View, page: &Page) -> Result<Vec<Client>, Fault> {
    let rows = match scope_ids(scope) {
        None => repo::list(store.reader(), page.after.as_deref(), limit(page)).await?,
        Some(ids) => repo::list_named(store.reader(), page_of(&ids, page)).await?,
    };
    let mut clients = Vec::with_capacity(rows.len());
    for row in rows {
        clients.push(read(store, row, view).await?);
    }
    Ok(clients)
}

/// The calendars of the clients in scope; `None` for all.
///
/// # Errors
/// The database's.
pub(crate) async fn calendars_of(
    store: &Store,
    scope: &Scope,
) -> Result<Option<std::collections::BTreeSet<String>>, Fault> {
    let Some(ids) = scope_ids(scope) else { return Ok(None) };
    let mut calendars = std::collections::BTreeSet::new();
    let ids: Vec<String> = ids.into_iter().collect();
    // In portions, since a statement takes a bounded number of parameters.
    for portion in ids.chunks(500) {
        let rows = repo::list_named(store.reader(), portion.to_vec()).await?;
        calendars.extend(rows.into_iter().map(|row| row.calendar));
    }
    Ok(Some(calendars))
}

/// A client as it stays until the commit, where there is one.
///
/// # Errors
/// The database's.
pub(crate) async fn hold(unit: &Unit<'_>, id: &str) -> Result<Option<Client>, Fault> {
    match repo::find_shared(unit.tx(), id).await? {
        Some(row) => Ok(Some(repo::open(unit.tx(), unit.keyring(), row).await?)),
        None => Ok(None),
    }
}

/// Demands that a client is there. A client is never deleted, so this needs no lock.
///
/// # Errors
/// NOT_FOUND.
pub(crate) async fn require<C: ConnectionTrait>(conn: &C, id: &str) -> Result<(), Fault> {
    match repo::find(conn, id).await? {
        Some(_) => Ok(()),
        None => Err(ClientError::NotFound(id.to_owned()).into()),
    }
}

async fn lock(unit: &Unit<'_>, id: &str) -> Result<Client, Fault> {
    let row = repo::find_locked(unit.tx(), id).await?.ok_or_else(|| ClientError::NotFound(id.to_owned()))?;
    open(unit.tx(), unit.keyring(), row).await
}

async fn open<C: ConnectionTrait>(conn: &C, keyring: &Keyring, row: repo::Row) -> Result<Client, Fault> {
    repo::open(conn, keyring, row).await
}

async fn read(store: &Store, row: repo::Row, view: View) -> Result<Client, Fault> {
    match view {
        View::Basic => repo::closed(row),
        View::Full => open(store.reader(), &store.keyring, row).await,
    }
}

/// The ids in a scope, sorted as they are in the table: by id, which is not always the order of the names.
fn scope_ids(scope: &Scope) -> Option<std::collections::BTreeSet<String>> {
    match scope {
        Scope::All => None,
        Scope::Clients(names) => {
            Some(names.iter().filter_map(|name| name.strip_prefix("clients/")).map(str::to_owned).collect())
        }
    }
}

//! Engagements and their teams (SOP 9): use cases, in the transaction that the command opened.

mod entity;
mod error;
mod repo;

use command::{Fault, Unit, paging::Page};
use database::ConnectionTrait;
use entity::People;
pub(crate) use entity::{Details, Engagement};
pub(crate) use error::EngagementError;

use crate::{
    client,
    events::publish,
    name, revision, staff,
    store::{Store, limit},
};

/// A new engagement of a client; its people stay active until the commit.
///
/// # Errors
/// NOT_FOUND where the client is not there, `STAFF_NOT_FOUND`, `STAFF_INACTIVE`, `AUDITOR_ONLY_READS`, ALREADY_EXISTS.
pub(crate) async fn create(unit: &Unit<'_>, client: &str, id: &str, details: Details) -> Result<Engagement, Fault> {
    client::require(unit.tx(), client).await?;
    let people: Vec<String> = details.people().into_iter().collect();
    staff::hold_assignable(unit, &named(&details, &people)).await?;
    let engagement = Engagement::begin(client, id, details, unit.now());
    if !repo::insert(unit.tx(), unit.keyring(), &engagement).await? {
        return Err(EngagementError::Exists(client.to_owned(), id.to_owned()).into());
    }
    publish::engagement_staffed(unit, &engagement).await?;
    Ok(engagement)
}

/// Replaces an engagement's name and people. Whoever is on it already may stay, whatever became of them; whoever comes
/// new must be active and no auditor.
///
/// # Errors
/// NOT_FOUND, `STALE_ETAG`, `STAFF_NOT_FOUND`, `STAFF_INACTIVE`, `AUDITOR_ONLY_READS`.
pub(crate) async fn update(
    unit: &Unit<'_>,
    client: &str,
    id: &str,
    etag: &str,
    details: Details,
) -> Result<Engagement, Fault> {
    let missing = || EngagementError::NotFound(client.to_owned(), id.to_owned());
    // People before the engagement's own row; should it change in between, whoever is new against the locked row and was
    // not held is caught below.
    let seen = repo::find(unit.tx(), unit.keyring(), client, id).await?.ok_or_else(missing)?;
    let held = seen.newcomers(&details);
    staff::hold_assignable(unit, &named(&details, &held)).await?;
    let mut engagement = repo::find_locked(unit.tx(), unit.keyring(), client, id).await?.ok_or_else(missing)?;
    revision::check(etag, engagement.revision)?;
    let late: Vec<String> = engagement.newcomers(&details).into_iter().filter(|id| !held.contains(id)).collect();
    staff::hold_assignable(unit, &named(&details, &late)).await?;
    let people = engagement.change(details, unit.now());
    repo::update(unit.tx(), unit.keyring(), &engagement).await?;
    if people == People::Changed {
        publish::engagement_staffed(unit, &engagement).await?;
    }
    unit.touched(&name::engagement(client, id));
    Ok(engagement)
}

/// Some of the people, each with the field that names them.
fn named<'a>(details: &Details, people: &'a [String]) -> Vec<(&'a str, &'static str)> {
    let field = |id: &str| if id == details.team_lead { "engagement.team_lead" } else { "engagement.team_members" };
    people.iter().map(|id| (id.as_str(), field(id))).collect()
}

/// A person who leaves is replaced on every engagement by another, whose row the caller holds.
///
/// # Errors
/// The database's.
pub(crate) async fn hand_over(unit: &Unit<'_>, from: &str, to: &str) -> Result<(), Fault> {
    for mut engagement in repo::list_locked_of(unit.tx(), unit.keyring(), from).await? {
        if engagement.hand_over(from, to, unit.now()) {
            repo::update(unit.tx(), unit.keyring(), &engagement).await?;
            publish::engagement_staffed(unit, &engagement).await?;
        }
    }
    Ok(())
}

/// Whether somebody leads or works on any engagement.
///
/// # Errors
/// The database's.
pub(crate) async fn any_of<C: ConnectionTrait>(conn: &C, staff: &str) -> Result<bool, Fault> {
    repo::any_of(conn, staff).await
}

/// Who leads an engagement of a client, or the client's first one where none is named; as it stays until the commit.
///
/// # Errors
/// The database's.
pub(crate) async fn hold_lead(unit: &Unit<'_>, client: &str, id: Option<&str>) -> Result<Option<String>, Fault> {
    repo::find_lead(unit.tx(), client, id).await
}

/// Demands that an engagement is there. One is never deleted, so this needs no lock.
///
/// # Errors
/// NOT_FOUND.
pub(crate) async fn require<C: ConnectionTrait>(conn: &C, client: &str, id: &str) -> Result<(), Fault> {
    if repo::exists(conn, client, id).await? {
        return Ok(());
    }
    Err(EngagementError::NotFound(client.to_owned(), id.to_owned()).into())
}

/// An engagement.
///
/// # Errors
/// NOT_FOUND.
pub(crate) async fn get(store: &Store, client: &str, id: &str) -> Result<Engagement, Fault> {
    let found = repo::find(store.reader(), &store.keyring, client, id).await?;
    Ok(found.ok_or_else(|| EngagementError::NotFound(client.to_owned(), id.to_owned()))?)
}

/// A page of a client's engagements in the order of their ids.
///
/// # Errors
/// NOT_FOUND where there is no such client.
pub(crate) async fn list(store: &Store, client: &str, page: &Page) -> Result<Vec<Engagement>, Fault> {
    client::require(store.reader(), client).await?;
    repo::list(store.reader(), &store.keyring, client, page.after.as_deref(), limit(page)).await
}

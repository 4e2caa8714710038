//! Working calendars (SOP 4.2): use cases, in the transaction that the command opened.
//!
//! A calendar is never deleted, so a name that was found once stays good and needs no lock.

mod entity;
mod error;
mod repo;

use std::collections::BTreeSet;

use business_time::CalendarSpec;
use command::{Fault, Unit, paging::Page};
use database::ConnectionTrait;
pub(crate) use entity::Calendar;
use error::CalendarFault;

use crate::{
    events::publish,
    revision,
    store::{Store, limit},
};

/// A new calendar.
///
/// # Errors
/// `UNKNOWN_TIME_ZONE`, `NO_WORKING_DAY`, `UNKNOWN_HOLIDAY_REGION`, `BAD_HOURS`, `BAD_DATE`, all fields at once;
/// ALREADY_EXISTS.
pub(crate) async fn create(unit: &Unit<'_>, id: &str, spec: CalendarSpec) -> Result<Calendar, Fault> {
    let calendar = Calendar::try_new(id, spec, unit.now())?;
    if !repo::insert(unit.tx(), &calendar).await? {
        return Err(CalendarFault::Exists(id.to_owned()).into());
    }
    publish::calendar_changed(unit, id, calendar.spec.revision).await?;
    Ok(calendar)
}

/// Replaces a calendar.
///
/// # Errors
/// NOT_FOUND, `STALE_ETAG`, and as [`create`].
pub(crate) async fn update(unit: &Unit<'_>, id: &str, etag: &str, spec: CalendarSpec) -> Result<Calendar, Fault> {
    let calendar = repo::find_locked(unit.tx(), id).await?;
    let mut calendar = calendar.ok_or_else(|| CalendarFault::NotFound(id.to_owned()))?;
    revision::check(etag, calendar.spec.revision)?;
    calendar.replace(spec, unit.now())?;
    repo::update(unit.tx(), &calendar).await?;
    publish::calendar_changed(unit, id, calendar.spec.revision).await?;
    Ok(calendar)
}

/// A calendar.
///
/// # Errors
/// NOT_FOUND.
pub(crate) async fn get(store: &Store, id: &str) -> Result<Calendar, Fault> {
    let calendar = repo::find(store.reader(), id).await?;
    Ok(calendar.ok_or_else(|| CalendarFault::NotFound(id.to_owned()))?)
}

/// A page in the order of their ids: of all, or of those named.
///
/// # Errors
/// The database's.
pub(crate) async fn list(store: &Store, named: Option<&BTreeSet<String>>, page: &Page) -> Result<Vec<Calendar>, Fault> {
    match named {
        None => repo::list(store.reader(), page.after.as_deref(), limit(page)).await,
        Some(named) => repo::list_named(store.reader(), crate::store::page_of(named, page)).await,
    }
}

/// Demands that a calendar which a request names is there.
///
/// # Errors
/// `CALENDAR_NOT_FOUND`.
pub(crate) async fn require<C: ConnectionTrait>(conn: &C, id: &str) -> Result<(), Fault> {
    match repo::find(conn, id).await? {
        Some(_) => Ok(()),
        None => Err(CalendarFault::NamedNotFound(id.to_owned()).into()),
    }
}

//! The procedure as data (SOP 10): use cases, in the transaction that the command opened.
//!
//! Versions are dense because they are given behind the gate `policy`; they are never changed.

mod entity;
mod error;
mod repo;

use command::{Fault, Unit, paging::Page};
use database::ConnectionTrait;
pub(crate) use entity::{Jargon, Meetings, Policy, REPORT_WITHIN, Rules, Step, Target, UPDATE_CADENCE};
pub(crate) use error::PolicyError;

use crate::{
    calendar,
    db::gate::Gate,
    events::publish,
    incident,
    store::{Store, limit},
};

/// Publishes the next version.
///
/// # Errors
/// `ADDRESS_NOT_OFFICIAL`, `LATER_THAN_1_BUSINESS_DAY`, `STEPS_NOT_IN_ORDER`, `NO_TEAM_LEAD_STEP`, `LATER_THAN_24_HOURS`,
/// `NO_MANAGEMENT_STEP`, `CALENDAR_NOT_FOUND`.
pub(crate) async fn publish_next(unit: &Unit<'_>, rules: Rules) -> Result<Policy, Fault> {
    Gate::Policy.close(unit.tx()).await?;
    let last = repo::find_current(unit.tx()).await?.map(|policy| policy.version);
    let policy = Policy::publish(last, rules, unit.now())?;
    calendar::require(unit.tx(), &policy.rules.firm_calendar).await?;
    repo::insert(unit.tx(), &policy).await?;
    publish::policy_published(unit, policy.version).await?;
    // Whose addresses are official, and where the firm writes from, may be others now.
    incident::firm_changed(unit).await?;
    Ok(policy)
}

/// The version in force, where there is one.
///
/// # Errors
/// The database's.
pub(crate) async fn find_current<C: ConnectionTrait>(conn: &C) -> Result<Option<Policy>, Fault> {
    repo::find_current(conn).await
}

/// The domain of the firm's addresses, once a policy names one (SOP 6).
///
/// # Errors
/// The database's.
pub(crate) async fn official_domain<C: ConnectionTrait>(conn: &C) -> Result<Option<String>, Fault> {
    Ok(repo::find_current(conn).await?.map(|policy| policy.rules.official_domain))
}

/// One version, or the one in force where none is named.
///
/// # Errors
/// `NO_POLICY` before the first, NOT_FOUND for one that is not there.
pub(crate) async fn get(store: &Store, version: Option<u64>) -> Result<Policy, Fault> {
    let current = match version {
        Some(version) => match repo::find(store.reader(), version).await? {
            Some(policy) => return Ok(policy),
            None => repo::find_current(store.reader()).await?,
        },
        None => repo::find_current(store.reader()).await?,
    };
    match (current, version) {
        (None, _) => Err(PolicyError::NoPolicy.into()),
        (Some(_), Some(version)) => Err(PolicyError::NotFound(version).into()),
        (Some(policy), None) => Ok(policy),
    }
}

/// A page of versions, the newest first.
///
/// # Errors
/// The database's.
pub(crate) async fn list(store: &Store, page: &Page) -> Result<Vec<Policy>, Fault> {
    let before = page.after.as_deref().and_then(|version| version.parse().ok());
    repo::list(store.reader(), before, limit(page)).await
}

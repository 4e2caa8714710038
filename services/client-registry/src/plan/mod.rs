//! The agreed schedule of each engagement (SOP 4.1): use cases, in the transaction that the command opened. What became of
//! each date is kept elsewhere, by whoever hears of calls and reports.

mod entity;
mod error;
mod repo;

use command::{Fault, Unit};
pub(crate) use entity::{Agreed, Milestone, Plan, PlannedContact, PlannedDate, Way};
pub(crate) use error::PlanError;

use crate::{
    calendar, client, engagement,
    events::publish,
    name, revision,
    store::{Store, unreadable},
};

/// Replaces what is agreed on an engagement, or agrees for the first time.
///
/// # Errors
/// NOT_FOUND where there is no such engagement; `STALE_ETAG`, `DUPLICATE_ID`, `BAD_DATE`, `MILESTONE_REACHED`.
pub(crate) async fn update(
    unit: &Unit<'_>,
    client: &str,
    engagement: &str,
    etag: &str,
    agreed: Agreed,
) -> Result<Plan, Fault> {
    engagement::require(unit.tx(), client, engagement).await?;
    if let Some(mut plan) = repo::find_locked(unit.tx(), unit.keyring(), client, engagement).await? {
        revision::check(etag, plan.revision)?;
        plan.replace(agreed, unit.now())?;
        return saved(unit, plan).await;
    }
    revision::check(etag, 0)?;
    let plan = Plan::agree(client, engagement, agreed, unit.now())?;
    if !repo::insert(unit.tx(), unit.keyring(), &plan).await? {
        // Somebody else agreed on one between the two looks; theirs is not overwritten unseen.
        revision::check("r0", 1)?;
    }
    publish::plan_changed(unit, &plan).await?;
    Ok(plan)
}

/// A milestone was reached.
///
/// # Errors
/// NOT_FOUND where nothing is agreed; `MILESTONE_NOT_FOUND`, `MILESTONE_REACHED`.
pub(crate) async fn reach(unit: &Unit<'_>, client: &str, engagement: &str, id: &str) -> Result<Plan, Fault> {
    let plan = repo::find_locked(unit.tx(), unit.keyring(), client, engagement).await?;
    let mut plan = plan.ok_or_else(|| PlanError::NotFound(client.to_owned(), engagement.to_owned()))?;
    let milestone = plan.reach(id, unit.now())?;
    repo::update(unit.tx(), unit.keyring(), &plan).await?;
    publish::milestone_reached(unit, &plan, &milestone).await?;
    unit.touched(&name::plan(client, engagement));
    Ok(plan)
}

/// What is agreed on an engagement.
///
/// # Errors
/// NOT_FOUND where nothing is.
pub(crate) async fn get(store: &Store, client: &str, engagement: &str) -> Result<Plan, Fault> {
    let plan = repo::find(store.reader(), &store.keyring, client, engagement).await?;
    Ok(plan.ok_or_else(|| PlanError::NotFound(client.to_owned(), engagement.to_owned()))?)
}

/// What comes due after `now`, at most `count`, in the client's calendar as it is.
///
/// # Errors
/// NOT_FOUND where nothing is agreed.
pub(crate) async fn preview(
    store: &Store,
    client: &str,
    engagement: &str,
    now: business_time::Timestamp,
    count: usize,
) -> Result<Vec<PlannedDate>, Fault> {
    let plan = get(store, client, engagement).await?;
    let calendar = client::get(store, client, client::View::Basic).await?.calendar;
    let spec = calendar::get(store, &calendar).await?.spec;
    let calendar = business_time::Calendar::try_new(spec).map_err(|error| unreadable("calendar", error))?;
    Ok(plan.ahead(&calendar, now, count))
}

async fn saved(unit: &Unit<'_>, plan: Plan) -> Result<Plan, Fault> {
    repo::update(unit.tx(), unit.keyring(), &plan).await?;
    publish::plan_changed(unit, &plan).await?;
    unit.touched(&name::plan(&plan.client, &plan.engagement));
    Ok(plan)
}

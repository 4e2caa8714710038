//! Calls, video conferences and meetings in person with clients, and what each must leave behind (SOP 6): use cases, in the
//! transaction that the command opened.
//!
//! - [`entity`]: a meeting's life. [`link`]: which video links are allowed. [`repo`]: its table.

pub mod entity;
mod error;
pub mod link;
pub(crate) mod repo;

use business_time::Timestamp;
use command::{Fault, Unit};
use refusal::{Kind, Refusal};

pub use error::MeetingError;
pub use repo::State;

use self::entity::{Meeting, Minutes, Opening, Recording, Rules, Told};
use crate::{events::publish, procedure, thread};

/// A meeting that is planned, or one that was held already.
///
/// # Errors
/// [`MeetingError`]; NOT_FOUND where its case is not this client's; `NO_POLICY_YET`.
pub async fn open(unit: &Unit<'_>, opening: Opening) -> Result<Meeting, Fault> {
    if !opening.case.is_empty() {
        let known = thread::find_case(unit.tx(), &opening.case, "").await?;
        if known.is_none_or(|link| link.client != opening.client) {
            return Err(Refusal::not_found(&opening.case).into());
        }
    }
    let meeting = Meeting::open(opening, &rules(unit).await?, unit.now())?;
    repo::insert(unit.tx(), unit.keyring(), &meeting).await?;
    unit.touched(&meeting.name());
    Ok(meeting)
}

/// A planned one took place.
///
/// # Errors
/// NOT_FOUND; [`MeetingError`].
pub async fn hold(unit: &Unit<'_>, id: &str, start: Option<Timestamp>, end: Timestamp) -> Result<Meeting, Fault> {
    let mut meeting = lock(unit, id).await?;
    meeting.hold(start, end, unit.now())?;
    saved(unit, meeting).await
}

/// What was spoken of.
///
/// # Errors
/// As [`hold`].
pub async fn write_minutes(unit: &Unit<'_>, id: &str, text: String) -> Result<Meeting, Fault> {
    let mut meeting = lock(unit, id).await?;
    meeting.write_minutes(Minutes { text, author: unit.actor().to_owned(), time: unit.now() })?;
    saved(unit, meeting).await
}

/// Where its recording lies, or why there is none.
///
/// # Errors
/// As [`hold`].
pub async fn record(unit: &Unit<'_>, id: &str, told: Told) -> Result<Meeting, Fault> {
    let mut meeting = lock(unit, id).await?;
    meeting.record(Recording { told, recorder: unit.actor().to_owned(), time: unit.now() })?;
    saved(unit, meeting).await
}

/// What is demanded of it by the policy in force is there: it counts, and is told.
///
/// # Errors
/// As [`hold`]; `NO_POLICY_YET`.
pub async fn close(unit: &Unit<'_>, id: &str) -> Result<Meeting, Fault> {
    let mut meeting = lock(unit, id).await?;
    meeting.close(&rules(unit).await?, unit.now())?;
    publish::meeting_held(unit, &meeting).await?;
    saved(unit, meeting).await
}

/// A planned one does not take place.
///
/// # Errors
/// As [`hold`].
pub async fn cancel(unit: &Unit<'_>, id: &str, reason: String) -> Result<Meeting, Fault> {
    let mut meeting = lock(unit, id).await?;
    meeting.cancel(reason)?;
    saved(unit, meeting).await
}

async fn lock(unit: &Unit<'_>, id: &str) -> Result<Meeting, Fault> {
    let meeting = repo::lock(unit.tx(), unit.keyring(), id).await?;
    Ok(meeting.ok_or_else(|| Refusal::not_found(format!("meetings/{id}")))?)
}

async fn saved(unit: &Unit<'_>, meeting: Meeting) -> Result<Meeting, Fault> {
    repo::save(unit.tx(), unit.keyring(), &meeting).await?;
    unit.touched(&meeting.name());
    Ok(meeting)
}

/// What the policy in force says; without one nobody can say what is allowed.
async fn rules(unit: &Unit<'_>) -> Result<Rules, Fault> {
    let policy = procedure::policy(unit.tx()).await?;
    let policy = policy.ok_or_else(|| {
        Refusal::new(Kind::Unavailable, "NO_POLICY_YET", "the procedure is not here yet; repeat the call in a moment")
    })?;
    Ok(policy.meetings)
}

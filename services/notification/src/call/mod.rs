//! Calls of alerts (SOP 8.2).
//!
//! - [`entity`]: a call's life. [`ladder`]: who is called next. [`repo`]: the table.
//!
//! Placed by [`crate::calling`]; here is what follows from what becomes of one. Rows are locked in this order everywhere: the
//! alert's, then the call's.

pub mod entity;
mod error;
pub mod ladder;
pub(crate) mod repo;

use command::{Fault, Unit};

pub use error::CallError;
pub use repo::{Filter, Script, StoredCall, list, of_notification};

use self::entity::{Change, Reason, Report};
use crate::{
    events::publish,
    notification::{self, alert::Step, alerts::Progress, entity::Notification},
    work,
};

/// The use cases of calls.
#[derive(Clone, Copy, Debug, Default)]
pub struct Calls;

impl Calls {
    /// Takes what the provider tells of a call; what is told again changes nothing.
    ///
    /// # Errors
    /// `NOT_FOUND`; the database's.
    pub async fn report(&self, unit: &Unit<'_>, id: &str, report: &Report) -> Result<StoredCall, Fault> {
        self.change(unit, id, |stored| stored.call.report(report, unit.now())).await
    }

    /// It is over and reached nobody, as far as anybody here can tell.
    ///
    /// # Errors
    /// As [`Calls::report`].
    pub async fn end(&self, unit: &Unit<'_>, id: &str, reason: Reason) -> Result<StoredCall, Fault> {
        let end = |stored: &mut StoredCall| {
            if stored.call.end(reason, unit.now()) { Change::Ended(reason) } else { Change::Nothing }
        };
        self.change(unit, id, end).await
    }

    /// The provider has it. Whatever was reported meanwhile stays.
    ///
    /// # Errors
    /// As [`Calls::report`].
    pub async fn placed(&self, unit: &Unit<'_>, id: &str, receipt: &str) -> Result<StoredCall, Fault> {
        let place = |stored: &mut StoredCall| {
            stored.call.place(receipt, unit.now());
            Change::Noted
        };
        let stored = self.change(unit, id, place).await?;
        if let Some(deadline) = stored.call.deadline.filter(|_| stored.call.is_open()) {
            look_at(unit, &stored, "deadline", deadline).await?;
        }
        Ok(stored)
    }

    async fn change(
        &self,
        unit: &Unit<'_>,
        id: &str,
        change: impl FnOnce(&mut StoredCall) -> Change,
    ) -> Result<StoredCall, Fault> {
        let missing = || CallError::NotFound(format!("calls/{id}"));
        let found = repo::find(unit.tx(), id).await?.ok_or_else(missing)?;
        let alert = notification::repo::lock(unit.tx(), &found.call.notification).await?;
        let mut alert = alert.ok_or_else(|| Fault::Stored("a call without its alert".into()))?.notification;
        let mut stored = repo::lock(unit.tx(), id).await?.ok_or_else(missing)?;
        match change(&mut stored) {
            Change::Nothing => return Ok(stored),
            Change::Noted => {}
            Change::Ended(reason) => ended(unit, &mut alert, &stored, reason).await?,
            Change::Reached => reached(unit, &mut alert, &stored).await?,
        }
        unit.touched(&stored.call.name());
        repo::save(unit.tx(), &stored.call).await?;
        Ok(stored)
    }
}

async fn ended(unit: &Unit<'_>, alert: &mut Notification, stored: &StoredCall, reason: Reason) -> Result<(), Fault> {
    let call = &stored.call;
    if reason.left_message() && alert.leave_message(unit.now(), &call.person) {
        publish::notification(unit, alert).await?;
    }
    let over = Progress {
        step: reason.step(),
        person: &call.person,
        attempt: call.number,
        reason: reason.as_str(),
        from_copy: call.from_copy,
        time: unit.now(),
    };
    publish::alert(unit, alert, &over).await?;
    notification::repo::save(unit.tx(), alert).await?;
    // The next number at once.
    look_at(unit, stored, reason.as_str(), unit.now()).await
}

async fn reached(unit: &Unit<'_>, alert: &mut Notification, stored: &StoredCall) -> Result<(), Fault> {
    let call = &stored.call;
    if alert.reach(unit.now(), &call.person) {
        let reached = Progress {
            step: Step::Reached,
            person: &call.person,
            attempt: call.number,
            reason: "",
            from_copy: call.from_copy,
            time: unit.now(),
        };
        publish::alert(unit, alert, &reached).await?;
        notification::repo::save(unit.tx(), alert).await?;
    }
    Ok(())
}

/// Asks for a look at the alert of a call.
async fn look_at(
    unit: &Unit<'_>,
    stored: &StoredCall,
    cause: &str,
    due_time: business_time::Timestamp,
) -> Result<(), Fault> {
    let alert = format!("notifications/{}", stored.call.notification);
    let cause = format!("{} {cause}", stored.call.name());
    work::ask(unit.tx(), work::ALERT_CALL, &alert, &cause, due_time).await
}

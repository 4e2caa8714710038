//! CaseClosed: nobody is called about it any more (SOP 8.2).

use command::{Fault, Unit};
use contracts::escalation::v1::CaseClosed;

use crate::notification::Notifications;

/// Stops its alerts.
///
/// # Errors
/// The database's.
pub async fn handle(notifications: Notifications, unit: &Unit<'_>, closed: &CaseClosed) -> Result<(), Fault> {
    notifications.stop(unit, &closed.case).await
}

//! CalendarChanged: due times that rest on it are computed anew, by themselves.

use command::{Fault, Unit};
use contracts::client_registry::v1::CalendarChanged;

use crate::terms::fetch::{Kind, enqueue};

/// Asks for the calendar; what follows for running clocks follows from having it.
///
/// # Errors
/// The database's.
pub async fn handle(unit: &Unit<'_>, event: &str, changed: &CalendarChanged) -> Result<(), Fault> {
    unit.touched(&changed.calendar);
    enqueue(unit, Kind::Calendar, &changed.calendar, event).await
}

//! CalendarChanged: where it is the firm's, it is fetched anew.

use command::{Fault, Unit};
use contracts::client_registry::v1::CalendarChanged;

use crate::procedure;

/// Asks for the calendar where it is one that is kept here.
///
/// # Errors
/// The database's.
pub async fn handle(unit: &Unit<'_>, event: &str, changed: &CalendarChanged) -> Result<(), Fault> {
    if procedure::keeps(unit.tx(), &changed.calendar).await? {
        procedure::ask_for_calendar(unit.tx(), &changed.calendar, event, unit.now()).await?;
    }
    Ok(())
}

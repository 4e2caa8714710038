//! Work rows of this service: what calls out.

use command::{Fault, Unit};
use timers::work::{self, NewWork};
use uuid::Uuid;

/// Makes a report's draft from the suite's facts; the subject is the report.
pub const DRAFT: &str = "reporting.draft";

/// Fetches the calendar that a schedule runs by; the subject is the schedule.
pub const CALENDAR: &str = "reporting.calendar";

/// Asks for work in the transaction of what causes it. The same cause asks once.
///
/// # Errors
/// The database's.
pub async fn enqueue(unit: &Unit<'_>, kind: &str, subject: &str, cause: &str) -> Result<(), Fault> {
    let work = NewWork {
        id: Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{cause}/{kind}/{subject}").as_bytes()),
        kind: kind.to_owned(),
        subject: subject.to_owned(),
        payload: Vec::new(),
        epoch: 0,
        due_time: unit.now(),
        traceparent: runtime::telemetry::traceparent(),
    };
    work::enqueue(unit.tx(), work).await.map(drop).map_err(fault)
}

/// A timer's trouble as a unit of work's.
pub fn fault(error: timers::Error) -> Fault {
    match error {
        timers::Error::Database(error) => error.into(),
        other => Fault::Stored(other.to_string()),
    }
}

use business_time::Timestamp;
use event_log::EventLog;

use crate::Fault;

/// What a service still has to do. A simulated clock may jump only when nothing is under way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Activity {
    /// Events that were committed and have no position yet.
    pub unrelayed: u64,
    /// Rows that are due now: work, and the service's own timers.
    pub due_now: u64,
    /// Work that was claimed and is not completed.
    pub in_flight: u64,
    /// Audit rows that are not sealed yet.
    pub unsealed: u64,
    /// The business time of the next row that is not due yet.
    pub next_due: Option<Timestamp>,
    /// Rises whenever something was done: two looks with the same number saw the same state.
    pub progress: u64,
}

impl Activity {
    /// The parts that every service has: its event log, its work rows, its audit.
    ///
    /// # Errors
    /// The database's.
    pub async fn of(log: &EventLog, db: &database::Database, now: Timestamp) -> Result<Self, Fault> {
        let work = timers::work::activity(db, now).await.map_err(|error| Fault::Stored(error.to_string()))?;
        let events = log.activity().await?;
        let audit = evidence::audit::activity(db).await?;
        Ok(Self {
            unrelayed: events.unrelayed,
            due_now: work.due_now,
            in_flight: work.claimed,
            unsealed: audit.unsealed,
            next_due: work.next_due.filter(|due| *due > now),
            progress: events.last_position + audit.sealed_through,
        })
    }

    /// Counts a timer of the service's own: `due` is its earliest row.
    #[must_use]
    pub fn with_timer(mut self, due: Option<Timestamp>, now: Timestamp) -> Self {
        match due {
            Some(due) if due <= now => self.due_now += 1,
            Some(due) => self.next_due = Some(self.next_due.map_or(due, |next| next.min(due))),
            None => {}
        }
        self
    }

    /// What is under way, for people; `None` where nothing is.
    pub fn busy(&self) -> Option<String> {
        let parts = [
            (self.unrelayed, "events not relayed"),
            (self.due_now, "rows due"),
            (self.in_flight, "work in flight"),
            (self.unsealed, "audit rows not sealed"),
        ];
        let busy: Vec<_> =
            parts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
        (!busy.is_empty()).then(|| busy.join(", "))
    }
}

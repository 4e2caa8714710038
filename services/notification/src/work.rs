//! Work rows of this service: what calls out.

use business_time::Timestamp;
use command::Fault;
use database::DatabaseTransaction;
use timers::work::NewWork;
use uuid::Uuid;

use crate::notification::{alert::Channel, entity::Notification};

/// Whose word a mail is: asks the registry.
pub const IDENTIFY: &str = "notification.identify";
/// Sends a notification: asks the registry for a permit, hands over, settles.
pub const SEND: &str = "notification.send";
/// Sends the mails of a critical incident, ahead of everything in [`SEND`] (SOP 8.2).
pub const ALERT_MAIL: &str = "notification.alert-mail";
/// Looks at an alert by phone and does what is next: places a call, settles one, begins a round.
pub const ALERT_CALL: &str = "notification.alert-call";
/// Fetches who is told of a client's critical incidents.
pub const FETCH_PARTIES: &str = "notification.fetch-parties";
/// Fetches the current policy.
pub const FETCH_POLICY: &str = "notification.fetch-policy";
/// Fetches a calendar.
pub const FETCH_CALENDAR: &str = "notification.fetch-calendar";

/// Who sends it. Kinds have workers of their own, so that one never waits for another.
pub fn lane(notification: &Notification) -> &'static str {
    match (notification.kind.is_critical(), notification.channel) {
        (false, _) => SEND,
        (true, Channel::Email) => ALERT_MAIL,
        (true, Channel::Phone) => ALERT_CALL,
    }
}

/// Asks for work on a subject, once for each cause.
///
/// # Errors
/// The database's.
pub async fn ask(
    tx: &DatabaseTransaction,
    kind: &str,
    subject: &str,
    cause: &str,
    due_time: Timestamp,
) -> Result<(), Fault> {
    let id = Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{kind}/{subject}/{cause}").as_bytes());
    let work = NewWork {
        id,
        kind: kind.to_owned(),
        subject: subject.to_owned(),
        payload: Vec::new(),
        epoch: 0,
        due_time,
        traceparent: runtime::telemetry::traceparent(),
    };
    timers::work::enqueue(tx, work).await.map_err(fault)?;
    Ok(())
}

/// What went wrong with work as a fault of the unit it stands in.
pub(crate) fn fault(error: timers::Error) -> Fault {
    match error {
        timers::Error::Database(error) => Fault::Database(error),
        error => Fault::Stored(error.to_string()),
    }
}

/// Wakes whoever may have something to do after a commit, so that nothing waits for its next look. Cheap to clone.
#[derive(Clone, Default)]
pub struct Wakes(std::sync::Arc<std::sync::OnceLock<Vec<timers::Waker>>>);

impl Wakes {
    /// Tells it whom to wake; once.
    pub fn set(&self, wakers: Vec<timers::Waker>) {
        // A second spawn of the same service would wake the first one's workers only; they share the tables.
        let _ = self.0.set(wakers);
    }

    /// Wakes them all; a look at an index each.
    pub fn wake(&self) {
        for waker in self.0.get().into_iter().flatten() {
            waker.wake();
        }
    }
}

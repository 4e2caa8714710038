//! Events in and out: [`publish`] tells others what happened here, one file for each event consumed does what it asks for.

pub mod from_client_registry;
pub mod from_notification;
pub mod on_alert_progressed;
pub mod on_calendar_changed;
pub mod on_client_known;
pub mod on_delivery_ended;
pub mod on_delivery_returned;
pub mod on_delivery_succeeded;
pub mod on_inquiry_received;
pub mod on_mail_noted;
pub mod on_meeting_held;
pub mod on_policy_published;
pub mod on_sent_copy_received;
pub mod publish;

use command::Fault;
use event_log::{Event, HandlerError};

/// Whether some contract of this release has such an event; one that it has not is a dead letter, one that is of no
/// interest here is passed over.
fn is_known(event: &Event) -> bool {
    contracts::pool().get_message_by_name(event.type_name()).is_some()
}

/// What a reader makes of a use case's trouble.
fn trouble(fault: Fault) -> HandlerError {
    match fault {
        Fault::Database(error) => error.into(),
        Fault::EventLog(error) => error.into(),
        Fault::Refused(refusal) => HandlerError::Permanent(refusal.reason.to_owned()),
        Fault::Keys(keyring::Error::Database(error)) => error.into(),
        Fault::Keys(keyring::Error::Erased { .. }) => HandlerError::Permanent("CLIENT_ERASED".into()),
        fault => {
            tracing::error!(error = %fault, "event was not handled");
            HandlerError::Retry
        }
    }
}

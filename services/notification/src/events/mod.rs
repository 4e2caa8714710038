//! Events in and out: [`publish`] tells others what happened here, one file for each event consumed does what it asks for.

pub mod from_client_registry;
pub mod from_escalation;
pub mod from_reporting;
mod on_calendar_changed;
mod on_case_closed;
mod on_case_escalated;
mod on_case_opened;
mod on_clock_breached;
mod on_confirmation_due;
mod on_critical_declared;
mod on_policy_published;
mod on_report_approved;
mod on_report_news;
mod on_resolution_proposed;
pub mod publish;

use command::Fault;
use event_log::{Event, HandlerError};

/// Whether some contract of this release has such an event; one that it has not is a dead letter, one that is of no
/// interest here is passed over.
fn is_known(event: &Event) -> bool {
    contracts::pool().get_message_by_name(event.type_name()).is_some()
}

/// The event's name without its package, for the audit.
fn short_name(event: &Event) -> String {
    event.type_name().rsplit('.').next().unwrap_or_default().to_owned()
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

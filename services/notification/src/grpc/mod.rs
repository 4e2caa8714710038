//! The service's gRPC: one file for each service, `convert` between contract and domain.

mod calls;
pub(crate) mod convert;
mod inbound;
mod language;
mod meetings;
mod outbound;
mod suppressions;
mod watch;

pub use calls::Telephone;
pub use inbound::Inbound;
pub use meetings::Meetings;
pub(crate) use meetings::wire::form_to_wire;
pub use outbound::Outbound;
pub use suppressions::SuppressionApi;

use access::Caller;

/// What concerns no client (a mail in triage) is for whoever holds the permission for the whole firm.
fn sees(caller: &Caller, permission: &str, client: &str) -> bool {
    if client.is_empty() {
        caller.grants().holds_everywhere(permission)
    } else {
        caller.grants().holds_on(permission, client)
    }
}

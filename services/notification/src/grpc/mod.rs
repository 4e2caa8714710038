//! The service's gRPC: one file for each service, `convert` between contract and domain.

mod calls;
pub(crate) mod convert;
mod inbound;
mod outbound;
mod watch;

pub use calls::Telephone;
pub use inbound::Inbound;
pub use outbound::Outbound;

//! The service's gRPC: one file for each service, `convert` between contract and domain.

pub(crate) mod convert;
mod inbound;
mod outbound;
mod suppressions;
mod watch;

pub use inbound::Inbound;
pub use outbound::Outbound;
pub use suppressions::SuppressionApi;

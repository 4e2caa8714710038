//! The gRPC services: requests in, use cases, answers out.

pub mod convert;
pub mod reports;
pub mod schedules;

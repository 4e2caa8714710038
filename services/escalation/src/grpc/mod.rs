//! The gRPC services: requests in, use cases, answers out.

pub mod case_service;
pub mod convert;
pub mod watch;

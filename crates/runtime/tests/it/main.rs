//! A real server behind its edge, and real clients.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod access_edge;
mod config;
mod edge;
mod shutdown;
mod support;
mod telemetry;
mod validation;

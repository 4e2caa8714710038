//! A process: what every service needs around its use cases and none should write again.
//!
//! - [`config`]: one typed configuration from a file and the environment; unknown keys are errors.
//! - [`telemetry`]: logs, traces, and the `traceparent` that travels with calls and events.
//! - [`shutdown`]: signals become a token that everything watches.
//! - [`server`]: binds, tells its address, serves behind the [`edge`], drains.
//! - [`edge`]: the layers that a call meets before a handler, one file each.
//! - [`client`]: calls to other services, with token, trace and deadline.
//! - [`internal`]: a fault of ours, logged once.
//!
//! A new layer is a file in [`edge`] and a line in [`server::Bound::serve`], at the place where a call shall meet it.

pub mod client;
pub mod config;
pub mod edge;
pub mod server;
pub mod shutdown;
pub mod telemetry;

pub use client::Client;
pub use server::{Bound, Edge, Limits, Server, ServerError, Services};

use refusal::Refusal;

/// Logs a fault of ours, with its chain of causes, and gives what the caller may learn of it. Call it where the fault is
/// handled, once; `context` is a fixed text that says what was being done.
pub fn internal(error: impl std::error::Error, context: &'static str) -> Refusal {
    let mut causes = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        causes.push_str(": ");
        causes.push_str(&error.to_string());
        cause = error.source();
    }
    tracing::error!(context, error = causes, "internal fault");
    Refusal::internal()
}

//! Stories that cross services.
//!
//! - `demo`: the built-in scenario, on both stores. `other_firm`: a scenario of another firm's.
//! - `apart`: the services as processes of their own. `trace`: one trace through all of it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod apart;
mod demo;
mod other_firm;
mod play;
mod trace;

//! Reporting as its callers and neighbours see it: a real server, real readers, clocks that the test moves.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod contributions;
mod delivery;
mod incidents;
mod language;
mod matrix;
mod neighbours;
mod reports;
mod schedules;
mod support;

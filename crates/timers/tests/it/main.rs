//! Timers over both databases.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod claims;
mod support;
mod tickers;
mod works;

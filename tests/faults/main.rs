//! Kill, restart: nothing lost, nothing doubled.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod dead_letters;
mod killed;

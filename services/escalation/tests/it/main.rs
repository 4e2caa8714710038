//! Escalation as its callers and neighbours see it: a real server, real readers, clocks that the test moves.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod access;
mod cases;
mod clocks;
mod confirmations;
mod critical;
mod mails;
mod neighbours;
mod races;
mod support;
mod terms;
mod timeline;
mod watch;

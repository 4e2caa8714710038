//! The judge against the truth: a small folder that is kept in every clause, and what happens to it when somebody breaks
//! one clause or tampers with it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod audit_hash;
mod bench;
mod clauses;
mod files;
mod mutations;
mod page;
mod story;
mod tampering;
mod world;

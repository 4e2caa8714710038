//! The procedure's conformance suite: a file per clause, each test a sentence about what the software keeps.
//!
//! Every test sets up the firm of the built-in scenario on a suite of its own, calls through the front door as the person
//! concerned, and moves the business clock itself.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod clause_2;
mod clause_4_2;
mod clause_4_3;
mod clause_4_4;
mod clause_5;
mod clause_6;
mod clause_7;
mod clause_8_1;
mod clause_8_2;
mod clause_8_3;
mod clause_8_4;
mod clause_9;

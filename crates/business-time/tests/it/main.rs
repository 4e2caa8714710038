#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

//! The crate from outside.
//!
//! `reference` compares it with an independent implementation, `examples` with people, `properties` with itself;
//! `hours` holds what a calendar means, `errors` what it refuses.

mod errors;
mod examples;
mod hours;
mod properties;
mod reference;
mod support;

//! Whole-suite tests. Each folder beside this one is a test binary; what they share stands here.
//!
//! - [`Firm`]: the built-in scenario's firm on a suite of its own, with a clock that the test moves. `template`: its set-up.
//! - `acts`: what its people and clients do in many tests. `records`: what a test reads of timelines and audits.
//! - [`Watching`]: a stream that somebody has open.
//! - [`program`], [`Running`]: the workspace's programs as processes. [`Door`]: calls to what serves in another process.
//! - [`Collector`]: what an OTLP collector is sent.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod acts;
mod collector;
mod door;
mod firm;
mod program;
mod records;
mod reports;
mod template;
mod watching;

pub use acts::{JO, KIM, SAM, YUI, at, clock};
pub use collector::{Collector, attribute};
pub use door::{Door, delivery, mail_to_firm, set_up};
pub use firm::{Firm, instant};
pub use program::{Running, free_port, program, run};
pub use reports::status_update;
pub use watching::Watching;

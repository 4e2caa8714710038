//! The command line as a person uses it, each verb a process of its own.
//!
//! - `session`: README's session. `killed`: kill -9 and a restart. `outbox`: the mails in a browser.
//! - `demo`: what it refuses, prints and leaves. `scenarios`: wrong scenario files. `folder`: the demo's folder, and its verification.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod demo;
mod folder;
mod killed;
mod outbox;
mod scenarios;
mod session;
mod support;

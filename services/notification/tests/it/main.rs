//! Notification as its callers and neighbours see it: a real server, real readers and workers, clocks that the test moves.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod alert_mails;
mod alerts;
mod cases;
mod escalation;
mod firm;
mod inbound;
mod meetings;
mod messages;
mod outbox;
mod phones;
mod provider;
mod registry;
mod sending;
mod support;
mod telephony;
mod threads;
mod triage;
mod urgency;
mod watch;

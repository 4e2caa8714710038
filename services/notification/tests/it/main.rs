//! Notification as its callers and neighbours see it: a real server, real readers and workers, clocks that the test moves.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod alert_mails;
mod alerts;
mod cases;
mod copies;
mod escalation;
mod firm;
mod hostile;
mod inbound;
mod intake;
mod meetings;
mod messages;
mod outbox;
mod phones;
mod postfix;
mod provider;
mod providers;
mod registry;
mod returned;
mod sending;
mod smtp_server;
mod support;
mod telephony;
mod threads;
mod triage;
mod urgency;
mod watch;

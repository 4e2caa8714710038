//! Events between services: one log per service, one position per subscription, nothing lost and nothing done twice.
//!
//! A command [`outbox::insert`]s what happened in its own transaction. The service's relay ([`EventLog::run_relay`])
//! gives committed rows dense positions and publishes them on a [`Transport`]. A [`Reader`] per subscription takes them
//! from there in order and runs its [`Handler`] in one transaction with the move of its position; whatever the transport
//! has lost it asks from the producer through a [`Replayer`].
//!
//! The database is the truth and the transport a cache of its tail, so a transport may be flushed, trimmed, rewound or
//! written by a stranger at any time.
//!
//! | module | subject |
//! |---|---|
//! | [`outbox`] | the tables, drawn; how a command writes |
//! | [`log`](EventLog) | one service's log: relay, replay, incarnation, activity |
//! | `relay` | numbering and publication |
//! | `transport` | the stream in Redis, drawn; the same in process |
//! | [`reader`](Reader) | subscriptions: guard, gaps, forks, snapshots, dead letters |
//! | [`dead_letters`], [`redrive`] | what could not be handled, and having it handled again |
//! | [`replay`](Replayer) | history over gRPC or direct |
//!
//! To consume another service's events: implement [`Handler`] in `events/on_<event>.rs`, make a [`Reader`] in `app.rs`,
//! run it beside the server. A handler touches its own database only; what needs the outside world becomes a work row.

mod dead_letter;
mod error;
mod event;
mod lease;
mod log;
pub mod outbox;
mod reader;
mod relay;
mod replay;
mod rules;
mod trace;
mod transport;

pub use dead_letter::{DeadLetter, dead_letters, redrive};
pub use error::{Error, Result};
pub use event::{Event, NewEvent, Position};
pub use log::{EventLog, LogActivity};
pub use outbox::MIGRATIONS;
pub use reader::{Handler, HandlerError, Reader, SubscriptionState, subscriptions};
pub use replay::{EventLogs, Replay, Replayer, service};
#[doc(hidden)]
pub use rules::Rules;
pub use rules::Tuning;
pub use trace::traceparent;
pub use transport::{Bus, RedisTransport, Transport};

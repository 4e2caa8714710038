//! Notification: mail that comes in and whose word it is; mail that goes out and what became of it.
//!
//! - [`cli`], [`config`], [`app`]: the process; `app` composes what follows.
//! - `grpc`: the contract's services, one file each. `events`: what is told, and what is done with what others tell.
//! - `mail`: mail that comes in (SOP 4.2). `thread`: conversations. `notification`: what goes out (SOP 6).
//! - `meeting`: calls, video conferences, meetings in person (SOP 6).
//! - `call`: calls of a critical incident's alerts (SOP 8.2), placed by `calling`. `party`: the encrypted copy of who is told of
//!   one, for when the registry is down.
//! - `delivery_report`: failure notices, and which mail they are about. `suppression`: addresses that take no mail.
//! - `intake`: mail that comes by LMTP and from a maildir, beside the RPC.
//! - `sending`: the three steps of a hand-over. [`provider`]: the ports to whoever carries mail and calls, SMTP and the local
//!   outbox behind them.
//! - `telephony`: where a telephone provider's signed callbacks arrive.
//! - `procedure`: this service's copies of the policy and the firm's calendar. `work`: the kinds of work that call out.
//! - `db`: the tables, drawn.
//!
//! A new kind of notification is a value of `notification::entity::Kind`, a folder in `templates/` and, where an event
//! causes it, a file in `events/`.

pub mod app;
mod call;
mod calling;
pub mod cli;
pub mod config;
mod db;
mod delivery_report;
mod events;
mod grpc;
pub mod intake;
mod mail;
mod meeting;
mod notification;
mod party;
mod procedure;
pub mod provider;
mod sending;
mod suppression;
mod telephony;
mod thread;
mod work;

pub use app::{App, Deps, Peers, Providers};
pub use config::Config;
pub use db::MIGRATIONS;
pub use provider::{
    LocalOutbox, OutboxMail,
    phone::{LocalPhones, PhonedCall},
};

/// The service's name: its stream of events, its principal, its binary.
pub const SERVICE: &str = "notification";

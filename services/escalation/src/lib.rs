//! Escalation: what clients are owed, by when, and whether they got it (SOP 4.2, SOP 8).
//!
//! | module | subject |
//! |---|---|
//! | [`cli`], [`config`] | the process and what it is told |
//! | [`app`] | the composition root |
//! | [`grpc`] | CaseService |
//! | [`events`] | what it tells others, and what theirs do here |
//! | [`case`] | cases: the entity, the use cases, the clocks, the timeline, their tables |
//! | [`terms`] | copies of what cases run by: clients' calendars, calendars, policies |
//! | [`registry`], [`notification`] | questions to other services |
//! | [`db`] | the tables, drawn |
//!
//! `main -> cli -> app -> {grpc, events} -> case, terms -> db`. To add an event that is consumed: a file `events/on_<event>.rs`,
//! its line in the stream's `events/from_<service>.rs`, and the transition in `case/entity.rs`. To add a method: the contract,
//! the use case in `case/mod.rs`, its handler in `grpc/case_service.rs`.

pub mod app;
pub mod case;
pub mod cli;
pub mod config;
pub mod db;
pub mod events;
pub mod grpc;
pub mod notification;
pub mod registry;
pub mod terms;

pub use app::{App, Deps, Peers};
pub use config::Config;
pub use db::MIGRATIONS;

/// The service's name, and its stream's.
pub const SERVICE: &str = "escalation";

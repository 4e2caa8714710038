//! Reporting: what clients are told by agreement, who wrote and approved it, and whether they got it (SOP 4.3, 4.4, 5).
//!
//! | module | subject |
//! |---|---|
//! | [`cli`], [`config`] | the process and what it is told |
//! | [`app`] | the composition root |
//! | [`grpc`] | ReportService, ReportScheduleService |
//! | [`events`] | what it tells others, and what theirs do here |
//! | [`matrix`] | which report comes how often, in what form and by what way (SOP 5): one table |
//! | [`report`] | reports: the entity, the use cases, drafting, the language check, what is sent |
//! | [`schedule`] | when drafts open: the entity, the use cases, the clock |
//! | [`registry`], [`facts`], [`notification`] | questions to other services |
//! | [`db`] | the tables, drawn |
//!
//! `main -> cli -> app -> {grpc, events} -> report, schedule -> db`. To add a kind of report: its row in [`matrix`], how its
//! draft is made in `report/draft.rs`, and what is sent of it in `report/content.rs`. To add a method: the contract, the use
//! case in `report/mod.rs`, its handler in `grpc/reports.rs`.

pub mod app;
pub mod cli;
pub mod config;
pub mod db;
pub mod events;
pub mod facts;
pub mod grpc;
pub mod matrix;
pub mod notification;
pub mod registry;
pub mod report;
pub mod schedule;
mod work;

pub use app::{App, Deps, Peers};
pub use config::Config;
pub use db::MIGRATIONS;

/// The service's name, and its stream's.
pub const SERVICE: &str = "reporting";

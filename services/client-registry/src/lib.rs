//! The registry: clients and who works for them, calendars, staff, the procedure's versions, who may do what, and permits
//! to send. Nothing else of the suite is asked before it answers.
//!
//! - [`cli`], [`config`], [`app`]: the process; `app` composes what follows.
//! - `grpc`: the contract's services, one file each. `events`: what is told.
//! - One folder per aggregate: `client`, `engagement`, `contact`, `calendar`, `staff` (with absences), `plan`, `policy`, `permit`.
//!   Each has `mod.rs` (use cases), `entity.rs` (state and transitions, pure), `error.rs`, `repo.rs` (the only code that
//!   touches its tables).
//! - `address`: whose an e-mail address is. `incident`: the revision of who is told of critical incidents.
//!   [`decision`]: who may do what.
//! - `db`: tables and gates. `store`: what a read needs. `name`, `revision`: resource names and etags.
//!
//! A new aggregate is a folder of that shape, its tables in a new step of `db/migrations`, a file in `grpc` and a line in
//! [`App::add_services`].

mod address;
pub mod app;
mod calendar;
pub mod cli;
mod client;
pub mod config;
mod contact;
mod db;
pub mod decision;
mod engagement;
mod events;
mod grpc;
mod incident;
mod name;
mod permit;
mod phones;
mod plan;
mod policy;
mod revision;
mod staff;
mod store;

pub use app::{App, Deps};
pub use config::Config;
pub use db::migrations::MIGRATIONS;
pub use decision::RegistryDecisions;

/// The service's name: its stream of events, its principal, its binary.
pub const SERVICE: &str = "client-registry";

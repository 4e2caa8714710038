//! The registry over the wire: a real server with its permission layer, tokens, and a database of each test's own, on
//! SQLite and on PostgreSQL. One file per RPC family; `races` needs two connections and so PostgreSQL alone.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod access;
mod access_ends;
mod calendar;
mod cli;
mod client;
mod confirmers;
mod consent;
mod contact;
mod deactivate;
mod engagement;
mod incidents;
mod init;
mod personal_data;
mod plan;
mod policy;
mod races;
mod staff;
mod support;
mod told;

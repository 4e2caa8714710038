//! One repository, two databases: what PostgreSQL and SQLite need to be told differently, said once.
//!
//! - [`Database`]: connect, read, and [`Database::transaction`], which begins IMMEDIATE on SQLite and tries again after a
//!   deadlock, a serialization failure or a busy writer.
//! - [`migrate`]: each crate and service brings its own [`MigrationSet`]; a step is one SQL text with placeholders for
//!   the few types that differ.
//! - [`sql`]: statements with `?`, run on either.
//! - [`process()`]: whose claim or lease a row holds.
//!
//! SQLite has one writer connection and a few readers (WAL). Inside a transaction only the transaction's own connection
//! may be used: a second write through the pool waits for itself.

mod connect;
pub mod migrate;
mod process;
pub mod sql;
mod trouble;

pub use connect::{BoxFuture, Database, Retryable};
pub use migrate::{Migrated, MigrationSet, Step};
pub use process::process;
pub use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, QueryResult, Value};
pub use sql::{exec, for_share, for_update, instant, micros, query_all, query_one, skip_locked};
pub use trouble::is_transient;

//! A service before it has a subject: what every one of them is made of, so that its own crate holds the subject alone.
//!
//! - [`config`]: the settings that all have, beside those of its own.
//! - [`Base`]: database, keys, event log, audit and commands, opened and run.
//! - [`Service`]: what a service is to whoever runs it, alone or within the suite.
//! - [`Running`]: what works beside the calls, and how all of it ends.
//! - [`Process`]: what it is as a process of its own; [`process`] has its verbs, `serve`, `migrate` and `check`.
//! - [`DeadLetters`]: what its readers could not handle, over gRPC.
//! - [`Owners`]: whom readers ask for events that they did not hear.
//!
//! To add a service: implement [`Service`] and [`Process`] for its `App`, and give its `cli.rs` a [`process::Verb`].

mod base;
pub mod config;
mod dead_letters;
mod owners;
pub mod process;
mod running;

use async_trait::async_trait;
pub use base::{Base, Deps, StartError, migrate};
use command::{Activity, Commands, Fault};
pub use config::{Config, Nothing, Settings};
use database::Database;
pub use dead_letters::DeadLetters;
use event_log::EventLog;
pub use owners::Owners;
pub use process::Process;
pub use running::{Running, ServeError};
use runtime::Services;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// A service, composed. Nothing runs until [`Running::start`]; nothing is served until somebody serves
/// [`Service::add_services`].
#[async_trait]
pub trait Service: Send + Sync + 'static {
    /// What it stands on.
    fn base(&self) -> &Base;

    /// Adds its own gRPC services.
    fn add_services(&self, services: Services) -> Services;

    /// Runs its own readers, clocks and workers, which end at `shutdown` and not before; the relay and the sealer are the
    /// base's. Once.
    fn work(&self, tasks: &mut JoinSet<()>, shutdown: &CancellationToken);

    /// Runs all that works beside the calls until `shutdown`; a process has [`Running`] for it, which also sees to what ends
    /// too early.
    fn spawn(&self, shutdown: CancellationToken) -> JoinSet<()> {
        let mut tasks = JoinSet::new();
        self.work(&mut tasks, &shutdown);
        self.base().work(&mut tasks, &shutdown);
        tasks
    }

    /// Wakes what waits for the clock; to be called when a simulated one was moved.
    fn wake(&self) {
        self.commands().committed();
    }

    /// What is under way.
    ///
    /// # Errors
    /// The database's.
    async fn activity(&self) -> Result<Activity, Fault> {
        Activity::of(&self.log(), &self.database(), self.commands().now()).await
    }

    /// Runs its commands.
    fn commands(&self) -> &Commands {
        &self.base().commands
    }

    /// Its event log.
    fn log(&self) -> EventLog {
        self.base().log.clone()
    }

    /// Its database.
    fn database(&self) -> Database {
        self.commands().db().clone()
    }
}

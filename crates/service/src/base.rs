use std::{error::Error, path::PathBuf, sync::Arc};

use business_time::{BusinessClock, SystemClock, Timestamp};
use command::Commands;
use database::{Database, DbErr, Migrated, MigrationSet};
use event_log::{EventLog, Replayer, Transport};
use evidence::Sealer;
use keyring::{Kek, KekError, Keyring};
use secrecy::ExposeSecret;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::Settings;

/// What a service is handed by whoever composes it. `Peers` are the services that it calls, each over a channel that
/// brings this service's own token.
#[derive(Clone)]
pub struct Deps<Peers = ()> {
    /// Due and recorded times.
    pub clock: Arc<dyn BusinessClock>,
    /// Permits, leases, claims and tokens.
    pub system: Arc<dyn SystemClock>,
    /// How events travel.
    pub transport: Transport,
    /// Whom its readers ask for events that they did not hear.
    pub replayer: Arc<dyn Replayer>,
    /// Whom it calls.
    pub peers: Peers,
}

/// Why a service does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database does not answer, or refuses.
    #[error("database: {0}")]
    Database(#[from] DbErr),
    /// The key-encryption key cannot be had.
    #[error("{}: {error}", file.display())]
    Kek {
        /// Where it should be.
        file: PathBuf,
        /// Why it cannot.
        error: KekError,
    },
    /// It is another than the one that this database was made with.
    #[error("keys: {0}")]
    Keys(#[from] keyring::Error),
    /// Steps of the schema that have not run.
    #[error("migrations are pending, run `migrate` first: {}", .0.join(", "))]
    Pending(Vec<String>),
    /// A simulated clock over a database that is not for trials, or `--trial` for one that was made before.
    #[error("this database was not made by `migrate --trial`, so its clock is the real one")]
    NotATrial,
    /// Something that this service alone needs.
    #[error(transparent)]
    Own(Box<dyn Error + Send + Sync>),
}

/// What every service stands on.
#[derive(Clone)]
pub struct Base {
    /// Runs its commands.
    pub commands: Commands,
    /// Its event log.
    pub log: EventLog,
    sealer: Sealer,
}

impl Base {
    /// Connects and composes.
    ///
    /// # Errors
    /// Where the database does not answer or lacks a step of `migrations`, the key is not the one it was made with, or the
    /// clock is simulated and the database not for trials.
    pub async fn open<Peers>(
        name: &'static str,
        migrations: &[MigrationSet],
        settings: &Settings,
        deps: &Deps<Peers>,
    ) -> Result<Self, StartError> {
        let db = Database::connect(settings.database_url.expose_secret()).await?;
        let pending = db.pending(migrations).await?;
        if !pending.is_empty() {
            return Err(StartError::Pending(pending));
        }
        if deps.clock.simulated() && !db.is_trial().await? {
            return Err(StartError::NotATrial);
        }
        let kek = Kek::from_file(&settings.kek_file).map_err(|error| no_kek(settings, error))?;
        let keyring = Keyring::new(kek, db.clone(), deps.system.clone());
        keyring.check().await?;
        let log = EventLog::new(name, db.clone(), deps.system.clone(), deps.transport.clone());
        let sealer = Sealer::new(db.clone(), deps.system.clone());
        let commands = Commands::new(db, deps.clock.clone(), keyring, log.clone(), sealer.clone());
        Ok(Self { commands, log, sealer })
    }

    /// Runs the relay and the sealer until `shutdown`.
    pub fn work(&self, tasks: &mut JoinSet<()>, shutdown: &CancellationToken) {
        let (log, stop) = (self.log.clone(), shutdown.clone());
        tasks.spawn(async move { log.run_relay(stop).await });
        let (sealer, stop) = (self.sealer.clone(), shutdown.clone());
        tasks.spawn(async move { sealer.run(stop).await });
    }
}

/// Makes the tables, and the key-encryption key where there is none. `trial` marks a new database for good as one that
/// takes a simulated clock.
///
/// # Errors
/// Where the database refuses, the key cannot be made, or `trial` is asked of a database that was made without it.
pub async fn migrate(
    migrations: &[MigrationSet],
    settings: &Settings,
    now: Timestamp,
    trial: bool,
) -> Result<Migrated, StartError> {
    Kek::from_file_or_generate(&settings.kek_file).map_err(|error| no_kek(settings, error))?;
    let db = Database::connect(settings.database_url.expose_secret()).await?;
    let steps: usize = migrations.iter().map(|set| set.steps.len()).sum();
    let new = db.pending(migrations).await?.len() == steps;
    if trial && !new && !db.is_trial().await? {
        return Err(StartError::NotATrial);
    }
    let migrated = db.migrate(migrations, now).await?;
    if trial && new {
        db.mark_trial().await?;
    }
    db.close().await?;
    Ok(migrated)
}

fn no_kek(settings: &Settings, error: KekError) -> StartError {
    StartError::Kek { file: settings.kek_file.clone(), error }
}

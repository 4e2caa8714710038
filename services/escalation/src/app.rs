//! The composition root.

use std::{path::PathBuf, sync::Arc, time::Duration};

use access::{CachedDecisions, Decisions, RemoteDecisions};
use business_time::{BusinessClock, SystemClock, Timestamp};
use command::{Activity, Commands, Fault};
use contracts::escalation::v1::case_service_server::CaseServiceServer;
use database::{Database, DbErr, Migrated};
use event_log::{EventLog, Handler, Reader, Replayer, Transport};
use evidence::Sealer;
use keyring::{Kek, KekError, Keyring};
use runtime::{Client, Services};
use secrecy::ExposeSecret;
use timers::{Ticker, Waker, work::Worker};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::{
    MIGRATIONS, SERVICE,
    case::{
        Cases, Unsettled,
        clocks::{self, CaseClocks},
    },
    config::Config,
    events::{from_client_registry::FromClientRegistry, from_notification::FromNotification},
    grpc::{
        case_service::CaseEndpoint,
        watch::{Hub, Watch},
    },
    notification::Notification,
    registry::Registry,
    terms::fetch::{self, Kind},
};

/// How often a watcher's scope is asked again: less than the 30 s that a decision may live, by what an answer takes.
const RECHECK: Duration = Duration::from_secs(20);

/// What the service is handed by whoever composes it.
pub struct Deps {
    /// Due and recorded times.
    pub clock: Arc<dyn BusinessClock>,
    /// Leases and claims.
    pub system: Arc<dyn SystemClock>,
    /// How events travel.
    pub transport: Transport,
    /// Answers with the events of client-registry and notification that did not arrive.
    pub replayer: Arc<dyn Replayer>,
    /// Whom it calls.
    pub peers: Peers,
}

/// The services that this one calls, each with this service's own token.
#[derive(Clone, Debug)]
pub struct Peers {
    /// Clients, calendars, policies, who may what.
    pub client_registry: Client,
    /// Mails and deliveries, where its events cannot be had one by one.
    pub notification: Client,
}

/// Why the service does not start.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
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
}

/// The service, composed. Nothing runs until [`App::spawn`]; nothing is served until somebody serves
/// [`App::add_services`].
#[derive(Clone)]
pub struct App {
    commands: Commands,
    cases: Cases,
    registry: Registry,
    log: EventLog,
    sealer: Sealer,
    hub: Hub,
    endpoint: CaseEndpoint,
    stopping: CancellationToken,
    deps: Arc<Deps>,
}

impl App {
    /// Connects and composes.
    ///
    /// # Errors
    /// Where the database does not answer or lacks migrations, the key is not the one it was made with, or the clock is
    /// simulated and the database not for trials.
    pub async fn build(config: &Config, deps: Deps) -> Result<Self, AppError> {
        Self::build_with(config, deps, RECHECK).await
    }

    /// As [`App::build`], with another interval at which a watcher's scope is asked again.
    ///
    /// # Errors
    /// As [`App::build`].
    #[doc(hidden)]
    pub async fn build_with(config: &Config, deps: Deps, recheck: Duration) -> Result<Self, AppError> {
        let db = Database::connect(config.database_url.expose_secret()).await?;
        let pending = db.pending(MIGRATIONS).await?;
        if !pending.is_empty() {
            return Err(AppError::Pending(pending));
        }
        if deps.clock.simulated() && !db.is_trial().await? {
            return Err(AppError::NotATrial);
        }
        let kek =
            Kek::from_file(&config.kek_file).map_err(|error| AppError::Kek { file: config.kek_file.clone(), error })?;
        let keyring = Keyring::new(kek, db.clone(), deps.system.clone());
        keyring.check().await?;
        let log = EventLog::new(SERVICE, db.clone(), deps.system.clone(), deps.transport.clone());
        let sealer = Sealer::new(db.clone(), deps.system.clone());
        let commands = Commands::new(db, deps.clock.clone(), keyring, log.clone(), sealer.clone());
        let cases = Cases::new(commands.clone());
        let registry = Registry::new(deps.peers.client_registry.clone());
        let remote = RemoteDecisions::new(deps.peers.client_registry.clone());
        let decisions: Arc<dyn Decisions> = Arc::new(CachedDecisions::new(remote, deps.system.clone()));
        let (hub, stopping) = (Hub::new(log.clone()), CancellationToken::new());
        let watch = Watch::new(hub.clone(), cases.clone(), decisions, stopping.clone(), recheck);
        let endpoint = CaseEndpoint::new(commands.clone(), cases.clone(), registry.clone(), watch);
        Ok(Self { commands, cases, registry, log, sealer, hub, endpoint, stopping, deps: Arc::new(deps) })
    }

    /// Makes the tables, and the key-encryption key where there is none. `trial` marks a new database for good as one
    /// that takes a simulated clock.
    ///
    /// # Errors
    /// Where the database refuses, the key cannot be made, or `trial` is asked of a database that was made without it.
    pub async fn migrate(config: &Config, now: Timestamp, trial: bool) -> Result<Migrated, AppError> {
        Kek::from_file_or_generate(&config.kek_file)
            .map_err(|error| AppError::Kek { file: config.kek_file.clone(), error })?;
        let db = Database::connect(config.database_url.expose_secret()).await?;
        let steps: usize = MIGRATIONS.iter().map(|set| set.steps.len()).sum();
        let new = db.pending(MIGRATIONS).await?.len() == steps;
        if trial && !new && !db.is_trial().await? {
            return Err(AppError::NotATrial);
        }
        let migrated = db.migrate(MIGRATIONS, now).await?;
        if trial && new {
            db.mark_trial().await?;
        }
        db.close().await?;
        Ok(migrated)
    }

    /// Adds this service's own gRPC services.
    pub fn add_services(&self, services: Services) -> Services {
        services.with(CaseServiceServer::new(self.endpoint.clone()))
    }

    /// Runs relay, sealer, readers, clocks, workers and the watchers' hub until `shutdown`. Once.
    pub fn spawn(&self, shutdown: CancellationToken) -> JoinSet<()> {
        let mut tasks = JoinSet::new();
        let (log, stop) = (self.log.clone(), shutdown.clone());
        tasks.spawn(async move { log.run_relay(stop).await });
        let (sealer, stop) = (self.sealer.clone(), shutdown.clone());
        tasks.spawn(async move { sealer.run(stop).await });
        tasks.spawn(self.hub.clone().run(shutdown.clone()));

        let mut wakers = Vec::new();
        let clocks = Arc::new(CaseClocks::new(self.database(), self.cases.clone()));
        let ticker = Ticker::new(self.database(), self.deps.clock.clone(), clocks);
        wakers.push(ticker.wake());
        tasks.spawn(ticker.run(shutdown.clone()));
        for kind in Kind::ALL {
            let worker = self.worker(kind);
            wakers.push(worker.wake());
            tasks.spawn(worker.run(shutdown.clone()));
        }
        self.read(&mut tasks, &wakers, &shutdown);
        self.cases.wake_with(wakers);

        let cases = self.cases.clone();
        tasks.spawn(async move {
            // A new release may bring another zone database or holiday table.
            if let Err(fault) = cases.settle(&Unsettled::OnOlderData).await {
                tracing::error!(error = %fault, "clocks on older data were not computed anew");
            }
        });
        let stopping = self.stopping.clone();
        tasks.spawn(async move {
            shutdown.cancelled().await;
            stopping.cancel();
        });
        tasks
    }

    fn worker(&self, kind: Kind) -> Worker {
        let (registry, commands) = (self.registry.channel().clone(), self.commands.clone());
        let performer = fetch::performer(kind, registry, commands, self.cases.clone());
        Worker::new(self.database(), self.deps.clock.clone(), self.deps.system.clone(), performer)
    }

    fn read(&self, tasks: &mut JoinSet<()>, wakers: &[Waker], shutdown: &CancellationToken) {
        let handlers: [Arc<dyn Handler>; 2] = [
            Arc::new(FromClientRegistry::new(self.commands.clone(), self.registry.clone())),
            Arc::new(FromNotification::new(
                self.commands.clone(),
                self.cases.clone(),
                Notification::new(self.deps.peers.notification.clone()),
            )),
        ];
        for handler in handlers {
            let Deps { system, transport, replayer, .. } = &*self.deps;
            let reader = Reader::new(self.database(), system.clone(), transport.clone(), replayer.clone(), handler);
            let (commands, wakers) = (self.commands.clone(), wakers.to_vec());
            let reader = reader.after_commit(move || {
                commands.committed();
                wakers.iter().for_each(Waker::wake);
            });
            tasks.spawn(reader.run(shutdown.clone()));
        }
    }

    /// Runs its commands.
    pub fn commands(&self) -> &Commands {
        &self.commands
    }

    /// Its use cases, for tests that race them.
    #[doc(hidden)]
    pub fn cases(&self) -> &Cases {
        &self.cases
    }

    /// Its event log.
    pub fn log(&self) -> EventLog {
        self.log.clone()
    }

    /// Its database.
    pub fn database(&self) -> Database {
        self.commands.db().clone()
    }

    /// Wakes what waits for the clock, because it was moved.
    pub fn wake(&self) {
        self.cases.committed();
    }

    /// What is under way, the clocks of cases among it.
    ///
    /// # Errors
    /// The database's.
    pub async fn activity(&self) -> Result<Activity, Fault> {
        let (db, now) = (self.database(), self.commands.now());
        let due = timers::claim::next_due(&db, clocks::TABLE).await;
        let due = due.map_err(|error| Fault::Stored(error.to_string()))?;
        Ok(Activity::of(&self.log, &db, now).await?.with_timer(due, now))
    }
}

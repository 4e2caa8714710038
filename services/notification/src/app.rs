//! The composition root.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use access::{CachedDecisions, Decisions, RemoteDecisions};
use business_time::{BusinessClock, SystemClock, Timestamp};
use command::{Activity, Commands, Fault};
use contracts::notification::v1::{
    inbound_service_server::InboundServiceServer, notification_service_server::NotificationServiceServer,
};
use database::{Database, DbErr, Migrated};
use event_log::{EventLog, Handler, Reader, Replayer, Transport};
use evidence::Sealer;
use keyring::{Kek, KekError, Keyring};
use runtime::{Client, Services};
use secrecy::ExposeSecret;
use timers::{
    Backoff, Ticker,
    claim::{Claims, next_due},
    work::{Performer, Worker},
};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::{
    MIGRATIONS, SERVICE,
    config::Config,
    events::{from_client_registry::FromClientRegistry, from_escalation::FromEscalation},
    grpc::{Inbound, Outbound},
    mail::{Mails, clock::TriageClock, identify::Identify, parse::LARGEST},
    notification::Notifications,
    procedure::{self, FetchCalendar, FetchPolicy},
    provider::{LocalOutbox, MailProvider},
    sending::{self, Sender},
    work::Wakes,
};

/// What notification is handed by whoever composes it.
pub struct Deps {
    /// Due and recorded times.
    pub clock: Arc<dyn BusinessClock>,
    /// Permits, leases and claims.
    pub system: Arc<dyn SystemClock>,
    /// How events travel.
    pub transport: Transport,
    /// Whom readers ask for events that they did not hear.
    pub replayer: Arc<dyn Replayer>,
    /// The services that it asks.
    pub peers: Peers,
}

/// The services that notification asks, each over a channel that brings its own token, `services/notification`.
#[derive(Clone)]
pub struct Peers {
    /// client-registry: senders, contacts, permits, the policy, the firm's calendar, who may do what.
    pub registry: Client,
    /// escalation: a proposal's words, and whether a case exists.
    pub escalation: Client,
}

/// Why notification does not start.
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
    /// The outbox cannot be made.
    #[error("outbox {}: {error}", folder.display())]
    Outbox {
        /// Where it should be.
        folder: PathBuf,
        /// Why it cannot.
        error: std::io::Error,
    },
    /// Steps of the schema that have not run.
    #[error("migrations are pending, run `migrate` first: {}", .0.join(", "))]
    Pending(Vec<String>),
    /// A simulated clock over a database that is not for trials, or `--trial` for one that was made before.
    #[error("this database was not made by `migrate --trial`, so its clock is the real one")]
    NotATrial,
}

/// Notification, composed. Nothing runs until [`App::spawn`]; nothing is served until somebody serves
/// [`App::add_services`].
#[derive(Clone)]
pub struct App {
    commands: Commands,
    mails: Mails,
    notifications: Notifications,
    log: EventLog,
    sealer: Sealer,
    clock: Arc<dyn BusinessClock>,
    system: Arc<dyn SystemClock>,
    transport: Transport,
    replayer: Arc<dyn Replayer>,
    peers: Peers,
    decisions: Arc<dyn Decisions>,
    provider: Arc<dyn MailProvider>,
    outbox: LocalOutbox,
    wakes: Wakes,
    /// Ends the streams of watchers; told by whoever shuts down what was spawned.
    streams: Arc<Mutex<CancellationToken>>,
}

impl App {
    /// Connects and composes, with the local outbox as provider.
    ///
    /// # Errors
    /// Where the database does not answer or lacks migrations, the key is not the one it was made with, the outbox cannot
    /// be made, or the clock is simulated and the database not for trials.
    pub async fn build(config: &Config, deps: Deps) -> Result<Self, AppError> {
        let outbox = open_outbox(config)?;
        Self::build_with(config, deps, Arc::new(outbox)).await
    }

    /// As [`App::build`], with another provider.
    ///
    /// # Errors
    /// As [`App::build`].
    pub async fn build_with(config: &Config, deps: Deps, provider: Arc<dyn MailProvider>) -> Result<Self, AppError> {
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
        let decisions = CachedDecisions::new(RemoteDecisions::new(deps.peers.registry.clone()), deps.system.clone());
        Ok(Self {
            commands,
            mails: Mails::default(),
            notifications: Notifications,
            log,
            sealer,
            clock: deps.clock,
            system: deps.system,
            transport: deps.transport,
            replayer: deps.replayer,
            peers: deps.peers,
            decisions: Arc::new(decisions),
            provider,
            outbox: open_outbox(config)?,
            wakes: Wakes::default(),
            streams: Arc::default(),
        })
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

    /// Adds notification's own gRPC services.
    pub fn add_services(&self, services: Services) -> Services {
        let inbound = Inbound::new(self.commands.clone(), self.mails, self.peers.registry.clone(), self.wakes.clone());
        let outbound = Outbound::new(
            self.commands.clone(),
            self.peers.escalation.clone(),
            self.wakes.clone(),
            self.log.clone(),
            self.decisions.clone(),
            self.system.clone(),
            self.streams.clone(),
        );
        services
            // A mail somewhat over its bound is told so by its own reason; beyond that the server's bound tells.
            .with(InboundServiceServer::new(inbound).max_decoding_message_size(LARGEST + 8 * 1024 * 1024))
            .with(NotificationServiceServer::new(outbound))
    }

    /// Runs the relay, the sealer, the readers, the triage clock and the workers until `shutdown`.
    pub fn spawn(&self, shutdown: CancellationToken) -> JoinSet<()> {
        *self.streams.lock().unwrap_or_else(PoisonError::into_inner) = shutdown.clone();
        let mut tasks = JoinSet::new();
        let (log, stop) = (self.log.clone(), shutdown.clone());
        tasks.spawn(async move { log.run_relay(stop).await });
        let (sealer, stop) = (self.sealer.clone(), shutdown.clone());
        tasks.spawn(async move { sealer.run(stop).await });

        let mut wakers = Vec::new();
        for worker in self.workers() {
            wakers.push(worker.wake());
            tasks.spawn(worker.run(shutdown.clone()));
        }
        let clockwork = Arc::new(TriageClock::new(self.commands.clone(), self.mails));
        let claims = Arc::new(Claims::new(self.database(), clockwork));
        let ticker = Ticker::new(self.database(), self.clock.clone(), claims);
        wakers.push(ticker.wake());
        tasks.spawn(ticker.run(shutdown.clone()));
        self.wakes.set(wakers);

        let registry: Arc<dyn Handler> = Arc::new(FromClientRegistry::new(self.commands.clone()));
        let escalation: Arc<dyn Handler> =
            Arc::new(FromEscalation::new(self.commands.clone(), self.notifications, self.peers.escalation.clone()));
        for handler in [registry, escalation] {
            tasks.spawn(self.reader(handler).run(shutdown.clone()));
        }
        let app = self.clone();
        tasks.spawn(async move { app.ask_for_what_is_missing(shutdown).await });
        tasks
    }

    fn workers(&self) -> [Worker; 4] {
        let identify =
            Identify::new(self.commands.clone(), self.mails, self.peers.registry.clone(), self.wakes.clone());
        let sender = Sender::new(
            self.commands.clone(),
            self.mails,
            sending::Peers { registry: self.peers.registry.clone(), escalation: self.peers.escalation.clone() },
            self.provider.clone(),
            self.system.clone(),
            self.wakes.clone(),
        );
        let policy =
            FetchPolicy::new(self.commands.clone(), self.mails, self.peers.registry.clone(), self.wakes.clone());
        let calendar =
            FetchCalendar::new(self.commands.clone(), self.mails, self.peers.registry.clone(), self.wakes.clone());
        [
            self.worker(Arc::new(identify)),
            self.worker(Arc::new(sender)),
            self.worker(Arc::new(policy)),
            self.worker(Arc::new(calendar)),
        ]
    }

    /// A peer that is down is waited for, however long: nothing of this is set aside.
    fn worker(&self, performer: Arc<dyn Performer>) -> Worker {
        let patient = Backoff { first: Duration::from_millis(500), most: Duration::from_secs(60), tries: u32::MAX };
        Worker::new(self.database(), self.clock.clone(), self.system.clone(), performer).with_backoff(patient)
    }

    fn reader(&self, handler: Arc<dyn Handler>) -> Reader {
        let app = self.clone();
        Reader::new(self.database(), self.system.clone(), self.transport.clone(), self.replayer.clone(), handler)
            .after_commit(move || app.wake())
    }

    /// A service that starts for the first time has heard of no policy that was published before.
    async fn ask_for_what_is_missing(&self, shutdown: CancellationToken) {
        let now = self.commands.now();
        let db = self.database();
        let asked = db.transaction(move |tx| {
            Box::pin(async move {
                if procedure::policy(tx).await?.is_none() {
                    procedure::ask_for_policy(tx, "start", now).await?;
                }
                Ok::<_, Fault>(())
            })
        });
        tokio::select! {
            () = shutdown.cancelled() => {}
            asked = asked => match asked {
                Ok(()) => self.wakes.wake(),
                Err(error) => tracing::warn!(%error, "the policy was not asked for; its publication will be told"),
            }
        }
    }

    /// What went out through the local outbox, for a page that shows it.
    pub fn outbox(&self) -> &LocalOutbox {
        &self.outbox
    }

    /// Runs its commands.
    pub fn commands(&self) -> &Commands {
        &self.commands
    }

    /// Its event log.
    pub fn log(&self) -> EventLog {
        self.log.clone()
    }

    /// Its database.
    pub fn database(&self) -> Database {
        self.commands.db().clone()
    }

    /// Wakes what waits for the clock; to be called when a simulated one was moved.
    pub fn wake(&self) {
        self.commands.committed();
        self.wakes.wake();
    }

    /// What is under way, the triage clock among it.
    ///
    /// # Errors
    /// The database's.
    pub async fn activity(&self) -> Result<Activity, Fault> {
        let now = self.commands.now();
        let due = next_due(self.commands.db(), TriageClock::TABLE).await.map_err(crate::work::fault)?;
        Ok(Activity::of(&self.log, self.commands.db(), now).await?.with_timer(due, now))
    }
}

fn open_outbox(config: &Config) -> Result<LocalOutbox, AppError> {
    LocalOutbox::open(&config.outbox).map_err(|error| AppError::Outbox { folder: config.outbox.clone(), error })
}

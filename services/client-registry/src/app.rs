//! The composition root.

use std::{path::PathBuf, sync::Arc};

use business_time::{BusinessClock, SystemClock, Timestamp, WallClock};
use command::{Activity, Call, Commands, Fault};
use contracts::client_registry::v1::{
    CreateStaffRequest, CreateStaffResponse, Staff, StaffKind, access_service_server::AccessServiceServer,
    calendar_service_server::CalendarServiceServer, client_service_server::ClientServiceServer,
    consent_service_server::ConsentServiceServer, contact_service_server::ContactServiceServer,
    engagement_service_server::EngagementServiceServer, policy_service_server::PolicyServiceServer,
    staff_service_server::StaffServiceServer,
};
use database::{Database, DbErr, Migrated};
use event_log::{EventLog, Replayer, Transport};
use evidence::Sealer;
use keyring::{Kek, KekError, Keyring};
use refusal::Refusal;
use runtime::Services;
use secrecy::ExposeSecret;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::{MIGRATIONS, SERVICE, config::Config, decision::RegistryDecisions, grpc::Api, staff, store::Store};

/// What the registry is handed by whoever composes it.
pub struct Deps {
    /// Due and recorded times.
    pub clock: Arc<dyn BusinessClock>,
    /// Permits, leases and tokens.
    pub system: Arc<dyn SystemClock>,
    /// How its events travel.
    pub transport: Transport,
    /// For readers of events. The registry reads none; every service's `Deps` has it.
    pub replayer: Arc<dyn Replayer>,
}

/// Why the registry does not start.
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

/// The registry, composed. Nothing runs until [`App::spawn`]; nothing is served until somebody serves
/// [`App::add_services`].
#[derive(Clone)]
pub struct App {
    api: Api,
    log: EventLog,
    sealer: Sealer,
}

impl App {
    /// Connects and composes.
    ///
    /// # Errors
    /// Where the database does not answer or lacks migrations, the key is not the one it was made with, or the clock is
    /// simulated and the database not for trials.
    pub async fn build(config: &Config, deps: Deps) -> Result<Self, AppError> {
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
        let log = EventLog::new(SERVICE, db.clone(), deps.system.clone(), deps.transport);
        let sealer = Sealer::new(db.clone(), deps.system.clone());
        let commands = Commands::new(db.clone(), deps.clock.clone(), keyring.clone(), log.clone(), sealer.clone());
        let store = Store { db, keyring };
        let decisions = RegistryDecisions::new(store.clone(), deps.clock);
        let api = Api { commands, store, decisions, system: deps.system };
        Ok(Self { api, log, sealer })
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

    /// Adds the registry's own gRPC services.
    pub fn add_services(&self, services: Services) -> Services {
        services
            .with(AccessServiceServer::new(self.api.clone()))
            .with(CalendarServiceServer::new(self.api.clone()))
            .with(ClientServiceServer::new(self.api.clone()))
            .with(ConsentServiceServer::new(self.api.clone()))
            .with(ContactServiceServer::new(self.api.clone()))
            .with(EngagementServiceServer::new(self.api.clone()))
            .with(PolicyServiceServer::new(self.api.clone()))
            .with(StaffServiceServer::new(self.api.clone()))
    }

    /// Runs the relay and the sealer until `shutdown`.
    pub fn spawn(&self, shutdown: CancellationToken) -> JoinSet<()> {
        let mut tasks = JoinSet::new();
        let (log, stop) = (self.log.clone(), shutdown.clone());
        tasks.spawn(async move { log.run_relay(stop).await });
        let sealer = self.sealer.clone();
        tasks.spawn(async move { sealer.run(shutdown).await });
        tasks
    }

    /// Makes the first person, who is in management, on a registry without any. Everything after that goes through the
    /// API.
    ///
    /// # Errors
    /// `NOT_EMPTY` where there is anybody; else what CreateStaff refuses.
    pub async fn init(&self, staff_id: &str, display_name: &str, email: &str) -> Result<(), Refusal> {
        let request = CreateStaffRequest {
            staff_id: staff_id.to_owned(),
            staff: Some(Staff {
                display_name: display_name.to_owned(),
                email: email.to_owned(),
                kind: StaffKind::Employee.into(),
                ..Staff::default()
            }),
            request_id: String::new(),
        };
        let call = Call { principal: "init".to_owned(), method: "init", request_id: String::new() };
        let (id, name, email) = (staff_id.to_owned(), display_name.to_owned(), email.to_owned());
        let made = self
            .api
            .commands
            .execute(&call, &request, move |unit| {
                let (id, name, email) = (id.clone(), name.clone(), email.clone());
                Box::pin(async move {
                    staff::init(unit, &id, name, email).await?;
                    Ok(CreateStaffResponse::default())
                })
            })
            .await;
        if let Err(refusal) = &made {
            self.api.commands.audit_refusal(&call.principal, call.method, refusal.reason).await;
        }
        made.map(drop)
    }

    /// Who may do what, from the registry's own tables and kept by nobody: stand [`access::CachedDecisions`] in front.
    pub fn decisions(&self) -> RegistryDecisions {
        self.api.decisions.clone()
    }

    /// Runs its commands.
    pub fn commands(&self) -> &Commands {
        &self.api.commands
    }

    /// Its event log.
    pub fn log(&self) -> EventLog {
        self.log.clone()
    }

    /// Its database.
    pub fn database(&self) -> Database {
        self.api.store.db.clone()
    }

    /// Nothing waits for the clock here; every service has this.
    pub fn wake(&self) {
        self.api.commands.committed();
    }

    /// What is under way. The registry has no timers of its own.
    ///
    /// # Errors
    /// The database's.
    pub async fn activity(&self) -> Result<Activity, Fault> {
        Activity::of(&self.log, &self.api.store.db, self.api.commands.now()).await
    }

    /// The real clocks over `transport`, as a binary has them.
    pub(crate) fn real(transport: Transport) -> Deps {
        Deps {
            clock: Arc::new(WallClock),
            system: Arc::new(WallClock),
            transport,
            replayer: Arc::new(Vec::<EventLog>::new()),
        }
    }
}

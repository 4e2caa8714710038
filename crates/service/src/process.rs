//! A service as a process of its own: `serve`, `migrate`, `check`.

use std::{error::Error, fmt, path::PathBuf, process::ExitCode, sync::Arc};

use access::{AccessLayer, Decisions, Rules, Verifier};
use async_trait::async_trait;
use business_time::{BusinessClock, SystemClock, WallClock};
use clap::{Args, Subcommand};
use contracts::{
    event::v1::{dead_letter_service_server::DeadLetterServiceServer, event_log_service_server::EventLogServiceServer},
    evidence::v1::audit_service_server::AuditServiceServer,
};
use database::MigrationSet;
use event_log::{Bus, RedisTransport, Transport};
use runtime::{Edge, Server, Services, telemetry};
use secrecy::ExposeSecret;
use serde::de::DeserializeOwned;

use crate::{
    DeadLetters, Deps, Owners, Running, Service, Settings, StartError,
    config::{Config, issuers, needed},
};

/// How a verb ended.
pub type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// What a service is as a process of its own.
#[async_trait]
pub trait Process: Service + Sized {
    /// Its name: its stream of events, its principal, its binary.
    const NAME: &'static str;
    /// The prefix of its environment variables: `database_url` is `<PREFIX>__DATABASE_URL`.
    const PREFIX: &'static str;
    /// Where it is served where nobody tells.
    const LISTEN: &'static str;
    /// Its tables.
    const MIGRATIONS: &'static [MigrationSet];
    /// Its own settings.
    type Own: DeserializeOwned + fmt::Debug + Send + Sync;
    /// Whom it calls.
    type Peers: Send + Sync;

    /// Opens channels to its peers, and names those whose events it reads.
    ///
    /// # Errors
    /// Where an address or the token is not told, or is none.
    fn connect(own: &Self::Own, system: Arc<dyn SystemClock>) -> Outcome<(Self::Peers, Owners)>;

    /// Connects and composes.
    ///
    /// # Errors
    /// As [`Base::open`](crate::Base::open), and what it needs of its own.
    async fn build(config: &Config<Self::Own>, deps: Deps<Self::Peers>) -> Result<Self, StartError>;

    /// Who may do what, kept for as long as a decision lives.
    fn decisions(&self) -> Arc<dyn Decisions>;

    /// Whether whoever it needs beside its peers could be used now; asked by `check` alone.
    ///
    /// # Errors
    /// Who could not, and why.
    async fn check(&self) -> Result<(), String> {
        Ok(())
    }
}

/// Where settings come from, as an argument of every verb.
#[derive(Debug, Args)]
pub struct ConfigFile {
    /// Settings as TOML; the environment wins.
    #[arg(long, global = true)]
    config: Option<PathBuf>,
}

/// What every service's binary does.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Serves until a signal.
    Serve,
    /// Makes or changes the tables, and the key where there is none.
    Migrate {
        /// Marks a new database for good as one for trials.
        #[arg(long)]
        trial: bool,
    },
    /// Tells whether it could serve: settings, database, migrations, key, and what else it needs.
    Check,
}

impl Verb {
    /// Does it.
    ///
    /// # Errors
    /// Why it could not be done.
    pub async fn run<S: Process>(self, config: Config<S::Own>) -> Outcome {
        match self {
            Self::Serve => serve::<S>(&config).await,
            Self::Migrate { trial } => migrate::<S>(&config.base, trial).await,
            Self::Check => check::<S>(&config).await,
        }
    }
}

/// Runs one verb of a service's binary: settings read, telemetry on, and the exit code.
pub fn main<S: Process, F>(file: ConfigFile, verb: impl FnOnce(Config<S::Own>) -> F) -> ExitCode
where
    F: Future<Output = Outcome>,
{
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let outcome = runtime.map_err(Into::into).and_then(|runtime| {
        runtime.block_on(async {
            let config = Config::load(S::PREFIX, file.config.as_deref())?;
            let telemetry = telemetry::init(S::NAME, &config.base.telemetry)?;
            runtime::config::log(&config);
            let outcome = verb(config).await;
            telemetry.shutdown().await;
            outcome
        })
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}: {error}", S::NAME);
            ExitCode::FAILURE
        }
    }
}

/// Composes a service over the real clocks and a transport that carries nothing, for a verb that does one thing and ends.
///
/// # Errors
/// As [`Process::connect`] and [`Process::build`].
pub async fn idle<S: Process>(config: &Config<S::Own>) -> Outcome<S> {
    Ok(S::build(config, real::<S>(config, Transport::InProcess(Bus::new()))?).await?)
}

fn real<S: Process>(config: &Config<S::Own>, transport: Transport) -> Outcome<Deps<S::Peers>> {
    let (clock, system): (Arc<dyn BusinessClock>, Arc<dyn SystemClock>) = (Arc::new(WallClock), Arc::new(WallClock));
    let (peers, owners) = S::connect(&config.own, system.clone())?;
    Ok(Deps { clock, system, transport, replayer: Arc::new(owners), peers })
}

async fn serve<S: Process>(config: &Config<S::Own>) -> Outcome {
    let settings = &config.base;
    let transport = transport(settings)?;
    let verifier = verifier(settings)?;
    let app = S::build(config, real::<S>(config, transport)?).await?;
    let bound = Server::bind(settings.listen.as_deref().unwrap_or(S::LISTEN)).await?;
    tracing::info!(address = %bound.local_addr(), "listening");

    let access = AccessLayer::new(Rules::load()?, Arc::new(verifier), app.decisions())
        .on_refused(app.commands().audits_refusals());
    let services = app
        .add_services(Services::new())
        .with(EventLogServiceServer::new(event_log::service(vec![app.log()])))
        .with(DeadLetterServiceServer::new(DeadLetters::new([(S::NAME, app.commands().clone())])))
        .with(AuditServiceServer::new(evidence::audit::service(vec![(S::NAME, app.database())])));
    let shutdown = runtime::shutdown::on_signals()?;
    let running = Running::start([&app as &dyn Service], &shutdown);
    Ok(running.serve(bound, services, Edge::new(access)).await?)
}

async fn migrate<S: Process>(settings: &Settings, trial: bool) -> Outcome {
    let migrated = crate::migrate(S::MIGRATIONS, settings, BusinessClock::now(&WallClock), trial).await?;
    for step in &migrated.0 {
        println!("{step}");
    }
    println!("{} steps ran", migrated.0.len());
    Ok(())
}

async fn check<S: Process>(config: &Config<S::Own>) -> Outcome {
    transport(&config.base)?;
    verifier(&config.base)?;
    idle::<S>(config).await?.check().await?;
    println!("ready to serve");
    Ok(())
}

/// The transport of a process of its own.
fn transport(settings: &Settings) -> Outcome<Transport> {
    if settings.database_url.expose_secret().starts_with("sqlite:") {
        return Err("SQLite serves the suite in one process only; a service of its own needs PostgreSQL".into());
    }
    let redis = needed("redis_url", &settings.redis_url)?;
    Ok(Transport::Redis(RedisTransport::try_new(redis.expose_secret())?))
}

fn verifier(settings: &Settings) -> Outcome<Verifier> {
    let issuers = issuers(needed("token_issuers", &settings.token_issuers)?)?;
    let verifier = Verifier::try_new(issuers, Arc::new(WallClock))?;
    Ok(match &settings.revoked_tokens {
        Some(revoked) => verifier.with_revoked(revoked.clone())?,
        None => verifier,
    })
}

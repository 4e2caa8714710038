//! `escalation serve | migrate | check`.

use std::{error::Error, path::PathBuf, process::ExitCode, sync::Arc};

use access::{AccessLayer, CachedDecisions, RemoteDecisions, Rules, TokenSource, Verifier};
use async_trait::async_trait;
use business_time::{SystemClock, WallClock};
use clap::{Parser, Subcommand};
use contracts::{
    event::v1::{event_log_service_client::EventLogServiceClient, event_log_service_server::EventLogServiceServer},
    evidence::v1::audit_service_server::AuditServiceServer,
};
use event_log::{Bus, RedisTransport, Replay, Replayer, Transport};
use runtime::{Client, Edge, Server, Services, client::connect, telemetry};
use secrecy::ExposeSecret;

use crate::{
    App, Deps, Peers, SERVICE,
    config::{self, Config, PREFIX},
};

/// Inquiries and issues, their clocks and their end.
#[derive(Debug, Parser)]
#[command(name = "escalation", version)]
struct Cli {
    /// Settings as TOML; the environment wins.
    #[arg(long, global = true)]
    config: Option<PathBuf>,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Serves until a signal.
    Serve,
    /// Makes or changes the tables, and the key where there is none.
    Migrate {
        /// Marks a new database for good as one for trials.
        #[arg(long)]
        trial: bool,
    },
    /// Tells whether it could serve: settings, database, migrations, key.
    Check,
}

type Outcome = Result<(), Box<dyn Error>>;

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error),
    };
    match runtime.block_on(run(cli)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&*error),
    }
}

fn failed(error: &dyn Error) -> ExitCode {
    eprintln!("{SERVICE}: {error}");
    ExitCode::FAILURE
}

async fn run(cli: Cli) -> Outcome {
    let config: Config = runtime::config::load(PREFIX, cli.config.as_deref())?;
    let telemetry = telemetry::init(SERVICE, &config.telemetry)?;
    runtime::config::log(&config);
    let outcome = match cli.verb {
        Verb::Serve => serve(&config).await,
        Verb::Migrate { trial } => migrate(&config, trial).await,
        Verb::Check => check(&config).await,
    };
    telemetry.shutdown().await;
    outcome
}

async fn serve(config: &Config) -> Outcome {
    if config.database_url.expose_secret().starts_with("sqlite:") {
        return Err("SQLite serves the suite in one process only; a service of its own needs PostgreSQL".into());
    }
    let redis = config.redis_url.as_ref().ok_or("redis_url is needed by a service of its own")?;
    let issuers = config.token_issuers.as_ref().ok_or("token_issuers is needed by a service of its own")?;
    let system: Arc<dyn SystemClock> = Arc::new(WallClock);
    let mut verifier = Verifier::try_new(config::issuers(issuers)?, system.clone())?;
    if let Some(revoked) = &config.revoked_tokens {
        verifier = verifier.with_revoked(revoked.clone())?;
    }
    let (client_registry, notification) = peers(config, &system)?;
    let transport = Transport::Redis(RedisTransport::try_new(redis.expose_secret())?);
    let replayer = Owners { client_registry: client_registry.clone(), notification: notification.clone() };
    let deps = Deps {
        clock: Arc::new(WallClock),
        system: system.clone(),
        transport,
        replayer: Arc::new(replayer),
        peers: Peers { client_registry: client_registry.clone(), notification },
    };
    let app = App::build(config, deps).await?;
    let bound = Server::bind(config.listen.as_str()).await?;
    tracing::info!(address = %bound.local_addr(), "listening");

    let decisions = CachedDecisions::new(RemoteDecisions::new(client_registry), system);
    let access = AccessLayer::new(Rules::load()?, Arc::new(verifier), Arc::new(decisions))
        .on_refused(app.commands().audits_refusals());
    let services = app
        .add_services(Services::new())
        .with(EventLogServiceServer::new(event_log::service(vec![app.log()])))
        .with(AuditServiceServer::new(evidence::audit::service(vec![(SERVICE, app.database())])));
    let shutdown = runtime::shutdown::on_signals()?;
    let mut tasks = app.spawn(shutdown.clone());
    let served = bound.serve(services, Edge::new(access), shutdown.clone()).await;
    // Also where serving failed, what runs beside it ends.
    shutdown.cancel();
    while tasks.join_next().await.is_some() {}
    Ok(served?)
}

fn peers(config: &Config, system: &Arc<dyn SystemClock>) -> Result<(Client, Client), Box<dyn Error>> {
    let registry =
        config.client_registry_url.as_ref().ok_or("client_registry_url is needed by a service of its own")?;
    let notification = config.notification_url.as_ref().ok_or("notification_url is needed by a service of its own")?;
    let token = config.token_file.as_ref().ok_or("token_file is needed by a service of its own")?;
    let tokens = TokenSource::file(token.clone(), system.clone());
    Ok((connect(registry, tokens.clone())?, connect(notification, tokens)?))
}

/// Asks each stream's owner.
struct Owners {
    client_registry: Client,
    notification: Client,
}

#[async_trait]
impl Replayer for Owners {
    async fn replay(&self, service: &str, incarnation: u64, after: u64, page: u32) -> event_log::Result<Replay> {
        let owner = match service {
            "client-registry" => &self.client_registry,
            "notification" => &self.notification,
            other => return Err(event_log::Error::StreamNotHere(other.to_owned())),
        };
        EventLogServiceClient::new(owner.clone()).replay(service, incarnation, after, page).await
    }
}

async fn migrate(config: &Config, trial: bool) -> Outcome {
    let migrated = App::migrate(config, WallClock.now(), trial).await?;
    for step in &migrated.0 {
        println!("{step}");
    }
    println!("{} steps ran", migrated.0.len());
    Ok(())
}

async fn check(config: &Config) -> Outcome {
    if let Some(file) = &config.token_issuers {
        Verifier::try_new(config::issuers(file)?, Arc::new(WallClock))?;
    }
    let system: Arc<dyn SystemClock> = Arc::new(WallClock);
    let (client_registry, notification) = peers(config, &system)?;
    // Nothing travels: the app is built and not run.
    let deps = Deps {
        clock: Arc::new(WallClock),
        system,
        transport: Transport::InProcess(Bus::new()),
        replayer: Arc::new(Owners { client_registry: client_registry.clone(), notification: notification.clone() }),
        peers: Peers { client_registry, notification },
    };
    App::build(config, deps).await?;
    println!("ready to serve");
    Ok(())
}

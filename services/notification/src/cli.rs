//! `notification serve | migrate | check`.

use std::{error::Error, path::PathBuf, process::ExitCode, sync::Arc};

use access::{AccessLayer, CachedDecisions, RemoteDecisions, Rules, TokenSource, Verifier};
use business_time::{BusinessClock, SystemClock, WallClock};
use clap::{Parser, Subcommand};
use contracts::{
    event::v1::{event_log_service_client::EventLogServiceClient, event_log_service_server::EventLogServiceServer},
    evidence::v1::audit_service_server::AuditServiceServer,
};
use event_log::{RedisTransport, Replay, Replayer, Transport};
use runtime::{Client, Edge, Server, Services, client, telemetry};
use secrecy::ExposeSecret;

use crate::{
    App, Deps, Peers, SERVICE,
    config::{self, Config, PREFIX},
};

/// Mail that comes in, mail that goes out.
#[derive(Debug, Parser)]
#[command(name = "notification", version)]
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
    /// Tells whether it could serve: settings, database, migrations, key, outbox.
    Check,
}

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

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
    let issuers = config.token_issuers.as_ref().ok_or("token_issuers is needed by a service of its own")?;
    let system: Arc<dyn SystemClock> = Arc::new(WallClock);
    let mut verifier = Verifier::try_new(config::issuers(issuers)?, system.clone())?;
    if let Some(revoked) = &config.revoked_tokens {
        verifier = verifier.with_revoked(revoked.clone())?;
    }
    let deps = deps(config)?;
    let registry = deps.peers.registry.clone();
    let app = App::build(config, deps).await?;
    let bound = Server::bind(config.listen.as_str()).await?;
    tracing::info!(address = %bound.local_addr(), "listening");

    let decisions = CachedDecisions::new(RemoteDecisions::new(registry), system);
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

fn deps(config: &Config) -> Outcome<Deps> {
    let needed = |what: &str| format!("{what} is needed by a service of its own");
    let redis = config.redis_url.as_ref().ok_or_else(|| needed("redis_url"))?;
    let registry = config.registry_url.as_ref().ok_or_else(|| needed("registry_url"))?;
    let escalation = config.escalation_url.as_ref().ok_or_else(|| needed("escalation_url"))?;
    let token = config.token_file.as_ref().ok_or_else(|| needed("token_file"))?;
    let system: Arc<dyn SystemClock> = Arc::new(WallClock);
    let tokens = TokenSource::file(token, system.clone());
    let peers = Peers {
        registry: client::connect(registry, tokens.clone())?,
        escalation: client::connect(escalation, tokens)?,
    };
    Ok(Deps {
        clock: Arc::new(WallClock),
        system,
        transport: Transport::Redis(RedisTransport::try_new(redis.expose_secret())?),
        replayer: Arc::new(Producers(peers.clone())),
        peers,
    })
}

/// Asks each producer for its own stream.
struct Producers(Peers);

#[async_trait::async_trait]
impl Replayer for Producers {
    async fn replay(&self, service: &str, incarnation: u64, after: u64, page: u32) -> event_log::Result<Replay> {
        let client: Client = match service {
            "client-registry" => self.0.registry.clone(),
            "escalation" => self.0.escalation.clone(),
            _ => return Err(event_log::Error::StreamNotHere(service.to_owned())),
        };
        EventLogServiceClient::new(client).replay(service, incarnation, after, page).await
    }
}

async fn migrate(config: &Config, trial: bool) -> Outcome {
    let migrated = App::migrate(config, BusinessClock::now(&WallClock), trial).await?;
    for step in &migrated.0 {
        println!("{step}");
    }
    println!("{} steps ran", migrated.0.len());
    Ok(())
}

async fn check(config: &Config) -> Outcome {
    // Nothing travels: the app is built and not run.
    App::build(config, deps(config)?).await?;
    if let Some(file) = &config.token_issuers {
        Verifier::try_new(config::issuers(file)?, Arc::new(WallClock))?;
    }
    println!("ready to serve");
    Ok(())
}

//! `client-registry serve | migrate | check | init`.

use std::{error::Error, path::PathBuf, process::ExitCode, sync::Arc};

use access::{AccessLayer, CachedDecisions, Rules, Verifier};
use business_time::{SystemClock, WallClock};
use clap::{Parser, Subcommand};
use contracts::{
    event::v1::event_log_service_server::EventLogServiceServer, evidence::v1::audit_service_server::AuditServiceServer,
};
use event_log::{Bus, RedisTransport, Transport};
use runtime::{Edge, Server, Services, telemetry};
use secrecy::ExposeSecret;

use crate::{
    App, SERVICE,
    config::{self, Config, PREFIX},
};

/// Clients, the people who work for them, calendars, policies and permits.
#[derive(Debug, Parser)]
#[command(name = "client-registry", version)]
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
    /// Makes the first person, who is in management.
    Init {
        /// The last part of `staff/{staff}`.
        #[arg(long, default_value = "admin")]
        id: String,
        /// Their name.
        #[arg(long)]
        name: String,
        /// Their address at the firm.
        #[arg(long)]
        email: String,
    },
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
        Verb::Init { id, name, email } => init(&config, &id, &name, &email).await,
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
    let transport = Transport::Redis(RedisTransport::try_new(redis.expose_secret())?);
    let app = App::build(config, App::real(transport)).await?;
    let bound = Server::bind(config.listen.as_str()).await?;
    tracing::info!(address = %bound.local_addr(), "listening");

    let decisions = CachedDecisions::new(app.decisions(), system);
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

async fn migrate(config: &Config, trial: bool) -> Outcome {
    let migrated = App::migrate(config, WallClock.now(), trial).await?;
    for step in &migrated.0 {
        println!("{step}");
    }
    println!("{} steps ran", migrated.0.len());
    Ok(())
}

async fn check(config: &Config) -> Outcome {
    // Nothing travels: the app is built and not run.
    App::build(config, App::real(Transport::InProcess(Bus::new()))).await?;
    if let Some(file) = &config.token_issuers {
        Verifier::try_new(config::issuers(file)?, Arc::new(WallClock))?;
    }
    println!("ready to serve");
    Ok(())
}

async fn init(config: &Config, id: &str, name: &str, email: &str) -> Outcome {
    let app = App::build(config, App::real(Transport::InProcess(Bus::new()))).await?;
    app.init(id, name, email).await?;
    println!("staff/{id} is in management");
    Ok(())
}

//! All services in one process: composed here, and nowhere else.
//!
//! Each keeps its own database, event log, timers and audit; they reach each other as they would apart, by gRPC through
//! the front door and by events. What differs from separate processes is that one server answers for all of them, and
//! that, unless settings say otherwise, the databases are SQLite files and the event log runs in the process.

use std::{fs::File, net::SocketAddr, path::Path, sync::Arc, time::Duration};

use access::{AccessLayer, CachedDecisions, Issuer, Principal, Rules, TokenSource, TrialIssuer, Verifier};
use business_time::{BusinessClock, ManualClock, SystemClock, Timestamp, WallClock};
use client_registry::RegistryDecisions;
use command::Commands;
use contracts::{
    event::v1::{
        dead_letter_service_server::DeadLetterServiceServer, event_log_service_client::EventLogServiceClient,
        event_log_service_server::EventLogServiceServer,
    },
    evidence::v1::audit_service_server::AuditServiceServer,
};
use database::Database;
use event_log::{EventLog, Transport};
use notification::LocalOutbox;
use runtime::{
    client::Client,
    server::{Edge, Server, Services},
};
use secrecy::ExposeSecret;
use service::{Config, DeadLetters, Deps, Nothing, Process, Running, Service};
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;

use crate::{
    data_folder, export,
    folder::PlacedCall,
    outbox_page::{self, Hosts},
    settings::Settings,
};

/// Which business clock the suite runs by.
#[derive(Clone, Debug)]
pub enum SuiteClock {
    /// The real one.
    Real,
    /// A simulated one; only over databases made for trials.
    Simulated(ManualClock),
}

impl SuiteClock {
    fn business(&self) -> Arc<dyn BusinessClock> {
        match self {
            Self::Real => Arc::new(WallClock),
            Self::Simulated(clock) => Arc::new(clock.clone()),
        }
    }

    fn is_simulated(&self) -> bool {
        matches!(self, Self::Simulated(_))
    }
}

/// Why the suite does not start.
#[derive(Debug, thiserror::Error)]
#[error("{what}: {why}")]
pub struct SuiteError {
    /// What could not be done.
    pub what: &'static str,
    /// Why.
    pub why: String,
}

/// For `map_err`: names what could not be done.
fn cannot<E: std::fmt::Display>(what: &'static str) -> impl FnOnce(E) -> SuiteError {
    move |error| SuiteError { what, why: error.to_string() }
}

/// What a look at the suite found.
#[derive(Clone, Debug, Default)]
pub struct Rest {
    /// What is under way, for people; `None` where nothing is.
    pub busy: Option<String>,
    /// The business time of the next thing that is due.
    pub next_due: Option<Timestamp>,
    /// Two looks with the same number saw the same state.
    pub progress: u64,
}

/// A running suite.
pub struct Suite {
    address: SocketAddr,
    outbox_address: Option<SocketAddr>,
    clock: Arc<dyn BusinessClock>,
    issuer: Arc<TrialIssuer>,
    trial: bool,
    apps: Apps,
    decisions: Arc<CachedDecisions<RegistryDecisions>>,
    shutdown: CancellationToken,
    failed: CancellationToken,
    tasks: JoinSet<()>,
    _alone: File,
}

impl Suite {
    /// Looks whether the databases, and the Redis where one is named, are nobody's yet. For a demo: it marks databases for
    /// trials for good, and what it encrypts there nobody reads any more once its keys are gone.
    ///
    /// # Errors
    /// Where they hold something of ours already, with what to do; nothing was written.
    pub async fn unused(settings: &Settings) -> Result<(), SuiteError> {
        look::<client_registry::App>(settings).await?;
        look::<escalation::App>(settings).await?;
        look::<notification::App>(settings).await?;
        look::<reporting::App>(settings).await
    }

    /// Makes databases and keys where there are none, makes the first management person, and switches the trial issuer
    /// on.
    ///
    /// # Errors
    /// Where there are people already, or something cannot be made.
    pub async fn init(
        settings: &Settings,
        id: &str,
        name: &str,
        email: &str,
        clock: SuiteClock,
    ) -> Result<(), SuiteError> {
        let _alone = data_folder::take(&settings.data).map_err(cannot("data folder"))?;
        migrate(settings, &clock).await?;
        let deps = Deps {
            clock: clock.business(),
            system: Arc::new(WallClock),
            transport: settings.transport().map_err(cannot("event log"))?,
            replayer: Arc::new(Vec::<EventLog>::new()),
            peers: (),
        };
        let config = embedded(client_registry::SERVICE, settings, Nothing {});
        let registry = client_registry::App::build(&config, deps).await.map_err(cannot(client_registry::SERVICE))?;
        registry.init(id, name, email).await.map_err(cannot("init"))?;
        TrialIssuer::open(&settings.keys(), Arc::new(WallClock)).map_err(cannot("trial issuer"))?;
        Ok(())
    }

    /// Whether `init` switched the trial issuer on.
    pub fn has_trial_issuer(settings: &Settings) -> bool {
        settings.keys().join(access::token::trial::KEY_FILE).is_file()
    }

    /// Starts all of it.
    ///
    /// # Errors
    /// Where a database is not what it should be, a key cannot be read or the address is taken.
    pub async fn start(settings: &Settings, clock: SuiteClock) -> Result<Self, SuiteError> {
        let alone = data_folder::take(&settings.data).map_err(cannot("data folder"))?;
        migrate(settings, &clock).await?;
        let system: Arc<dyn SystemClock> = Arc::new(WallClock);
        let trial = Self::has_trial_issuer(settings);
        let issuer = Arc::new(if trial {
            TrialIssuer::open(&settings.keys(), system.clone()).map_err(cannot("trial issuer"))?
        } else {
            TrialIssuer::internal(system.clone()).map_err(cannot("token issuer"))?
        });
        let issuers = std::iter::once(issuer.as_issuer()).chain(settings.issuers.iter().cloned().map(Issuer::from));
        let verifier = Arc::new(Verifier::try_new(issuers, system.clone()).map_err(cannot("token issuers"))?);

        let bound = Server::bind(settings.listen.as_str()).await.map_err(cannot("listen"))?;
        let address = bound.local_addr();
        let apps = Apps::build(settings, &clock, &system, address, &issuer).await?;

        let decisions = Arc::new(CachedDecisions::new(apps.registry.uncached_decisions(), system.clone()));
        let rules = Rules::load().map_err(cannot("permissions"))?;
        let access = AccessLayer::new(rules, verifier, decisions.clone()).on_refused(apps.audits_refusals());
        let services = apps
            .services()
            .with(EventLogServiceServer::new(event_log::service(apps.logs())))
            .with(DeadLetterServiceServer::new(DeadLetters::new(apps.commands())))
            .with(AuditServiceServer::new(evidence::audit::service(apps.databases())));

        let (shutdown, failed) = (CancellationToken::new(), CancellationToken::new());
        let running = Running::start(apps.all().map(|(_, app)| app), &shutdown);
        let (mut tasks, broken) = (JoinSet::new(), failed.clone());
        tasks.spawn(async move {
            if let Err(error) = running.serve(bound, services, Edge::new(access)).await {
                tracing::error!(error = %error, "the suite ended");
                broken.cancel();
            }
        });
        let outbox = apps.notification.outbox().cloned();
        let outbox_address = show_outbox(settings, outbox, &mut tasks, &shutdown).await?;
        let clock = clock.business();
        Ok(Self {
            address,
            outbox_address,
            clock,
            issuer,
            trial,
            apps,
            decisions,
            shutdown,
            failed,
            tasks,
            _alone: alone,
        })
    }

    /// Where gRPC is served.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where the outbox is shown, where it is.
    pub fn outbox_address(&self) -> Option<SocketAddr> {
        self.outbox_address
    }

    /// Whether nobody can call yet, since nobody was made and no other issuer is known.
    pub fn is_untouched(&self) -> bool {
        !self.trial
    }

    /// The business time now.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A trial token of somebody.
    ///
    /// # Errors
    /// A sentence, where it is no principal's name.
    pub fn token(&self, principal: &str) -> Result<String, String> {
        let subject = Principal::parse(principal).map_err(|error| error.to_string())?;
        self.issuer.mint(&subject, Duration::from_secs(3600)).map_err(|error| error.to_string())
    }

    /// A client that calls with tokens of somebody.
    ///
    /// # Errors
    /// A sentence, where it is no principal's name.
    pub fn caller(&self, principal: &str) -> Result<Client, String> {
        export::caller(&self.address.to_string(), self.issuer.clone(), principal)
    }

    /// The mails that left: notification id and bytes.
    ///
    /// # Errors
    /// A sentence, where the outbox cannot be read.
    pub fn outbox(&self) -> Result<Vec<(String, Vec<u8>)>, String> {
        let Some(outbox) = self.apps.notification.outbox() else { return Ok(Vec::new()) };
        let list = outbox.list().map_err(|error| error.to_string())?;
        let read = list.into_iter().filter_map(|mail| match outbox.read(&mail.id) {
            Ok(raw) => raw.map(|raw| Ok((mail.notification, raw))),
            Err(error) => Some(Err(error.to_string())),
        });
        read.collect()
    }

    /// The calls that were placed, the earliest first.
    ///
    /// # Errors
    /// A sentence, where the outbox cannot be read.
    pub fn calls(&self) -> Result<Vec<PlacedCall>, String> {
        let placed = self.apps.notification.phones().list().map_err(|error| error.to_string())?;
        let read = |call: notification::PhonedCall| {
            let place_time = call.place_time.parse().map_err(|error| format!("{}: {error}", call.call))?;
            Ok(PlacedCall {
                call: call.call,
                notification: call.notification,
                case: call.case,
                person: call.person,
                to: call.to,
                spoken: call.spoken,
                place_time,
                from_copy: call.from_copy,
            })
        };
        placed.into_iter().map(read).collect()
    }

    /// Tells every timer that the clock has moved. Who may do what is asked anew: a decision lives 30 seconds of a machine's
    /// time, and a simulated clock jumps over the end of an absence or of a contract within less.
    pub fn wake(&self) {
        self.decisions.forget_all();
        for (_, app) in self.apps.all() {
            app.wake();
        }
    }

    /// Whether anything is under way, and what is due next.
    ///
    /// # Errors
    /// A sentence, where a database does not answer.
    pub async fn rest(&self) -> Result<Rest, String> {
        let mut rest = Rest::default();
        for (service, app) in self.apps.all() {
            let activity = app.activity().await.map_err(|error| format!("{service}: {error}"))?;
            rest.progress += activity.progress;
            rest.next_due = match (rest.next_due, activity.next_due) {
                (Some(one), Some(other)) => Some(one.min(other)),
                (one, other) => one.or(other),
            };
            if let Some(busy) = activity.busy() {
                rest.busy.get_or_insert(format!("{service}: {busy}"));
            }
        }
        self.subscriptions(&mut rest).await?;
        Ok(rest)
    }

    /// Adds what readers have not read yet.
    async fn subscriptions(&self, rest: &mut Rest) -> Result<(), String> {
        let mut ends = Vec::new();
        for log in self.apps.logs() {
            let activity = log.activity().await.map_err(|error| error.to_string())?;
            ends.push((log.service(), activity.last_position));
        }
        for (service, db) in self.apps.databases() {
            for subscription in event_log::subscriptions(&db).await.map_err(|error| error.to_string())? {
                rest.progress += subscription.position;
                let end = ends.iter().find(|(stream, _)| *stream == subscription.stream).map_or(0, |(_, end)| *end);
                if subscription.position < end {
                    let behind = end - subscription.position;
                    let what = format!("{service}: {} is {behind} events behind", subscription.subscription);
                    rest.busy.get_or_insert(what);
                }
            }
        }
        Ok(())
    }

    /// Returns when a part has ended that should not have.
    pub async fn failed(&self) {
        self.failed.cancelled().await;
    }

    /// Stops accepting, lets what is under way end, and returns when all has ended.
    pub async fn stop(mut self) {
        self.shutdown.cancel();
        while self.tasks.join_next().await.is_some() {}
    }
}

/// The services, each as it is apart.
struct Apps {
    registry: client_registry::App,
    escalation: escalation::App,
    notification: notification::App,
    reporting: reporting::App,
}

impl Apps {
    async fn build(
        settings: &Settings,
        clock: &SuiteClock,
        system: &Arc<dyn SystemClock>,
        address: SocketAddr,
        issuer: &Arc<TrialIssuer>,
    ) -> Result<Self, SuiteError> {
        let transport = settings.transport().map_err(cannot("event log"))?;
        let composing = Composing { clock: clock.business(), system, transport, address, issuer };
        let channel = |service| composing.channel(service);
        let (at_escalation, at_notification) = (channel(escalation::SERVICE)?, channel(notification::SERVICE)?);
        let at_reporting = channel(reporting::SERVICE)?;
        let escalation_peers =
            escalation::Peers { client_registry: at_escalation.clone(), notification: at_escalation };
        let notification_peers = notification::Peers {
            client_registry: at_notification.clone(),
            escalation: at_notification.clone(),
            reporting: at_notification,
        };
        let reporting_peers = reporting::Peers {
            client_registry: at_reporting.clone(),
            escalation: at_reporting.clone(),
            notification: at_reporting,
        };
        let mail = settings.mail();
        Ok(Self {
            registry: composing.app(embedded(client_registry::SERVICE, settings, Nothing {}), ()).await?,
            escalation: composing
                .app(embedded(escalation::SERVICE, settings, escalation::config::Own::default()), escalation_peers)
                .await?,
            notification: composing.app(embedded(notification::SERVICE, settings, mail), notification_peers).await?,
            reporting: composing
                .app(embedded(reporting::SERVICE, settings, reporting::config::Own::default()), reporting_peers)
                .await?,
        })
    }

    fn all(&self) -> [(&'static str, &dyn Service); 4] {
        [
            (client_registry::SERVICE, &self.registry),
            (escalation::SERVICE, &self.escalation),
            (notification::SERVICE, &self.notification),
            (reporting::SERVICE, &self.reporting),
        ]
    }

    fn services(&self) -> Services {
        self.all().into_iter().fold(Services::new(), |services, (_, app)| app.add_services(services))
    }

    fn logs(&self) -> Vec<EventLog> {
        self.all().into_iter().map(|(_, app)| app.log()).collect()
    }

    fn commands(&self) -> Vec<(&'static str, Commands)> {
        self.all().into_iter().map(|(name, app)| (name, app.commands().clone())).collect()
    }

    fn databases(&self) -> Vec<(&'static str, database::Database)> {
        self.all().into_iter().map(|(name, app)| (name, app.database())).collect()
    }

    /// Writes a refused call into the audit of the service that was called.
    fn audits_refusals(&self) -> access::OnRefused {
        let hooks = self.all().map(|(name, app)| (name.replace('-', "_"), app.commands().audits_refusals()));
        let [(_, registry), ..] = &hooks;
        let registry = registry.clone();
        Arc::new(move |principal, method, reason| {
            let package = method.split('.').nth(1).unwrap_or_default();
            let hook = hooks.iter().find(|(name, _)| name == package).map_or(&registry, |(_, hook)| hook);
            hook(principal, method, reason)
        })
    }
}

/// What the suite hands to every service that it composes.
struct Composing<'a> {
    clock: Arc<dyn BusinessClock>,
    system: &'a Arc<dyn SystemClock>,
    transport: Transport,
    address: SocketAddr,
    issuer: &'a Arc<TrialIssuer>,
}

impl Composing<'_> {
    async fn app<S: Process>(&self, config: Config<S::Own>, peers: S::Peers) -> Result<S, SuiteError> {
        let deps = Deps {
            clock: self.clock.clone(),
            system: self.system.clone(),
            transport: self.transport.clone(),
            // Gaps are filled over gRPC, as they would be apart.
            replayer: Arc::new(EventLogServiceClient::new(self.channel(S::NAME)?)),
            peers,
        };
        S::build(&config, deps).await.map_err(cannot(S::NAME))
    }

    /// A channel to the suite itself, in the name of one of its services.
    fn channel(&self, service: &str) -> Result<Client, SuiteError> {
        let subject = Principal::parse(&format!("services/{service}")).map_err(cannot("service"))?;
        let tokens = TokenSource::trial(self.issuer.clone(), subject);
        runtime::client::connect(&format!("http://{}", self.address), tokens).map_err(cannot("address"))
    }
}

/// See [`Suite::unused`].
async fn look<S: Process>(settings: &Settings) -> Result<(), SuiteError> {
    let used = |why: String| SuiteError { what: "demo", why };
    let transport = settings.transport().map_err(cannot("event log"))?;
    if transport.has_stream(S::NAME).await.map_err(cannot("event log"))? {
        let why = "the demo needs a Redis of its own: name another, or leave LIAISON__REDIS out";
        return Err(used(format!("Redis holds events of {} already; {why}", S::NAME)));
    }
    let url = settings.database_url(S::NAME);
    let url = url.expose_secret();
    // Connecting makes a SQLite file where there is none.
    let file = url.strip_prefix("sqlite://").map(|file| file.split('?').next().unwrap_or(file));
    if file.is_some_and(|file| !Path::new(file).exists()) {
        return Ok(());
    }
    let db = Database::connect(url).await.map_err(cannot(S::NAME))?;
    let pending = db.pending(S::MIGRATIONS).await.map_err(cannot(S::NAME))?.len();
    db.close().await.map_err(cannot(S::NAME))?;
    if pending == S::MIGRATIONS.iter().map(|set| set.steps.len()).sum::<usize>() {
        return Ok(());
    }
    let setting = format!("LIAISON__DATABASE__{}", S::NAME.replace('-', "_").to_uppercase());
    Err(used(format!(
        "the database of {} holds tables already; the demo needs empty databases of its own, for it marks them for trials \
         for good and throws their keys away: name others, or leave {setting} out",
        S::NAME
    )))
}

/// Brings the databases up to date. A suite in one process is its own operator.
async fn migrate(settings: &Settings, clock: &SuiteClock) -> Result<(), SuiteError> {
    async fn one<S: Process>(settings: &Settings, clock: &SuiteClock) -> Result<(), SuiteError> {
        let (now, trial) = (clock.business().now(), clock.is_simulated());
        let config = embedded(S::NAME, settings, ());
        service::migrate(S::MIGRATIONS, &config.base, now, trial).await.map(drop).map_err(cannot(S::NAME))
    }
    one::<client_registry::App>(settings, clock).await?;
    one::<escalation::App>(settings, clock).await?;
    one::<notification::App>(settings, clock).await?;
    one::<reporting::App>(settings, clock).await
}

fn embedded<Own>(service: &str, settings: &Settings, own: Own) -> Config<Own> {
    Config::embedded(settings.database_url(service), settings.kek(service), own)
}

async fn show_outbox(
    settings: &Settings,
    outbox: Option<LocalOutbox>,
    tasks: &mut JoinSet<()>,
    shutdown: &CancellationToken,
) -> Result<Option<SocketAddr>, SuiteError> {
    let Some(outbox) = outbox.filter(|_| !settings.outbox_listen.is_empty()) else { return Ok(None) };
    let listener = TcpListener::bind(&settings.outbox_listen).await.map_err(cannot("listen for the outbox"))?;
    let address = listener.local_addr().map_err(cannot("listen for the outbox"))?;
    let router = outbox_page::router(outbox, Hosts::new(&settings.outbox_listen, address.ip()));
    let shutdown = shutdown.clone();
    tasks.spawn(async move {
        let served = axum::serve(listener, router).with_graceful_shutdown(shutdown.cancelled_owned());
        if let Err(error) = served.await {
            tracing::error!(error = %error, "the outbox page ended");
        }
    });
    Ok(Some(address))
}

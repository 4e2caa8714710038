//! All services in one process: composed here, and nowhere else.
//!
//! Each keeps its own database, event log, timers and audit; they reach each other as they would apart, by gRPC through
//! the front door and by events. What differs from separate processes is that one server answers for all of them, and
//! that, unless settings say otherwise, the databases are SQLite files and the event log runs in the process.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use access::{
    AccessLayer, CachedDecisions, Issuer, Principal, PrincipalKind, Rules, TokenSource, TrialIssuer, Verifier,
};
use business_time::{BusinessClock, ManualClock, SystemClock, Timestamp, WallClock};
use client_registry::RegistryDecisions;
use contracts::{
    event::v1::event_log_service_server::EventLogServiceServer, evidence::v1::audit_service_server::AuditServiceServer,
};
use event_log::EventLog;
use notification::LocalOutbox;
use runtime::{
    client::Client,
    server::{Edge, Server, Services},
};
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;

use crate::{export, outbox_page, settings::Settings};

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
}

struct Apps {
    registry: client_registry::App,
    escalation: escalation::App,
    notification: notification::App,
}

impl Suite {
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
        migrate(settings, &clock).await?;
        let transport = settings.transport().map_err(cannot("event log"))?;
        let deps = client_registry::Deps {
            clock: clock.business(),
            system: Arc::new(WallClock),
            transport,
            replayer: Arc::new(Vec::<EventLog>::new()),
        };
        let registry =
            client_registry::App::build(&registry_config(settings), deps).await.map_err(cannot("client-registry"))?;
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
        migrate(settings, &clock).await?;
        let system: Arc<dyn SystemClock> = Arc::new(WallClock);
        let trial = Self::has_trial_issuer(settings);
        let issuer = Arc::new(if trial {
            TrialIssuer::open(&settings.keys(), system.clone()).map_err(cannot("trial issuer"))?
        } else {
            TrialIssuer::passing(system.clone()).map_err(cannot("token issuer"))?
        });
        let mut own = issuer.as_issuer();
        if !trial {
            // The suite's services speak to each other by it; nobody else can be made by it.
            own.speaks_for = vec![PrincipalKind::Service];
        }
        let issuers = std::iter::once(own).chain(settings.issuers.iter().cloned().map(Issuer::from));
        let verifier = Arc::new(Verifier::try_new(issuers, system.clone()).map_err(cannot("token issuers"))?);

        let bound = Server::bind(settings.listen.as_str()).await.map_err(cannot("listen"))?;
        let address = bound.local_addr();
        let apps = Apps::build(settings, &clock, &system, address, &issuer).await?;

        let decisions = Arc::new(CachedDecisions::new(apps.registry.decisions(), system.clone()));
        let rules = Rules::load().map_err(cannot("permissions"))?;
        let access = AccessLayer::new(rules, verifier, decisions.clone()).on_refused(apps.audits_refusals());
        let services = apps
            .services()
            .with(EventLogServiceServer::new(event_log::service(apps.logs())))
            .with(AuditServiceServer::new(evidence::audit::service(apps.databases())));

        let (shutdown, failed) = (CancellationToken::new(), CancellationToken::new());
        let mut tasks = apps.spawn(&shutdown);
        let (stop, broken) = (shutdown.clone(), failed.clone());
        tasks.spawn(async move {
            if let Err(error) = bound.serve(services, Edge::new(access), stop).await {
                tracing::error!(error = %error, "the server ended");
            }
            broken.cancel();
        });
        let outbox = apps.notification.outbox().clone();
        let outbox_address = show_outbox(settings, outbox, &mut tasks, &shutdown).await?;
        let clock = clock.business();
        Ok(Self { address, outbox_address, clock, issuer, trial, apps, decisions, shutdown, failed, tasks })
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
        let outbox = self.apps.notification.outbox();
        let list = outbox.list().map_err(|error| error.to_string())?;
        let read = list.into_iter().filter_map(|mail| match outbox.read(&mail.id) {
            Ok(raw) => raw.map(|raw| Ok((mail.notification, raw))),
            Err(error) => Some(Err(error.to_string())),
        });
        read.collect()
    }

    /// Tells every timer that the clock has moved. Who may do what is asked anew: a decision lives 30 seconds of a machine's
    /// time, and a simulated clock jumps over the end of an absence or of a contract within less.
    pub fn wake(&self) {
        self.decisions.forget_all();
        self.apps.registry.wake();
        self.apps.escalation.wake();
        self.apps.notification.wake();
    }

    /// Whether anything is under way, and what is due next.
    ///
    /// # Errors
    /// A sentence, where a database does not answer.
    pub async fn rest(&self) -> Result<Rest, String> {
        let mut rest = Rest::default();
        let activities = [
            ("client-registry", self.apps.registry.activity().await),
            ("escalation", self.apps.escalation.activity().await),
            ("notification", self.apps.notification.activity().await),
        ];
        for (service, activity) in activities {
            let activity = activity.map_err(|error| format!("{service}: {error}"))?;
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

impl Apps {
    async fn build(
        settings: &Settings,
        clock: &SuiteClock,
        system: &Arc<dyn SystemClock>,
        address: SocketAddr,
        issuer: &Arc<TrialIssuer>,
    ) -> Result<Self, SuiteError> {
        let transport = settings.transport().map_err(cannot("event log"))?;
        let peer = |service: &str| -> Result<Client, SuiteError> {
            let subject = Principal::parse(&format!("services/{service}")).map_err(cannot("service"))?;
            let tokens = TokenSource::trial(issuer.clone(), subject);
            runtime::client::connect(&format!("http://{address}"), tokens).map_err(cannot("address"))
        };
        // Gaps are filled over gRPC, as they would be apart.
        let replayer = |client: Client| -> Arc<dyn event_log::Replayer> {
            Arc::new(contracts::event::v1::event_log_service_client::EventLogServiceClient::new(client))
        };
        let configs = (registry_config(settings), escalation_config(settings), notification_config(settings));
        let registry = client_registry::App::build(
            &configs.0,
            client_registry::Deps {
                clock: clock.business(),
                system: system.clone(),
                transport: transport.clone(),
                replayer: replayer(peer("client-registry")?),
            },
        );
        let escalation = escalation::App::build(
            &configs.1,
            escalation::Deps {
                clock: clock.business(),
                system: system.clone(),
                transport: transport.clone(),
                replayer: replayer(peer("escalation")?),
                peers: escalation::Peers { client_registry: peer("escalation")?, notification: peer("escalation")? },
            },
        );
        let notification = notification::App::build(
            &configs.2,
            notification::Deps {
                clock: clock.business(),
                system: system.clone(),
                transport,
                replayer: replayer(peer("notification")?),
                peers: notification::Peers { registry: peer("notification")?, escalation: peer("notification")? },
            },
        );
        Ok(Self {
            registry: registry.await.map_err(cannot("client-registry"))?,
            escalation: escalation.await.map_err(cannot("escalation"))?,
            notification: notification.await.map_err(cannot("notification"))?,
        })
    }

    fn services(&self) -> Services {
        let services = self.registry.add_services(Services::new());
        let services = self.escalation.add_services(services);
        self.notification.add_services(services)
    }

    fn logs(&self) -> Vec<EventLog> {
        vec![self.registry.log(), self.escalation.log(), self.notification.log()]
    }

    fn databases(&self) -> Vec<(&'static str, database::Database)> {
        vec![
            ("client-registry", self.registry.database()),
            ("escalation", self.escalation.database()),
            ("notification", self.notification.database()),
        ]
    }

    fn spawn(&self, shutdown: &CancellationToken) -> JoinSet<()> {
        let mut tasks = JoinSet::new();
        for mut parts in [
            self.registry.spawn(shutdown.clone()),
            self.escalation.spawn(shutdown.clone()),
            self.notification.spawn(shutdown.clone()),
        ] {
            tasks.spawn(async move { while parts.join_next().await.is_some() {} });
        }
        tasks
    }

    /// Writes a refused call into the audit of the service that was called.
    fn audits_refusals(&self) -> access::OnRefused {
        let registry = self.registry.commands().audits_refusals();
        let escalation = self.escalation.commands().audits_refusals();
        let notification = self.notification.commands().audits_refusals();
        Arc::new(move |principal, method, reason| {
            let hook = match method.split('.').nth(1) {
                Some("escalation") => &escalation,
                Some("notification") => &notification,
                _ => &registry,
            };
            hook(principal, method, reason)
        })
    }
}

/// Brings the databases up to date. A suite in one process is its own operator.
async fn migrate(settings: &Settings, clock: &SuiteClock) -> Result<(), SuiteError> {
    let (now, trial) = (clock.business().now(), clock.is_simulated());
    client_registry::App::migrate(&registry_config(settings), now, trial).await.map_err(cannot("client-registry"))?;
    escalation::App::migrate(&escalation_config(settings), now, trial).await.map_err(cannot("escalation"))?;
    notification::App::migrate(&notification_config(settings), now, trial).await.map_err(cannot("notification"))?;
    Ok(())
}

fn registry_config(settings: &Settings) -> client_registry::Config {
    client_registry::Config::embedded(settings.database_url("client-registry"), settings.kek("client-registry"))
}

fn escalation_config(settings: &Settings) -> escalation::Config {
    escalation::Config::embedded(settings.database_url("escalation"), settings.kek("escalation"))
}

fn notification_config(settings: &Settings) -> notification::Config {
    let (database, kek) = (settings.database_url("notification"), settings.kek("notification"));
    notification::Config::embedded(database, kek, settings.outbox())
}

async fn show_outbox(
    settings: &Settings,
    outbox: LocalOutbox,
    tasks: &mut JoinSet<()>,
    shutdown: &CancellationToken,
) -> Result<Option<SocketAddr>, SuiteError> {
    if settings.outbox_listen.is_empty() {
        return Ok(None);
    }
    let listener = TcpListener::bind(&settings.outbox_listen).await.map_err(cannot("listen for the outbox"))?;
    let address = listener.local_addr().map_err(cannot("listen for the outbox"))?;
    let router = outbox_page::router(outbox);
    let shutdown = shutdown.clone();
    tasks.spawn(async move {
        let served = axum::serve(listener, router).with_graceful_shutdown(shutdown.cancelled_owned());
        if let Err(error) = served.await {
            tracing::error!(error = %error, "the outbox page ended");
        }
    });
    Ok(Some(address))
}

//! The composition root.

use std::{sync::Arc, time::Duration};

use access::{CachedDecisions, Decisions, RemoteDecisions, TokenSource};
use async_trait::async_trait;
use business_time::SystemClock;
use command::{Activity, Fault};
use contracts::escalation::v1::case_service_server::CaseServiceServer;
use database::MigrationSet;
use event_log::{Handler, Reader};
use runtime::{Client, Services, client::connect};
use service::{Base, Owners, Process, Service, StartError, config::needed, process::Outcome};
use timers::{Ticker, Waker, work::Worker};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::{
    Config, MIGRATIONS, SERVICE,
    case::{
        Cases, Unsettled,
        clocks::{self, CaseClocks},
    },
    config::Own,
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
pub type Deps = service::Deps<Peers>;

/// The services that this one calls, each with this service's own token.
#[derive(Clone, Debug)]
pub struct Peers {
    /// Clients, calendars, policies, who may what.
    pub client_registry: Client,
    /// Mails and deliveries, where its events cannot be had one by one.
    pub notification: Client,
}

/// The service, composed.
#[derive(Clone)]
pub struct App {
    base: Base,
    cases: Cases,
    registry: Registry,
    decisions: Arc<dyn Decisions>,
    hub: Hub,
    endpoint: CaseEndpoint,
    stopping: CancellationToken,
    deps: Arc<Deps>,
}

#[async_trait]
impl Service for App {
    fn base(&self) -> &Base {
        &self.base
    }

    fn add_services(&self, services: Services) -> Services {
        services.with(CaseServiceServer::new(self.endpoint.clone()))
    }

    fn work(&self, tasks: &mut JoinSet<()>, shutdown: &CancellationToken) {
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
        self.read(tasks, &wakers, shutdown);
        self.cases.wake_with(wakers);

        let (cases, stop) = (self.cases.clone(), shutdown.clone());
        tasks.spawn(async move {
            // A new release may bring another zone database or holiday table.
            let mut pause = Duration::from_secs(1);
            while let Err(fault) = cases.settle(&Unsettled::OnOlderData).await {
                tracing::error!(error = %fault, "clocks on older data were not computed anew, trying again");
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = tokio::time::sleep(pause) => pause = (pause * 2).min(Duration::from_secs(60)),
                }
            }
            stop.cancelled().await;
        });
        let (stopping, stop) = (self.stopping.clone(), shutdown.clone());
        tasks.spawn(async move {
            stop.cancelled().await;
            stopping.cancel();
        });
    }

    fn wake(&self) {
        self.cases.committed();
    }

    async fn activity(&self) -> Result<Activity, Fault> {
        let (db, now) = (self.database(), self.commands().now());
        let due = timers::claim::next_due(&db, clocks::TABLE).await;
        let due = due.map_err(|error| Fault::Stored(error.to_string()))?;
        Ok(Activity::of(&self.log(), &db, now).await?.with_timer(due, now))
    }
}

#[async_trait]
impl Process for App {
    const NAME: &'static str = SERVICE;
    const PREFIX: &'static str = "ESCALATION";
    const LISTEN: &'static str = "127.0.0.1:7402";
    const MIGRATIONS: &'static [MigrationSet] = MIGRATIONS;
    type Own = Own;
    type Peers = Peers;

    fn connect(own: &Own, system: Arc<dyn SystemClock>) -> Outcome<(Peers, Owners)> {
        let client_registry = needed("client_registry_url", &own.client_registry_url)?;
        let notification = needed("notification_url", &own.notification_url)?;
        let tokens = TokenSource::file(needed("token_file", &own.token_file)?.clone(), system);
        let client_registry = connect(client_registry, tokens.clone())?;
        let notification = connect(notification, tokens)?;
        let owners =
            Owners::new([("client-registry", client_registry.clone()), ("notification", notification.clone())]);
        Ok((Peers { client_registry, notification }, owners))
    }

    async fn build(config: &Config, deps: Deps) -> Result<Self, StartError> {
        Self::build_with(config, deps, RECHECK).await
    }

    fn decisions(&self) -> Arc<dyn Decisions> {
        self.decisions.clone()
    }
}

impl App {
    /// As [`Process::build`], with another interval at which a watcher's scope is asked again.
    ///
    /// # Errors
    /// As [`Process::build`].
    #[doc(hidden)]
    pub async fn build_with(config: &Config, deps: Deps, recheck: Duration) -> Result<Self, StartError> {
        let base = Base::open(SERVICE, MIGRATIONS, &config.base, &deps).await?;
        let cases = Cases::new(base.commands.clone());
        let registry = Registry::new(deps.peers.client_registry.clone());
        let remote = RemoteDecisions::new(deps.peers.client_registry.clone());
        let decisions: Arc<dyn Decisions> = Arc::new(CachedDecisions::new(remote, deps.system.clone()));
        let (hub, stopping) = (Hub::new(base.log.clone()), CancellationToken::new());
        let watch = Watch::new(hub.clone(), cases.clone(), decisions.clone(), stopping.clone(), recheck);
        let endpoint = CaseEndpoint::new(base.commands.clone(), cases.clone(), registry.clone(), watch);
        Ok(Self { base, cases, registry, decisions, hub, endpoint, stopping, deps: Arc::new(deps) })
    }

    fn worker(&self, kind: Kind) -> Worker {
        let (registry, commands) = (self.registry.channel().clone(), self.base.commands.clone());
        let performer = fetch::performer(kind, registry, commands, self.cases.clone());
        let worker = Worker::new(self.database(), self.deps.clock.clone(), self.deps.system.clone(), performer);
        if self.deps.transport.is_in_process() { worker.alone() } else { worker }
    }

    fn read(&self, tasks: &mut JoinSet<()>, wakers: &[Waker], shutdown: &CancellationToken) {
        let handlers: [Arc<dyn Handler>; 2] = [
            Arc::new(FromClientRegistry::new(self.base.commands.clone(), self.registry.clone())),
            Arc::new(FromNotification::new(
                self.base.commands.clone(),
                self.cases.clone(),
                Notification::new(self.deps.peers.notification.clone()),
            )),
        ];
        for handler in handlers {
            let Deps { system, transport, replayer, .. } = &*self.deps;
            let reader = Reader::new(self.database(), system.clone(), transport.clone(), replayer.clone(), handler);
            let (commands, wakers) = (self.base.commands.clone(), wakers.to_vec());
            let reader = reader.after_commit(move || {
                commands.committed();
                wakers.iter().for_each(Waker::wake);
            });
            tasks.spawn(reader.run(shutdown.clone()));
        }
    }

    /// Its use cases, for tests that race them.
    #[doc(hidden)]
    pub fn cases(&self) -> &Cases {
        &self.cases
    }
}

//! The composition root.

use std::sync::Arc;

use access::{CachedDecisions, Decisions, RemoteDecisions, TokenSource};
use async_trait::async_trait;
use business_time::SystemClock;
use command::{Activity, Fault};
use contracts::reporting::v1::{
    report_schedule_service_server::ReportScheduleServiceServer, report_service_server::ReportServiceServer,
};
use database::MigrationSet;
use event_log::{Handler, Reader};
use runtime::{Client, Services, client::connect};
use service::{Base, Owners, Process, Service, StartError, config::needed, process::Outcome};
use timers::{
    Due, Ticker, Waker,
    work::{Performer, Worker},
};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::{
    Config, MIGRATIONS, SERVICE,
    config::Own,
    events::{
        from_client_registry::FromClientRegistry, from_escalation::FromEscalation, from_notification::FromNotification,
    },
    facts::Escalation,
    grpc::{reports::ReportEndpoint, schedules::ScheduleEndpoint},
    notification::Notification,
    registry::Registry,
    report::{
        Reports,
        clocks::{self, ReportClocks},
        drafting::Drafting,
    },
    schedule::{
        Schedules,
        clocks::{self as schedule_clocks, ScheduleClocks},
        fetch::FetchCalendar,
    },
};

/// What the service is handed by whoever composes it.
pub type Deps = service::Deps<Peers>;

/// The services that this one calls, each with this service's own token.
#[derive(Clone, Debug)]
pub struct Peers {
    /// Clients, engagements, contacts, calendars, the policy, who may what.
    pub client_registry: Client,
    /// Cases: the facts that drafts are made from.
    pub escalation: Client,
    /// What became of mails, where its events cannot be had one by one.
    pub notification: Client,
}

/// The service, composed.
#[derive(Clone)]
pub struct App {
    base: Base,
    reports: Reports,
    schedules: Schedules,
    registry: Registry,
    escalation: Escalation,
    decisions: Arc<dyn Decisions>,
    deps: Arc<Deps>,
}

#[async_trait]
impl Service for App {
    fn base(&self) -> &Base {
        &self.base
    }

    fn add_services(&self, services: Services) -> Services {
        let reports = ReportEndpoint::new(
            self.base.commands.clone(),
            self.reports.clone(),
            self.schedules.clone(),
            self.registry.clone(),
            self.escalation.clone(),
            self.decisions.clone(),
        );
        let schedules = ScheduleEndpoint::new(
            self.base.commands.clone(),
            self.schedules.clone(),
            self.reports.clone(),
            self.registry.clone(),
        );
        services.with(ReportServiceServer::new(reports)).with(ReportScheduleServiceServer::new(schedules))
    }

    fn work(&self, tasks: &mut JoinSet<()>, shutdown: &CancellationToken) {
        let mut wakers = Vec::new();
        let due: [Arc<dyn Due>; 2] = [
            Arc::new(ReportClocks::new(self.database(), self.reports.clone())),
            Arc::new(ScheduleClocks::new(self.database(), self.schedules.clone())),
        ];
        for due in due {
            let ticker = Ticker::new(self.database(), self.deps.clock.clone(), due);
            wakers.push(ticker.wake());
            tasks.spawn(ticker.run(shutdown.clone()));
        }
        let performers: [Arc<dyn Performer>; 2] = [
            Arc::new(Drafting::new(self.reports.clone(), self.registry.clone(), self.escalation.clone())),
            Arc::new(FetchCalendar::new(self.schedules.clone(), self.registry.clone())),
        ];
        for performer in performers {
            let worker = self.worker(performer);
            wakers.push(worker.wake());
            tasks.spawn(worker.run(shutdown.clone()));
        }
        self.read(tasks, &wakers, shutdown);
        self.reports.wake_with(wakers);
    }

    fn wake(&self) {
        self.reports.committed();
    }

    async fn activity(&self) -> Result<Activity, Fault> {
        let (db, now) = (self.database(), self.commands().now());
        let mut activity = Activity::of(&self.log(), &db, now).await?;
        for table in [clocks::TABLE, schedule_clocks::TABLE] {
            let due = timers::claim::next_due(&db, table).await.map_err(crate::work::fault)?;
            activity = activity.with_timer(due, now);
        }
        Ok(activity)
    }
}

#[async_trait]
impl Process for App {
    const NAME: &'static str = SERVICE;
    const PREFIX: &'static str = "REPORTING";
    const LISTEN: &'static str = "127.0.0.1:7404";
    const MIGRATIONS: &'static [MigrationSet] = MIGRATIONS;
    type Own = Own;
    type Peers = Peers;

    fn connect(own: &Own, system: Arc<dyn SystemClock>) -> Outcome<(Peers, Owners)> {
        let client_registry = needed("client_registry_url", &own.client_registry_url)?;
        let escalation = needed("escalation_url", &own.escalation_url)?;
        let notification = needed("notification_url", &own.notification_url)?;
        let tokens = TokenSource::file(needed("token_file", &own.token_file)?.clone(), system);
        let client_registry = connect(client_registry, tokens.clone())?;
        let escalation = connect(escalation, tokens.clone())?;
        let notification = connect(notification, tokens)?;
        let owners = Owners::new([
            ("client-registry", client_registry.clone()),
            ("escalation", escalation.clone()),
            ("notification", notification.clone()),
        ]);
        Ok((Peers { client_registry, escalation, notification }, owners))
    }

    async fn build(config: &Config, deps: Deps) -> Result<Self, StartError> {
        let base = Base::open(SERVICE, MIGRATIONS, &config.base, &deps).await?;
        let reports = Reports::new(base.commands.clone());
        let schedules = Schedules::new(base.commands.clone(), reports.clone());
        let registry = Registry::new(deps.peers.client_registry.clone());
        let escalation = Escalation::new(deps.peers.escalation.clone());
        let remote = RemoteDecisions::new(deps.peers.client_registry.clone());
        let decisions: Arc<dyn Decisions> = Arc::new(CachedDecisions::new(remote, deps.system.clone()));
        Ok(Self { base, reports, schedules, registry, escalation, decisions, deps: Arc::new(deps) })
    }

    fn decisions(&self) -> Arc<dyn Decisions> {
        self.decisions.clone()
    }
}

impl App {
    fn worker(&self, performer: Arc<dyn Performer>) -> Worker {
        let worker = Worker::new(self.database(), self.deps.clock.clone(), self.deps.system.clone(), performer);
        if self.deps.transport.is_in_process() { worker.alone() } else { worker }
    }

    fn read(&self, tasks: &mut JoinSet<()>, wakers: &[Waker], shutdown: &CancellationToken) {
        let commands = &self.base.commands;
        let notification = Notification::new(self.deps.peers.notification.clone());
        let handlers: [Arc<dyn Handler>; 3] = [
            Arc::new(FromClientRegistry::new(commands.clone(), self.schedules.clone())),
            Arc::new(FromEscalation::new(commands.clone(), self.reports.clone())),
            Arc::new(FromNotification::new(commands.clone(), self.reports.clone(), notification)),
        ];
        for handler in handlers {
            let Deps { system, transport, replayer, .. } = &*self.deps;
            let reader = Reader::new(self.database(), system.clone(), transport.clone(), replayer.clone(), handler);
            let (commands, wakers) = (commands.clone(), wakers.to_vec());
            let reader = reader.after_commit(move || {
                commands.committed();
                wakers.iter().for_each(Waker::wake);
            });
            tasks.spawn(reader.run(shutdown.clone()));
        }
    }
}

//! The composition root.

use std::sync::Arc;

use access::{CachedDecisions, Decisions};
use async_trait::async_trait;
use business_time::{BusinessClock, SystemClock};
use command::{Activity, Fault};
use contracts::client_registry::v1::{
    CreateStaffRequest, FirmRole, Staff, StaffKind, access_service_server::AccessServiceServer,
    calendar_service_server::CalendarServiceServer, client_service_server::ClientServiceServer,
    consent_service_server::ConsentServiceServer, contact_service_server::ContactServiceServer,
    engagement_service_server::EngagementServiceServer, plan_service_server::PlanServiceServer,
    policy_service_server::PolicyServiceServer, staff_service_server::StaffServiceServer,
};
use database::MigrationSet;
use refusal::Refusal;
use runtime::Services;
use service::{Base, Nothing, Owners, Process, Service, StartError, process::Outcome};
use timers::Ticker;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::{
    Config, MIGRATIONS, SERVICE,
    decision::RegistryDecisions,
    grpc::Api,
    staff::clocks::{self, AccessEnds, Bell},
    store::Store,
};

/// What the registry is handed by whoever composes it. It calls nobody, and reads nobody's events.
pub type Deps = service::Deps;

/// The registry, composed.
#[derive(Clone)]
pub struct App {
    base: Base,
    api: Api,
    clock: Arc<dyn BusinessClock>,
}

#[async_trait]
impl Service for App {
    fn base(&self) -> &Base {
        &self.base
    }

    fn add_services(&self, services: Services) -> Services {
        services
            .with(AccessServiceServer::new(self.api.clone()))
            .with(CalendarServiceServer::new(self.api.clone()))
            .with(ClientServiceServer::new(self.api.clone()))
            .with(ConsentServiceServer::new(self.api.clone()))
            .with(ContactServiceServer::new(self.api.clone()))
            .with(EngagementServiceServer::new(self.api.clone()))
            .with(PlanServiceServer::new(self.api.clone()))
            .with(PolicyServiceServer::new(self.api.clone()))
            .with(StaffServiceServer::new(self.api.clone()))
    }

    fn work(&self, tasks: &mut JoinSet<()>, shutdown: &CancellationToken) {
        let ends = Arc::new(AccessEnds::new(self.base.commands.clone()));
        let ticker = Ticker::new(self.database(), self.clock.clone(), ends);
        self.api.bell.hang(ticker.wake());
        tasks.spawn(ticker.run(shutdown.clone()));
    }

    fn wake(&self) {
        self.commands().committed();
        self.api.bell.ring();
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
    const PREFIX: &'static str = "CLIENT_REGISTRY";
    const LISTEN: &'static str = "127.0.0.1:7401";
    const MIGRATIONS: &'static [MigrationSet] = MIGRATIONS;
    type Own = Nothing;
    type Peers = ();

    fn connect(_: &Nothing, _: Arc<dyn SystemClock>) -> Outcome<((), Owners)> {
        Ok(((), Owners::new([])))
    }

    async fn build(config: &Config, deps: Deps) -> Result<Self, StartError> {
        let base = Base::open(SERVICE, MIGRATIONS, &config.base, &deps).await?;
        let store = Store { db: base.commands.db().clone(), keyring: base.commands.keyring().clone() };
        let decisions = RegistryDecisions::new(store.clone(), deps.clock.clone());
        let (commands, bell) = (base.commands.clone(), Bell::default());
        let api = Api { commands, store, decisions, system: deps.system, bell };
        Ok(Self { base, api, clock: deps.clock })
    }

    fn decisions(&self) -> Arc<dyn Decisions> {
        Arc::new(CachedDecisions::new(self.uncached_decisions(), self.api.system.clone()))
    }
}

impl App {
    /// Makes the first person, who is in management, on a registry without any. Everything after that goes through the
    /// API.
    ///
    /// # Errors
    /// `NOT_EMPTY` where there is anybody; else what CreateStaff refuses.
    pub async fn init(&self, staff_id: &str, display_name: &str, email: &str) -> Result<(), Refusal> {
        self.api
            .init(CreateStaffRequest {
                staff_id: staff_id.to_owned(),
                staff: Some(Staff {
                    display_name: display_name.to_owned(),
                    email: email.to_owned(),
                    kind: StaffKind::Employee.into(),
                    roles: vec![FirmRole::Management.into()],
                    ..Staff::default()
                }),
                ..CreateStaffRequest::default()
            })
            .await
    }

    /// Who may do what, from the registry's own tables and kept by nobody: stand [`CachedDecisions`] in front.
    pub fn uncached_decisions(&self) -> RegistryDecisions {
        self.api.decisions.clone()
    }
}

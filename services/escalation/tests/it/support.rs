//! A firm with one service: escalation over a database, a small registry, and two streams into which a test tells events.

use std::{sync::Arc, time::Duration};

use access::{AccessLayer, Role, Rules};
use business_time::{ManualClock, Timestamp, WallClock};
use contracts::{
    client_registry::v1::{Calendar, Closure, EscalationStep, EscalationTarget, Hours, Policy},
    escalation::v1::{
        Case, CaseDraft, CaseKind, ConfirmResolutionRequest, GetCaseRequest, ListCasesRequest,
        ListTimelineEntriesRequest, OpenCaseRequest, ProposeResolutionRequest, TimelineEntry, TimelineKind,
        case_service_client::CaseServiceClient,
    },
    notification::v1::{DeliverySucceeded, InquiryReceived, MailKind, MailNoted, NotificationKind},
};
use database::{Database, Value, query_all};
use escalation::{App, Config, Deps, MIGRATIONS, Peers, config::Own};
use event_log::{Bus, EventLog, NewEvent, Transport, subscriptions};
use keyring::Kek;
use prost::{Message, Name};
use runtime::{Client, Edge, Server, Services};
use service::{Process, Service};
use testkit::{Roster, TestDatabase, Tokens, eventually};
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::{Code, Status};

use crate::neighbours::{self, FakeNotification, FakeRegistry};

pub const ACME: &str = "clients/acme";
pub const OTHER: &str = "clients/other";
pub const ENGAGEMENT: &str = "clients/acme/engagements/pumps";
/// Contacts of acme; Colin may not confirm.
pub const CARLA: &str = "clients/acme/contacts/carla";
pub const COLIN: &str = "clients/acme/contacts/colin";
/// A contact of the other client.
pub const SAM: &str = "clients/other/contacts/sam";
/// Acme's account manager and team lead.
pub const ANNA: &str = "staff/anna";
pub const BEN: &str = "staff/ben";
/// The other client's account manager.
pub const OLGA: &str = "staff/olga";
pub const BOSS: &str = "staff/boss";
pub const AUDITOR: &str = "staff/auditor";

/// When the firm's clock begins: Monday, 10:15 in London, within hours.
pub const MONDAY: &str = "2026-06-01T09:15:00Z";
/// One business day later.
pub const TUESDAY: &str = "2026-06-02T09:15:00Z";

/// How long a test waits for what happens elsewhere.
pub const SOON: Duration = Duration::from_secs(20);

/// The firm.
pub struct World {
    pub clock: ManualClock,
    pub app: App,
    pub registry: FakeRegistry,
    /// What notification has; its events are told by `notification`.
    pub mailroom: FakeNotification,
    pub roster: Roster,
    pub notification: Neighbour,
    pub registry_events: Neighbour,
    pub db: TestDatabase,
    tokens: Tokens,
    url: String,
    config: Config,
    bus: Arc<Bus>,
    neighbours_url: String,
    stop: CancellationToken,
    _folder: tempfile::TempDir,
    _stop: DropGuard,
}

/// A service whose events a test tells.
pub struct Neighbour {
    log: EventLog,
    _db: TestDatabase,
}

impl Neighbour {
    async fn new(service: &'static str, bus: &Arc<Bus>, stop: &CancellationToken) -> Self {
        let db = TestDatabase::sqlite(&[event_log::MIGRATIONS]).await;
        let log = EventLog::new(service, db.database(), Arc::new(WallClock), Transport::InProcess(bus.clone()));
        let (relay, stop) = (log.clone(), stop.clone());
        tokio::spawn(async move { relay.run_relay(stop).await });
        Self { log, _db: db }
    }

    /// Tells an event.
    pub async fn tell<M: Message + Name>(&self, aggregate: &str, time: Timestamp, event: &M) {
        let tx = self._db.database().begin().await.unwrap();
        event_log::outbox::insert(&tx, NewEvent::new(aggregate, 1, time, event)).await.unwrap();
        tx.commit().await.unwrap();
        self.log.wake();
    }
}

impl World {
    /// Everything is known from the start: two clients on London time, a policy, everybody's roles.
    pub async fn new(db: TestDatabase) -> Self {
        let world = Self::strange(db).await;
        world.registry.put_calendar(london(1, &[]));
        world.registry.put_policy(policy(1));
        for client in [ACME, OTHER] {
            world.registry.put_client(client, "calendars/london", 1);
            world.introduce(client, 1).await;
        }
        world.tell_policy(1).await;
        world.quiet().await;
        world
    }

    /// As [`World::new`], with a registry that knows no client, calendar or policy yet.
    pub async fn strange(db: TestDatabase) -> Self {
        Self::with_recheck(db, Duration::from_secs(20)).await
    }

    /// As [`World::strange`], where a watcher's scope is asked again at another interval.
    pub async fn with_recheck(db: TestDatabase, recheck: Duration) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let kek_file = folder.path().join("kek");
        Kek::from_file_or_generate(&kek_file).unwrap();
        db.database().mark_trial().await.unwrap();
        let (clock, stop, bus) = (ManualClock::new(at(MONDAY)), CancellationToken::new(), Bus::new());
        let roster = Roster::new();
        roster
            .client(ANNA, Role::AccountManager, ACME)
            .client(BEN, Role::TeamLead, ACME)
            .client(OLGA, Role::AccountManager, OTHER)
            .client(CARLA, Role::ClientContact, ACME)
            .client(COLIN, Role::ClientContact, ACME)
            .client(SAM, Role::ClientContact, OTHER)
            .firm(BOSS, Role::Management)
            .firm(AUDITOR, Role::Auditor)
            .firm("services/notification", Role::Service(access::ServiceName::Notification));
        let registry = FakeRegistry::new(roster.clone());
        let mailroom = FakeNotification::default();
        registry.put_engagement(ENGAGEMENT);
        registry.put_contact(CARLA, true, false);
        registry.put_contact(COLIN, false, false);
        let neighbours_url = neighbours::serve(&registry, &mailroom, stop.clone()).await;
        let notification = Neighbour::new("notification", &bus, &stop).await;
        let registry_events = Neighbour::new("client-registry", &bus, &stop).await;
        let config = Config::embedded(db.url().to_owned(), kek_file, Own::default());
        let tokens = testkit::tokens();
        let logs = vec![notification.log.clone(), registry_events.log.clone()];
        let deps = deps(&clock, &bus, logs, &neighbours_url, &tokens);
        let app = App::build_with(&config, deps, recheck).await.unwrap();
        app.spawn(stop.clone()).detach_all();
        let url = serve(&app, &tokens, &roster, &stop).await;
        let _stop = stop.clone().drop_guard();
        Self {
            clock,
            app,
            registry,
            mailroom,
            roster,
            notification,
            registry_events,
            db,
            tokens,
            url,
            config,
            bus,
            neighbours_url,
            stop,
            _folder: folder,
            _stop,
        }
    }

    /// The same service once more over the same database, with connections and a server of its own; for races. It runs
    /// nothing by itself.
    pub async fn another(&self) -> Another {
        let logs = vec![self.notification.log.clone(), self.registry_events.log.clone()];
        let deps = deps(&self.clock, &self.bus, logs, &self.neighbours_url, &self.tokens);
        let app = App::build(&self.config, deps).await.unwrap();
        let url = serve(&app, &self.tokens, &self.roster, &self.stop).await;
        Another { app, url, tokens: self.tokens.clone() }
    }

    /// Runs what that one runs by itself, too.
    pub fn run(&self, another: &Another) {
        another.app.spawn(self.stop.clone()).detach_all();
    }

    /// Ends everything, as a signal does.
    pub fn shut_down(&self) {
        self.stop.cancel();
    }

    /// Calls in somebody's name.
    pub fn as_(&self, person: &str) -> CaseServiceClient<Client> {
        CaseServiceClient::new(runtime::client::connect(&self.url, self.tokens.source(person)).unwrap())
    }

    /// Tells that a client is known, with its calendar.
    pub async fn introduce(&self, client: &str, revision: u64) {
        let event = contracts::client_registry::v1::ClientRegistered {
            client: client.into(),
            revision,
            calendar: "calendars/london".into(),
        };
        self.registry_events.tell(client, self.clock.now(), &event).await;
    }

    pub async fn tell_policy(&self, version: u64) {
        let event = contracts::client_registry::v1::PolicyPublished { version };
        self.registry_events.tell(&format!("policies/{version}"), self.clock.now(), &event).await;
    }

    /// A mail of acme's Carla on a conversation.
    pub async fn mail(&self, mail: &str, thread: &str, received: &str) {
        self.notification.tell(mail, self.clock.now(), &inquiry(mail, thread, received)).await;
        self.quiet().await;
    }

    /// What came on a conversation and is nobody's word.
    pub async fn noted(&self, mail: &str, thread: &str, third_party: bool) {
        let event = MailNoted {
            mail: mail.into(),
            client: ACME.into(),
            thread: thread.into(),
            case: String::new(),
            kind: if third_party { MailKind::Personal } else { MailKind::Automatic }.into(),
            third_party,
            receive_time: Some(wire(self.clock.now())),
        };
        self.notification.tell(mail, self.clock.now(), &event).await;
        self.quiet().await;
    }

    /// Anna's reply to Carla, handed over at a time.
    pub async fn replied(&self, case: &str, time: &str) {
        self.handed_over(NotificationKind::Reply, ANNA, case, &[CARLA], time).await;
    }

    pub async fn handed_over(&self, kind: NotificationKind, author: &str, case: &str, to: &[&str], time: &str) {
        self.notification.tell("notifications/n", self.clock.now(), &delivery(kind, author, case, to, time)).await;
        self.quiet().await;
    }

    /// Moves the clock and waits until nothing is under way.
    pub async fn at(&self, time: &str) {
        self.clock.set(at(time));
        self.app.wake();
        self.quiet().await;
    }

    /// Waits until every event is handled and nothing is due.
    pub async fn quiet(&self) {
        let mut before = None;
        eventually(SOON, async || {
            let now = self.progress().await;
            let still = now.is_some() && now == before;
            before = now;
            still
        })
        .await;
    }

    /// How far everything is; none while something is under way.
    async fn progress(&self) -> Option<(u64, u64)> {
        let mut told = 0;
        for neighbour in [&self.notification, &self.registry_events] {
            let log = neighbour.log.activity().await.unwrap();
            if log.unrelayed > 0 {
                return None;
            }
            let states = subscriptions(&self.db.database()).await.unwrap();
            let state = states.iter().find(|state| state.stream == neighbour.log.service())?;
            assert_eq!(state.dead_letters, 0, "an event became a dead letter");
            if state.position < log.last_position {
                return None;
            }
            told += state.position;
        }
        let activity = self.app.activity().await.unwrap();
        // What an unanswering registry is asked for again comes due later.
        (activity.busy().is_none()).then_some((told, activity.progress))
    }

    /// Begins a new incarnation of a neighbour's stream and waits until this service took its state over.
    pub async fn lose(&self, neighbour: &Neighbour) {
        let taken_over = async || {
            let states = subscriptions(&self.db.database()).await.unwrap();
            states.iter().find(|state| state.stream == neighbour.log.service()).map_or(0, |state| state.snapshots)
        };
        let before = taken_over().await;
        neighbour.log.new_incarnation().await.unwrap();
        eventually(SOON, async || taken_over().await > before).await;
    }

    /// Opens a case of acme in somebody's name.
    pub async fn open(&self, person: &str, kind: CaseKind) -> Case {
        let request = OpenCaseRequest { case: Some(draft(ACME, kind)), request_id: String::new() };
        self.as_(person).open_case(request).await.unwrap().into_inner().case.unwrap()
    }

    /// An issue with a proposal of Anna's.
    pub async fn proposed(&self) -> Case {
        let case = self.open(CARLA, CaseKind::Issue).await;
        self.propose(&case.name, "We replace the pump on Friday.").await
    }

    pub async fn propose(&self, case: &str, text: &str) -> Case {
        let request = ProposeResolutionRequest { name: case.into(), text: text.into(), ..Default::default() };
        self.as_(ANNA).propose_resolution(request).await.unwrap().into_inner().case.unwrap()
    }

    pub async fn confirm(&self, person: &str, case: &str, revision: u64) -> Result<Case, Status> {
        confirm(&mut self.as_(person), case, revision).await
    }

    /// A case as management sees it.
    pub async fn case(&self, name: &str) -> Case {
        let request = GetCaseRequest { name: name.into() };
        self.as_(BOSS).get_case(request).await.unwrap().into_inner().case.unwrap()
    }

    /// Every case, the newest first.
    pub async fn cases(&self) -> Vec<Case> {
        let request = ListCasesRequest { page_size: 200, ..Default::default() };
        self.as_(BOSS).list_cases(request).await.unwrap().into_inner().cases
    }

    /// The one case there is.
    pub async fn only_case(&self) -> Case {
        let mut cases = self.cases().await;
        assert_eq!(cases.len(), 1, "{cases:?}");
        cases.remove(0)
    }

    /// A case's timeline.
    pub async fn timeline(&self, case: &str) -> Vec<TimelineEntry> {
        let request = ListTimelineEntriesRequest { parent: case.into(), page_size: 200, ..Default::default() };
        self.as_(BOSS).list_timeline_entries(request).await.unwrap().into_inner().entries
    }

    /// The kinds on a case's timeline, in order, for example `OPENED CLOCK_SET`.
    pub async fn kinds(&self, case: &str) -> String {
        let entries = self.timeline(case).await;
        let name = |entry: &TimelineEntry| entry.kind().as_str_name().trim_start_matches("TIMELINE_KIND_").to_owned();
        entries.iter().map(name).collect::<Vec<_>>().join(" ")
    }

    /// The entries of one kind on a case's timeline.
    pub async fn entries(&self, case: &str, kind: TimelineKind) -> Vec<TimelineEntry> {
        self.timeline(case).await.into_iter().filter(|entry| entry.kind() == kind).collect()
    }

    /// The types of the events that were told, in order.
    pub async fn told(&self) -> Vec<String> {
        self.quiet().await;
        let events = self.app.log().replay(0, 0, 500).await.unwrap().events;
        events.iter().map(|event| event.type_name().rsplit('.').next().unwrap().to_owned()).collect()
    }

    /// The events of one type that were told.
    pub async fn events<M: Message + Name + Default>(&self) -> Vec<M> {
        self.quiet().await;
        let events = self.app.log().replay(0, 0, 500).await.unwrap().events;
        events.iter().filter_map(|event| event.decode().unwrap()).collect()
    }

    /// Rows of a query over the service's database.
    pub async fn rows(&self, sql: &str, values: Vec<Value>) -> Vec<database::QueryResult> {
        query_all(self.db.database().reader(), sql, values).await.unwrap()
    }
}

/// See [`World::another`].
pub struct Another {
    pub app: App,
    url: String,
    tokens: Tokens,
}

impl Another {
    pub fn as_(&self, person: &str) -> CaseServiceClient<Client> {
        CaseServiceClient::new(runtime::client::connect(&self.url, self.tokens.source(person)).unwrap())
    }
}

fn deps(clock: &ManualClock, bus: &Arc<Bus>, logs: Vec<EventLog>, neighbours: &str, tokens: &Tokens) -> Deps {
    let channel = runtime::client::connect(neighbours, tokens.source("services/escalation")).unwrap();
    Deps {
        clock: Arc::new(clock.clone()),
        system: Arc::new(WallClock),
        transport: Transport::InProcess(bus.clone()),
        replayer: Arc::new(logs),
        peers: Peers { client_registry: channel.clone(), notification: channel },
    }
}

async fn serve(app: &App, tokens: &Tokens, roster: &Roster, stop: &CancellationToken) -> String {
    let bound = Server::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", bound.local_addr());
    let access = AccessLayer::new(Rules::load().unwrap(), tokens.verifier(), Arc::new(roster.clone()))
        .on_refused(app.commands().audits_refusals());
    let services = app.add_services(Services::new());
    tokio::spawn(bound.serve(services, Edge::new(access), stop.clone()));
    url
}

pub async fn confirm(of: &mut CaseServiceClient<Client>, case: &str, revision: u64) -> Result<Case, Status> {
    let request =
        ConfirmResolutionRequest { name: case.into(), proposal_revision: revision, request_id: String::new() };
    Ok(of.confirm_resolution(request).await?.into_inner().case.unwrap())
}

pub fn draft(client: &str, kind: CaseKind) -> CaseDraft {
    CaseDraft { client: client.into(), engagement: String::new(), kind: kind.into(), subject: "The pump leaks".into() }
}

pub fn inquiry(mail: &str, thread: &str, received: &str) -> InquiryReceived {
    InquiryReceived {
        mail: mail.into(),
        client: ACME.into(),
        contact: CARLA.into(),
        thread: thread.into(),
        case: String::new(),
        receive_time: Some(wire(at(received))),
    }
}

pub fn delivery(kind: NotificationKind, author: &str, case: &str, to: &[&str], time: &str) -> DeliverySucceeded {
    DeliverySucceeded {
        // Each delivery is of a notification of its own.
        notification: format!("notifications/{}", uuid::Uuid::new_v4()),
        kind: kind.into(),
        client: ACME.into(),
        case: case.into(),
        author: author.into(),
        recipients: to.iter().map(|person| (*person).to_owned()).collect(),
        stand_ins_for: Vec::new(),
        hand_over_time: Some(wire(at(time))),
        ..DeliverySucceeded::default()
    }
}

/// London, nine to half past five on weekdays, closed on these dates besides.
pub fn london(revision: u64, closures: &[&str]) -> Calendar {
    let hours = |day| Hours { day, open: "09:00".into(), close: "17:30".into() };
    Calendar {
        name: "calendars/london".into(),
        time_zone: "Europe/London".into(),
        week: (1..=5).map(hours).collect(),
        holiday_regions: vec!["GB-ENG".into()],
        closures: closures.iter().map(|date| Closure { date: (*date).into(), label: String::new() }).collect(),
        revision,
        etag: String::new(),
    }
}

/// The team lead after 24 hours, management after 48; a reminder a day.
pub fn policy(version: u64) -> Policy {
    let step = |hours: i64, target: EscalationTarget| EscalationStep {
        after: Some(prost_types::Duration { seconds: hours * 3600, nanos: 0 }),
        target: target.into(),
    };
    Policy {
        name: format!("policies/{version}"),
        version,
        first_response_business_days: 1,
        escalation_steps: vec![step(24, EscalationTarget::TeamLead), step(48, EscalationTarget::Management)],
        confirmation_reminder: Some(prost_types::Duration { seconds: 86_400, nanos: 0 }),
        ..Policy::default()
    }
}

pub fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub fn wire(time: Timestamp) -> prost_types::Timestamp {
    command::wire::proto_time(time)
}

pub fn time(time: Option<prost_types::Timestamp>) -> Timestamp {
    command::wire::from_proto_time(&time.unwrap()).unwrap()
}

/// The code and reason of a refusal.
#[track_caller]
pub fn refused<T: std::fmt::Debug>(answer: Result<T, Status>) -> (Code, String) {
    let status = answer.unwrap_err();
    (status.code(), refusal::reason(&status).unwrap_or_default())
}

/// Locks rows on a connection of its own, so that others wait.
pub struct Held {
    tx: database::DatabaseTransaction,
    db: Database,
}

impl Held {
    pub async fn case(db: &TestDatabase, name: &str) -> Self {
        let other = db.another().await;
        let tx = other.begin().await.unwrap();
        let id = name.strip_prefix("cases/").unwrap();
        let sql = "SELECT id FROM client_case WHERE id = ? FOR UPDATE";
        assert_eq!(query_all(&tx, sql, vec![id.into()]).await.unwrap().len(), 1);
        Self { tx, db: other }
    }

    /// Waits until this many others wait for a lock, then lets them go.
    pub async fn release_when_waited_for(self, by: usize) {
        let sql =
            "SELECT 1 AS one FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
        eventually(SOON, async || query_all(self.db.reader(), sql, vec![]).await.unwrap().len() >= by).await;
        self.tx.rollback().await.unwrap();
    }
}

pub const SETS: &[database::MigrationSet] = MIGRATIONS;

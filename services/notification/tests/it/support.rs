//! A firm with one service: notification over a database, a small registry and a small escalation that answer it, two streams
//! into which a test tells events, and a provider that a test can break at a given point.

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use access::{AccessLayer, Rules};
use business_time::{ManualClock, Timestamp, WallClock};
use contracts::{
    client_registry::v1::{Calendar, CalendarChanged, IncidentPartiesChanged, PolicyPublished},
    escalation::v1::{CaseKind, CaseOpened, CaseOrigin},
    notification::v1::{
        DeliverMailRequest, DeliverMailResponse, GetMailRequest, GetNotificationRequest, ListMailsRequest,
        ListNotificationsRequest, Mail, Notification, NotificationKind, SendMessageRequest,
        call_service_client::CallServiceClient, inbound_service_client::InboundServiceClient,
        notification_service_client::NotificationServiceClient,
    },
};
use database::{Value, exec, query_all, query_one};
use event_log::{Bus, EventLog, NewEvent, Transport, subscriptions};
use keyring::Kek;
use notification::{
    App, Config, Deps, LocalOutbox, LocalPhones, MIGRATIONS, Peers, Providers,
    config::{Own, TwilioSettings},
};
use prost::{Message, Name};
use runtime::{Client, Edge, Server, Services};
use service::Service;
use testkit::{MigrationSet, Roster, TestDatabase, Tokens, eventually};
use tokio::task::JoinSet;
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::{escalation::FakeEscalation, registry::FakeRegistry};
pub use crate::{firm::*, provider::*};

/// How long a test waits for what happens elsewhere.
pub const SOON: Duration = Duration::from_secs(30);

pub fn sets() -> Vec<MigrationSet> {
    MIGRATIONS.to_vec()
}

/// The firm.
pub struct House {
    pub db: TestDatabase,
    /// Business time.
    pub clock: ManualClock,
    /// System time of permits, claims and leases; another day, so that the two are told apart.
    pub system: ManualClock,
    pub app: App,
    pub registry: FakeRegistry,
    pub escalation: FakeEscalation,
    pub roster: Roster,
    pub provider: Breakable,
    /// For the mails of critical incidents; into the same outbox.
    pub alert_provider: Breakable,
    pub phones: BreakablePhones,
    pub escalation_events: Neighbour,
    pub registry_events: Neighbour,
    tokens: Tokens,
    url: String,
    bus: Arc<Bus>,
    client_registry_url: String,
    escalation_url: String,
    kek_file: PathBuf,
    tasks: JoinSet<()>,
    serving: CancellationToken,
    _folder: tempfile::TempDir,
    _stop: DropGuard,
}

/// A service whose events a test tells.
pub struct Neighbour {
    log: EventLog,
    db: TestDatabase,
}

impl Neighbour {
    async fn new(service: &'static str, bus: &Arc<Bus>, stop: &CancellationToken) -> Self {
        let db = TestDatabase::sqlite(&[event_log::MIGRATIONS]).await;
        let log = EventLog::new(service, db.database(), Arc::new(WallClock), Transport::InProcess(bus.clone()));
        let (relay, stop) = (log.clone(), stop.clone());
        tokio::spawn(async move { relay.run_relay(stop).await });
        Self { log, db }
    }

    /// Begins a new incarnation, as after a restore: what was told before is not to be had one by one any more.
    pub async fn forget_the_past(&self) {
        self.log.new_incarnation().await.unwrap();
        self.log.wake();
    }

    /// Tells an event.
    pub async fn tell<M: Message + Name>(&self, aggregate: &str, time: Timestamp, event: &M) {
        let tx = self.db.database().begin().await.unwrap();
        event_log::outbox::insert(&tx, NewEvent::new(aggregate, 1, time, event)).await.unwrap();
        tx.commit().await.unwrap();
        self.log.wake();
    }
}

impl House {
    /// Everything is known from the start: two clients, their people, a policy, the firm's calendar.
    pub async fn new(db: TestDatabase) -> Self {
        let house = Self::strange(db).await;
        house.furnish();
        house.tell_policy(1).await;
        house.quiet().await;
        house
    }

    /// As [`House::new`], with settings of its own beside the outbox.
    pub async fn with(db: TestDatabase, own: Own) -> Self {
        let house = Self::made(db, own).await;
        house.furnish();
        house.tell_policy(1).await;
        house.quiet().await;
        house
    }

    /// As [`House::new`], listening for the callbacks of this account.
    pub async fn called_back(db: TestDatabase, twilio: TwilioSettings) -> Self {
        let house = Self::made(db, Own { twilio, ..Own::default() }).await;
        house.furnish();
        house.tell_policy(1).await;
        house.quiet().await;
        house
    }

    /// Where it takes LMTP.
    pub async fn lmtp(&self) -> SocketAddr {
        eventually(SOON, async || self.app.lmtp_address().is_some()).await;
        self.app.lmtp_address().unwrap()
    }

    /// Takes a table away, so that whoever needs it fails.
    pub async fn take_table_away(&self, table: &str) {
        self.rename(table, &format!("{table}_away")).await;
    }

    pub async fn bring_table_back(&self, table: &str) {
        self.rename(&format!("{table}_away"), table).await;
    }

    async fn rename(&self, from: &str, to: &str) {
        let tx = self.db.database().begin().await.unwrap();
        exec(&tx, &format!("ALTER TABLE {from} RENAME TO {to}"), vec![]).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// A registry that knows people, but no policy and no calendar yet.
    pub async fn strange(db: TestDatabase) -> Self {
        Self::made(db, Own::default()).await
    }

    async fn made(db: TestDatabase, own: Own) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let kek_file = folder.path().join("kek");
        Kek::from_file_or_generate(&kek_file).unwrap();
        db.database().mark_trial().await.unwrap();
        let (clock, system) = (ManualClock::new(at(MONDAY)), ManualClock::new(at("2030-01-01T00:00:00Z")));
        let (stop, bus, tokens, roster) = (CancellationToken::new(), Bus::new(), testkit::tokens(), roster());
        let registry = FakeRegistry::new(roster.clone());
        people(&registry);
        let escalation = FakeEscalation::default();
        let client_registry_url = registry.serve(stop.clone()).await;
        let escalation_url = escalation.serve(stop.clone()).await;
        let outbox = LocalOutbox::open(folder.path().join("outbox")).unwrap();
        let (provider, alert_provider) = (Breakable::new(outbox.clone()), Breakable::new(outbox));
        let phones = BreakablePhones::new(LocalPhones::open(folder.path().join("calls")).unwrap());
        let escalation_events = Neighbour::new("escalation", &bus, &stop).await;
        let registry_events = Neighbour::new("client-registry", &bus, &stop).await;
        let parts = Parts {
            clock: &clock,
            system: &system,
            bus: &bus,
            logs: vec![escalation_events.log.clone(), registry_events.log.clone()],
            client_registry_url: &client_registry_url,
            escalation_url: &escalation_url,
            tokens: &tokens,
        };
        let own = Own { outbox: Some(provider.outbox.folder().to_owned()), ..own };
        let config = Config::embedded(db.url().to_owned(), kek_file.clone(), own);
        let app = App::build_with(&config, parts.deps(), providers(&provider, &alert_provider, &phones)).await.unwrap();
        let serving = stop.child_token();
        let url = serve(&app, &tokens, &roster, &serving).await;
        let tasks = app.spawn(serving.clone());
        Self {
            db,
            clock,
            system,
            app,
            registry,
            escalation,
            roster,
            provider,
            alert_provider,
            phones,
            escalation_events,
            registry_events,
            tokens,
            url,
            bus,
            client_registry_url,
            escalation_url,
            kek_file,
            tasks,
            serving,
            _folder: folder,
            _stop: stop.drop_guard(),
        }
    }

    /// Puts policy and calendar into the registry.
    pub fn furnish(&self) {
        let mut state = self.registry.state();
        state.policy = Some(policy());
        state.calendars.insert("calendars/london".into(), london(1));
    }

    /// Kills the process: what runs is dropped where it stands.
    pub async fn kill(&mut self) {
        self.tasks.abort_all();
        while self.tasks.join_next().await.is_some() {}
        self.serving.cancel();
    }

    /// Starts it again over what the killed one left, once its claims have run out.
    pub async fn start_again(&mut self) {
        self.system.advance("2m".parse().unwrap());
        let parts = Parts {
            clock: &self.clock,
            system: &self.system,
            bus: &self.bus,
            logs: vec![self.escalation_events.log.clone(), self.registry_events.log.clone()],
            client_registry_url: &self.client_registry_url,
            escalation_url: &self.escalation_url,
            tokens: &self.tokens,
        };
        let config = config(&self.db, &self.kek_file, &self.provider);
        let providers = providers(&self.provider, &self.alert_provider, &self.phones);
        self.app = App::build_with(&config, parts.deps(), providers).await.unwrap();
        self.serving = CancellationToken::new();
        self.url = serve(&self.app, &self.tokens, &self.roster, &self.serving).await;
        self.tasks = self.app.spawn(self.serving.clone());
    }

    /// Ends what runs, as a signal does.
    pub fn shut_down(&self) {
        self.serving.cancel();
    }

    pub fn channel(&self, person: &str) -> Client {
        runtime::client::connect(&self.url, self.tokens.source(person)).unwrap()
    }

    pub fn inbound(&self, person: &str) -> InboundServiceClient<Client> {
        InboundServiceClient::new(self.channel(person))
    }

    pub fn calls(&self, person: &str) -> CallServiceClient<Client> {
        CallServiceClient::new(self.channel(person))
    }

    pub fn outbound(&self, person: &str) -> NotificationServiceClient<Client> {
        NotificationServiceClient::new(self.channel(person))
    }

    /// Hands a mail over, received now.
    pub async fn deliver(&self, raw: &str) -> DeliverMailResponse {
        self.try_deliver(raw.as_bytes().to_vec(), Some(self.clock.now())).await.unwrap()
    }

    pub async fn try_deliver(
        &self,
        raw: Vec<u8>,
        receive_time: Option<Timestamp>,
    ) -> Result<DeliverMailResponse, Status> {
        let request = DeliverMailRequest {
            raw,
            envelope_from: Some("somebody@client.example".into()),
            receive_time: receive_time.map(wire),
            envelope_to: Vec::new(),
            request_id: String::new(),
        };
        self.inbound(MTA).deliver_mail(request).await.map(tonic::Response::into_inner)
    }

    /// Hands a mail over and waits until it is known whose it is.
    pub async fn take(&self, raw: &str) -> Mail {
        let name = self.deliver(raw).await.mail.unwrap().name;
        self.quiet().await;
        self.mail(&name).await
    }

    /// A mail as management sees it.
    pub async fn mail(&self, name: &str) -> Mail {
        let request = GetMailRequest { name: name.into() };
        self.inbound(BOSS).get_mail(request).await.unwrap().into_inner().mail.unwrap()
    }

    pub async fn mails(&self, person: &str) -> Vec<Mail> {
        let request = ListMailsRequest { page_size: 200, ..Default::default() };
        self.inbound(person).list_mails(request).await.unwrap().into_inner().mails
    }

    /// Every notification of a kind as management sees them, the oldest first.
    pub async fn notifications(&self, kind: NotificationKind) -> Vec<Notification> {
        let request = ListNotificationsRequest { page_size: 200, ..Default::default() };
        let all = self.outbound(BOSS).list_notifications(request).await.unwrap().into_inner().notifications;
        all.into_iter().rev().filter(|one| one.kind() == kind).collect()
    }

    pub async fn only(&self, kind: NotificationKind) -> Notification {
        let mut found = self.notifications(kind).await;
        assert_eq!(found.len(), 1, "{found:?}");
        found.remove(0)
    }

    pub async fn notification(&self, name: &str) -> Notification {
        let request = GetNotificationRequest { name: name.into() };
        self.outbound(BOSS).get_notification(request).await.unwrap().into_inner().notification.unwrap()
    }

    /// Anna's reply to acme on a case.
    pub async fn reply(&self, case: &str, text: &str) -> Result<Notification, Status> {
        self.send(ANNA, reply(case, text)).await
    }

    pub async fn send(&self, person: &str, request: SendMessageRequest) -> Result<Notification, Status> {
        let answer = self.outbound(person).send_message(request).await?;
        Ok(answer.into_inner().notification.unwrap())
    }

    /// Tells that a mail opened a case.
    pub async fn open_case(&self, case: &str, mail: &Mail) {
        let event = CaseOpened {
            case: case.into(),
            client: mail.client.clone(),
            engagement: String::new(),
            kind: CaseKind::Inquiry.into(),
            origin: CaseOrigin::Mail.into(),
            mail: mail.name.clone(),
            thread: mail.thread.clone(),
            opener: mail.contact.clone(),
            open_time: Some(wire(self.clock.now())),
        };
        self.tell(case, &event).await;
    }

    /// Tells an event of escalation's and waits for nothing.
    pub async fn only_tell<M: Message + Name>(&self, case: &str, event: &M) {
        self.escalation_events.tell(case, self.clock.now(), event).await;
    }

    /// Tells that who is told of incidents changed; of the firm where `client` is empty.
    pub async fn tell_parties(&self, client: &str) {
        let revision = {
            let mut state = self.registry.state();
            state.incident_revision += 1;
            state.incident_revision
        };
        let event = IncidentPartiesChanged { client: client.into(), revision };
        self.registry_events.tell(client, self.clock.now(), &event).await;
        self.quiet().await;
    }

    /// Tells an event of escalation's and waits until everything that follows is done.
    pub async fn tell<M: Message + Name>(&self, case: &str, event: &M) {
        self.escalation_events.tell(case, self.clock.now(), event).await;
        self.quiet().await;
    }

    pub async fn tell_policy(&self, version: u64) {
        let event = PolicyPublished { version };
        self.registry_events.tell(&format!("policies/{version}"), self.clock.now(), &event).await;
    }

    /// Gives the firm another calendar, and tells it.
    pub async fn change_calendar(&self, calendar: Calendar) {
        let event = CalendarChanged { calendar: calendar.name.clone(), revision: calendar.revision };
        self.registry.state().calendars.insert(calendar.name.clone(), calendar);
        self.registry_events.tell(&event.calendar, self.clock.now(), &event).await;
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
        for neighbour in [&self.escalation_events, &self.registry_events] {
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
        activity.busy().is_none().then_some((told, activity.progress))
    }

    /// What the service told of a type, in order, whether it is on its way already or not.
    pub async fn told<M: Message + Name + Default>(&self) -> Vec<M> {
        let sql = "SELECT payload FROM outbox WHERE type_url = ? ORDER BY seq";
        let rows = query_all(self.db.database().reader(), sql, vec![M::type_url().into()]).await.unwrap();
        rows.iter().map(|row| M::decode(row.try_get::<Vec<u8>>("", "payload").unwrap().as_slice()).unwrap()).collect()
    }

    /// The numbers of a count query.
    pub async fn count(&self, sql: &str, values: Vec<Value>) -> i64 {
        let row = query_one(self.db.database().reader(), sql, values).await.unwrap().unwrap();
        row.try_get::<i64>("", "n").unwrap()
    }

    /// Every byte and text of a table's rows.
    pub async fn everything_in(&self, table: &str, columns: &[&str]) -> Vec<u8> {
        let mut all = Vec::new();
        for column in columns {
            let sql = format!("SELECT {column} AS it FROM {table}");
            for row in query_all(self.db.database().reader(), &sql, vec![]).await.unwrap() {
                match row.try_get::<Option<Vec<u8>>>("", "it") {
                    Ok(bytes) => all.extend(bytes.unwrap_or_default()),
                    Err(_) => all.extend(row.try_get::<String>("", "it").unwrap().into_bytes()),
                }
            }
        }
        all
    }
}

struct Parts<'a> {
    clock: &'a ManualClock,
    system: &'a ManualClock,
    bus: &'a Arc<Bus>,
    logs: Vec<EventLog>,
    client_registry_url: &'a str,
    escalation_url: &'a str,
    tokens: &'a Tokens,
}

impl Parts<'_> {
    fn deps(self) -> Deps {
        let peer = |url: &str| runtime::client::connect(url, self.tokens.source("services/notification")).unwrap();
        Deps {
            clock: Arc::new(self.clock.clone()),
            system: Arc::new(self.system.clone()),
            transport: Transport::InProcess(self.bus.clone()),
            peers: Peers {
                client_registry: peer(self.client_registry_url),
                escalation: peer(self.escalation_url),
                // Nobody is there: tests of reports run the real one, with the suite.
                reporting: peer(self.escalation_url),
            },
            replayer: Arc::new(self.logs),
        }
    }
}

fn providers(mail: &Breakable, alert_mail: &Breakable, phones: &BreakablePhones) -> Providers {
    Providers {
        mail: Arc::new(mail.clone()),
        alert_mail: Arc::new(alert_mail.clone()),
        phones: Arc::new(phones.clone()),
    }
}

fn config(db: &TestDatabase, kek_file: &std::path::Path, provider: &Breakable) -> Config {
    Config::embedded(db.url().to_owned(), kek_file, Own::embedded(provider.outbox.folder()))
}

async fn serve(app: &App, tokens: &Tokens, roster: &Roster, stop: &CancellationToken) -> String {
    let bound = Server::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", bound.local_addr());
    let access = AccessLayer::new(Rules::load().unwrap(), tokens.verifier(), Arc::new(roster.clone()))
        .on_refused(app.commands().audits_refusals());
    tokio::spawn(bound.serve(app.add_services(Services::new()), Edge::new(access), stop.clone()));
    url
}

/// The code and reason of a refusal.
/// The fields at fault.
pub fn fields<T: std::fmt::Debug>(answer: &Result<T, Status>) -> Vec<String> {
    let details = answer.as_ref().unwrap_err().get_details_bad_request().unwrap();
    details.field_violations.into_iter().map(|fault| fault.field).collect()
}

pub fn refused<T: std::fmt::Debug>(answer: Result<T, Status>) -> (Code, String) {
    let status = answer.unwrap_err();
    let reason = status.get_details_error_info().map(|info| info.reason).unwrap_or_default();
    (status.code(), reason)
}

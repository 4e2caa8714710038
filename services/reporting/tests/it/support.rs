//! A firm with one service: reporting over a database, small neighbours, and streams into which a test tells events.

use std::{sync::Arc, time::Duration};

use access::{AccessLayer, Role, Rules};
use business_time::{ManualClock, Timestamp, WallClock};
use contracts::{
    client_registry::v1::{Calendar, Client as RegistryClient, Closure, Contact, Engagement, Hours, Policy, Staff},
    notification::v1::{DeliveryBlocked, DeliverySucceeded, NotificationKind},
    reporting::v1::{
        ApproveReportRequest, CreateReportRequest, DistributionMethod, GetReportRequest, LanguageOverride,
        ListReportsRequest, Report, ReportFormat, ReportSchedule, ReportType, SubmitReportRequest, UpdateReportRequest,
        report_schedule_service_client::ReportScheduleServiceClient, report_service_client::ReportServiceClient,
    },
};
use event_log::{Bus, EventLog, NewEvent, Transport, subscriptions};
use keyring::Kek;
use prost::{Message, Name};
use reporting::{App, Config, Deps, MIGRATIONS, Peers, config::Own};
use runtime::{Client, Edge, Server, Services};
use service::{Process, Service};
use testkit::{Roster, TestDatabase, Tokens, eventually};
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::{Code, Status};

use crate::neighbours::{self, Neighbours};

pub const ACME: &str = "clients/acme";
pub const ENGAGEMENT: &str = "clients/acme/engagements/pumps";
pub const OTHER_ENGAGEMENT: &str = "clients/other/engagements/lamps";
pub const JO: &str = "clients/acme/contacts/jo";
pub const SAM: &str = "clients/acme/contacts/sam";
/// Active no more.
pub const GONE: &str = "clients/acme/contacts/gone";
/// Acme's account manager, team lead, and one of its team.
pub const ANNA: &str = "staff/anna";
pub const BEN: &str = "staff/ben";
pub const CARLA: &str = "staff/carla";
/// The other client's account manager.
pub const OLGA: &str = "staff/olga";
pub const BOSS: &str = "staff/boss";
pub const AUDITOR: &str = "staff/auditor";

/// When the firm's clock begins: Monday, 10:15 in London.
pub const MONDAY: &str = "2026-03-09T10:15:00Z";

/// How long a test waits for what happens elsewhere.
pub const SOON: Duration = Duration::from_secs(30);

pub const SETS: &[database::MigrationSet] = MIGRATIONS;

/// A text that nobody would object to.
pub const PLAIN: &str = "Hello,\n\nwe sent the forms on Tuesday. Nothing else is open.\n\nKind regards";

/// The firm.
pub struct World {
    pub clock: ManualClock,
    pub app: App,
    pub neighbours: Neighbours,
    pub notification: Neighbour,
    pub registry: Neighbour,
    pub escalation: Neighbour,
    pub db: TestDatabase,
    tokens: Tokens,
    url: String,
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

    pub async fn tell<M: Message + Name>(&self, aggregate: &str, time: Timestamp, event: &M) {
        let tx = self.db.database().begin().await.unwrap();
        event_log::outbox::insert(&tx, NewEvent::new(aggregate, 1, time, event)).await.unwrap();
        tx.commit().await.unwrap();
        self.log.wake();
    }
}

impl World {
    pub async fn new(db: TestDatabase) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let kek_file = folder.path().join("kek");
        Kek::from_file_or_generate(&kek_file).unwrap();
        db.database().mark_trial().await.unwrap();
        let (clock, stop, bus) = (ManualClock::new(at(MONDAY)), CancellationToken::new(), Bus::new());
        let roster = Roster::new();
        roster
            .client(ANNA, Role::AccountManager, ACME)
            .client(BEN, Role::TeamLead, ACME)
            .client(CARLA, Role::ProjectTeam, ACME)
            .client(OLGA, Role::AccountManager, "clients/other")
            .client(JO, Role::ClientContact, ACME)
            .firm(BOSS, Role::Management)
            .firm(AUDITOR, Role::Auditor)
            .firm("services/notification", Role::Service(access::ServiceName::Notification));
        let neighbours = Neighbours::new(roster.clone());
        furnish(&neighbours);
        let neighbours_url = neighbours::serve(&neighbours, stop.clone()).await;
        let notification = Neighbour::new("notification", &bus, &stop).await;
        let registry = Neighbour::new("client-registry", &bus, &stop).await;
        let escalation = Neighbour::new("escalation", &bus, &stop).await;
        let config = Config::embedded(db.url().to_owned(), kek_file, Own::default());
        let tokens = testkit::tokens();
        let channel = runtime::client::connect(&neighbours_url, tokens.source("services/reporting")).unwrap();
        let deps = Deps {
            clock: Arc::new(clock.clone()),
            system: Arc::new(WallClock),
            transport: Transport::InProcess(bus.clone()),
            replayer: Arc::new(vec![notification.log.clone(), registry.log.clone(), escalation.log.clone()]),
            peers: Peers { client_registry: channel.clone(), escalation: channel.clone(), notification: channel },
        };
        let app = App::build(&config, deps).await.unwrap();
        app.spawn(stop.clone()).detach_all();
        let bound = Server::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", bound.local_addr());
        let access = AccessLayer::new(Rules::load().unwrap(), tokens.verifier(), Arc::new(roster))
            .on_refused(app.commands().audits_refusals());
        tokio::spawn(bound.serve(app.add_services(Services::new()), Edge::new(access), stop.clone()));
        let _stop = stop.drop_guard();
        Self { clock, app, neighbours, notification, registry, escalation, db, tokens, url, _folder: folder, _stop }
    }

    fn channel(&self, person: &str) -> Client {
        runtime::client::connect(&self.url, self.tokens.source(person)).unwrap()
    }

    pub fn as_(&self, person: &str) -> ReportServiceClient<Client> {
        ReportServiceClient::new(self.channel(person))
    }

    pub fn schedules(&self, person: &str) -> ReportScheduleServiceClient<Client> {
        ReportScheduleServiceClient::new(self.channel(person))
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

    async fn progress(&self) -> Option<(u64, u64)> {
        let mut told = 0;
        for neighbour in [&self.notification, &self.registry, &self.escalation] {
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

    /// A status update of Anna's for a week, drafted.
    pub async fn draft(&self, period: &str) -> Report {
        let created = self.as_(ANNA).create_report(by_hand(period)).await.unwrap().into_inner().report.unwrap();
        self.quiet().await;
        self.report(&created.name).await
    }

    /// A status update with a text of Ben's.
    pub async fn written(&self, text: &str) -> Report {
        let draft = self.draft("2026-W11").await;
        self.write(BEN, &draft, text).await.unwrap()
    }

    /// A status update that waits for Anna.
    pub async fn submitted(&self) -> Report {
        let report = self.written(PLAIN).await;
        self.submit(BEN, &report.name, Vec::new()).await.unwrap()
    }

    /// A status update that Anna has approved.
    pub async fn approved(&self) -> Report {
        let report = self.submitted().await;
        self.approve(ANNA, &report.name, report.text_version).await.unwrap()
    }

    pub async fn write(&self, person: &str, report: &Report, text: &str) -> Result<Report, Status> {
        let request = UpdateReportRequest {
            name: report.name.clone(),
            text: text.into(),
            etag: report.etag.clone(),
            ..UpdateReportRequest::default()
        };
        Ok(self.as_(person).update_report(request).await?.into_inner().report.unwrap())
    }

    pub async fn submit(&self, person: &str, name: &str, overrides: Vec<LanguageOverride>) -> Result<Report, Status> {
        let request = SubmitReportRequest { name: name.into(), overrides, ..SubmitReportRequest::default() };
        Ok(self.as_(person).submit_report(request).await?.into_inner().report.unwrap())
    }

    pub async fn approve(&self, person: &str, name: &str, text_version: u64) -> Result<Report, Status> {
        let request = ApproveReportRequest { name: name.into(), text_version, request_id: String::new() };
        Ok(self.as_(person).approve_report(request).await?.into_inner().report.unwrap())
    }

    /// A report as management sees it.
    pub async fn report(&self, name: &str) -> Report {
        let request = GetReportRequest { name: name.into() };
        self.as_(BOSS).get_report(request).await.unwrap().into_inner().report.unwrap()
    }

    /// Every report, the oldest first.
    pub async fn reports(&self) -> Vec<Report> {
        let request = ListReportsRequest { page_size: 200, ..ListReportsRequest::default() };
        let mut reports = self.as_(BOSS).list_reports(request).await.unwrap().into_inner().reports;
        reports.reverse();
        reports
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

    /// notification handed a report's mail to a contact over.
    pub async fn handed_over(&self, report: &str, contact: &str, time: &str) {
        let event = DeliverySucceeded {
            notification: format!("notifications/{}", contact.rsplit('/').next().unwrap()),
            kind: NotificationKind::Report.into(),
            client: ACME.into(),
            report: report.into(),
            audience: contact.into(),
            recipients: vec![contact.into()],
            hand_over_time: Some(wire(at(time))),
            ..DeliverySucceeded::default()
        };
        self.notification.tell("notifications/n", self.clock.now(), &event).await;
        self.quiet().await;
    }

    /// notification was not allowed to send it.
    pub async fn blocked(&self, report: &str, contact: &str) {
        let event = DeliveryBlocked {
            notification: "notifications/n".into(),
            kind: NotificationKind::Report.into(),
            client: ACME.into(),
            report: report.into(),
            audience: contact.into(),
            reason: "RECIPIENT_INACTIVE".into(),
            ..DeliveryBlocked::default()
        };
        self.notification.tell("notifications/n", self.clock.now(), &event).await;
        self.quiet().await;
    }
}

fn furnish(neighbours: &Neighbours) {
    let mut state = neighbours.state();
    for (client, manager) in [(ACME, ANNA), ("clients/other", OLGA)] {
        let known = RegistryClient {
            name: client.into(),
            calendar: "calendars/london".into(),
            account_manager: manager.into(),
            ..RegistryClient::default()
        };
        state.clients.insert(client.into(), known);
    }
    state.calendars.insert("calendars/london".into(), london(1, &[]));
    for (name, display_name) in [(ENGAGEMENT, "Pumps"), (OTHER_ENGAGEMENT, "Lamps")] {
        let engagement = Engagement { name: name.into(), display_name: display_name.into(), ..Engagement::default() };
        state.engagements.insert(name.into(), engagement);
    }
    for (name, inactive) in [(JO, false), (SAM, false), (GONE, true)] {
        state.contacts.insert(name.into(), Contact { name: name.into(), inactive, ..Contact::default() });
    }
    for (name, display_name) in [(BEN, "Ben Weiss"), (CARLA, "Carla Ruiz")] {
        let person = Staff { name: name.into(), display_name: display_name.into(), ..Staff::default() };
        state.staff.insert(name.into(), person);
    }
    state.policy = Some(Policy { name: "policies/1".into(), version: 1, ..Policy::default() });
}

/// A status update of acme's pumps for a week, due on Friday, for Jo and Sam.
pub fn by_hand(period: &str) -> CreateReportRequest {
    CreateReportRequest {
        engagement: ENGAGEMENT.into(),
        r#type: ReportType::StatusUpdate.into(),
        format: ReportFormat::EmailSummary.into(),
        distribution: DistributionMethod::Email.into(),
        period: period.into(),
        due_time: Some(wire(at("2026-03-13T16:00:00Z"))),
        recipients: vec![JO.into(), SAM.into()],
        ..CreateReportRequest::default()
    }
}

/// Each Friday at four, to Jo.
pub fn fridays() -> ReportSchedule {
    ReportSchedule {
        engagement: ENGAGEMENT.into(),
        r#type: ReportType::StatusUpdate.into(),
        format: ReportFormat::EmailSummary.into(),
        distribution: DistributionMethod::Email.into(),
        weekday: 5,
        local_time: "16:00".into(),
        recipients: vec![JO.into()],
        ..ReportSchedule::default()
    }
}

/// London, nine to half past five on weekdays, closed on these dates besides.
pub fn london(revision: u64, closures: &[&str]) -> Calendar {
    let hours = |day| Hours { day, open: "09:00".into(), close: "17:30".into() };
    Calendar {
        name: "calendars/london".into(),
        time_zone: "Europe/London".into(),
        week: (1..=5).map(hours).collect(),
        closures: closures.iter().map(|date| Closure { date: (*date).into(), label: String::new() }).collect(),
        revision,
        ..Calendar::default()
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

/// The fields at fault.
#[track_caller]
pub fn faults<T: std::fmt::Debug>(answer: Result<T, Status>) -> Vec<String> {
    use tonic_types::StatusExt;
    let details = answer.unwrap_err().get_details_bad_request();
    let faults = details.map(|details| details.field_violations).unwrap_or_default();
    faults.into_iter().map(|fault| fault.field).collect()
}

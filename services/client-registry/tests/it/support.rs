//! A registry that answers, and short ways to set a firm up through its API.

use std::sync::Arc;

use access::{AccessLayer, Rules};
use business_time::{ManualClock, Timestamp};
use client_registry::{App, Config, Deps};
use contracts::client_registry::v1::{
    Absence, Audience, AuthorizeSendRequest, Calendar, Channel as SendChannel, Client, Contact, CreateAbsenceRequest,
    CreateCalendarRequest, CreateClientRequest, CreateContactRequest, CreateEngagementRequest, CreateStaffRequest,
    Engagement, EscalationStep, EscalationTarget, FirmRole, Hours, Policy, PublishPolicyRequest, SendPermit, Staff,
    StaffKind, access_service_client::AccessServiceClient, audience::Kind as AudienceKind,
    authorize_send_response::Outcome, calendar_service_client::CalendarServiceClient,
    client_service_client::ClientServiceClient, consent_service_client::ConsentServiceClient,
    contact_service_client::ContactServiceClient, engagement_service_client::EngagementServiceClient,
    plan_service_client::PlanServiceClient, policy_service_client::PolicyServiceClient,
    staff_service_client::StaffServiceClient,
};
use database::{Database, query_all};
use event_log::{Bus, EventLog, Transport};
use keyring::Kek;
use prost::{Message, Name};
use runtime::{Client as Channel, Edge, Server, Services};
use service::{Nothing, Process, Service};
use testkit::{TestDatabase, Tokens, tokens};
use tokio::task::JoinSet;
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::{Code, Status};
use tonic_types::StatusExt;

/// The one in management who sets the firm up.
pub const ROOT: &str = "staff/root";

/// A registry that answers calls.
pub struct House {
    pub db: TestDatabase,
    /// Business time; begins on Monday 2026-03-02, 09:00 UTC.
    pub clock: ManualClock,
    /// System time of permits; another day, so that the two are told apart.
    pub system: ManualClock,
    pub app: App,
    tokens: Tokens,
    url: String,
    stop: CancellationToken,
    _folder: tempfile::TempDir,
    _stop: DropGuard,
}

impl House {
    /// With nobody in it.
    pub async fn empty(db: TestDatabase) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let kek_file = folder.path().join("kek");
        Kek::from_file_or_generate(&kek_file).unwrap();
        db.database().mark_trial().await.unwrap();
        let clock = ManualClock::new(at("2026-03-02T09:00:00Z"));
        let system = ManualClock::new(at("2030-01-01T00:00:00Z"));
        let deps = Deps {
            clock: Arc::new(clock.clone()),
            system: Arc::new(system.clone()),
            transport: Transport::InProcess(Bus::new()),
            replayer: Arc::new(Vec::<EventLog>::new()),
            peers: (),
        };
        let config = Config::embedded(db.url().to_owned(), kek_file, Nothing {});
        let app = App::build(&config, deps).await.unwrap();
        let tokens = tokens();
        let bound = Server::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", bound.local_addr());
        let access = AccessLayer::new(Rules::load().unwrap(), tokens.verifier(), Arc::new(app.uncached_decisions()))
            .on_refused(app.commands().audits_refusals());
        let services = app.add_services(Services::new());
        let stop = CancellationToken::new();
        tokio::spawn(bound.serve(services, Edge::new(access), stop.clone()));
        Self { db, clock, system, app, tokens, url, stop: stop.clone(), _folder: folder, _stop: stop.drop_guard() }
    }

    /// With [`ROOT`] in management and `calendars/firm`.
    pub async fn open(db: TestDatabase) -> Self {
        let house = Self::empty(db).await;
        house.app.init("root", "Root", "root@firm.example").await.unwrap();
        house.calendar("firm").await;
        house
    }

    /// Runs the registry's clocks, for as long as it is held; no relay and no sealer, which would meet the brake of a race.
    pub fn work(&self) -> JoinSet<()> {
        let mut tasks = JoinSet::new();
        self.app.work(&mut tasks, &self.stop);
        tasks
    }

    /// It is this time now, and whatever waits for the clock hears of it.
    pub fn arrive(&self, time: Timestamp) {
        self.clock.set(time);
        self.app.wake();
    }

    /// Calls in somebody's name.
    pub fn channel(&self, person: &str) -> Channel {
        runtime::client::connect(&self.url, self.tokens.source(person)).unwrap()
    }

    /// The address, for one who calls in their own way.
    pub fn url(&self) -> String {
        self.url.clone()
    }

    pub fn access(&self, person: &str) -> AccessServiceClient<Channel> {
        AccessServiceClient::new(self.channel(person))
    }

    pub fn calendars(&self, person: &str) -> CalendarServiceClient<Channel> {
        CalendarServiceClient::new(self.channel(person))
    }

    pub fn clients(&self, person: &str) -> ClientServiceClient<Channel> {
        ClientServiceClient::new(self.channel(person))
    }

    pub fn consent(&self, person: &str) -> ConsentServiceClient<Channel> {
        ConsentServiceClient::new(self.channel(person))
    }

    pub fn contacts(&self, person: &str) -> ContactServiceClient<Channel> {
        ContactServiceClient::new(self.channel(person))
    }

    pub fn engagements(&self, person: &str) -> EngagementServiceClient<Channel> {
        EngagementServiceClient::new(self.channel(person))
    }

    pub fn plans(&self, person: &str) -> PlanServiceClient<Channel> {
        PlanServiceClient::new(self.channel(person))
    }

    pub fn policies(&self, person: &str) -> PolicyServiceClient<Channel> {
        PolicyServiceClient::new(self.channel(person))
    }

    pub fn people(&self, person: &str) -> StaffServiceClient<Channel> {
        StaffServiceClient::new(self.channel(person))
    }

    /// `calendars/{id}`, Monday to Friday.
    pub async fn calendar(&self, id: &str) -> Calendar {
        let request = CreateCalendarRequest { calendar_id: id.into(), calendar: Some(week()), ..Default::default() };
        self.calendars(ROOT).create_calendar(request).await.unwrap().into_inner().calendar.unwrap()
    }

    /// `staff/{id}`, an employee.
    pub async fn staff(&self, id: &str) -> Staff {
        self.staff_like(id, employee(id)).await
    }

    /// `staff/{id}`, whose deputy is another.
    pub async fn staff_with_deputy(&self, id: &str, deputy: &str) -> Staff {
        self.staff_like(id, Staff { deputy: format!("staff/{deputy}"), ..employee(id) }).await
    }

    /// `staff/{id}` with a role for the firm.
    pub async fn staff_with_role(&self, id: &str, role: FirmRole) -> Staff {
        self.staff_like(id, Staff { roles: vec![role.into()], ..employee(id) }).await
    }

    /// `staff/{id}` as given.
    pub async fn staff_like(&self, id: &str, staff: Staff) -> Staff {
        let request = CreateStaffRequest { staff_id: id.into(), staff: Some(staff), ..Default::default() };
        self.people(ROOT).create_staff(request).await.unwrap().into_inner().staff.unwrap()
    }

    /// `staff/{id}` is away from now on, for a day.
    pub async fn away(&self, id: &str) -> Absence {
        let (start, end) = (self.clock.now(), self.clock.now() + std::time::Duration::from_secs(86_400));
        let absence = Absence { start_time: Some(wire(start)), end_time: Some(wire(end)), ..Default::default() };
        let request =
            CreateAbsenceRequest { parent: format!("staff/{id}"), absence: Some(absence), ..Default::default() };
        self.people(ROOT).create_absence(request).await.unwrap().into_inner().absence.unwrap()
    }

    /// `clients/{id}` with its account manager, on `calendars/firm`.
    pub async fn client(&self, id: &str, manager: &str) -> Client {
        let request = CreateClientRequest { client_id: id.into(), client: Some(client(manager)), ..Default::default() };
        self.clients(ROOT).create_client(request).await.unwrap().into_inner().client.unwrap()
    }

    /// `clients/{client}` as it is now.
    pub async fn client_now(&self, name: &str) -> Client {
        let request = contracts::client_registry::v1::GetClientRequest { name: name.into(), ..Default::default() };
        self.clients(ROOT).get_client(request).await.unwrap().into_inner().client.unwrap()
    }

    /// `clients/{client}/engagements/{id}` with lead and team.
    pub async fn engagement(&self, client: &str, id: &str, lead: &str, team: &[&str]) -> Engagement {
        let request = CreateEngagementRequest {
            parent: format!("clients/{client}"),
            engagement_id: id.into(),
            engagement: Some(engagement(lead, team)),
            ..Default::default()
        };
        self.engagements(ROOT).create_engagement(request).await.unwrap().into_inner().engagement.unwrap()
    }

    /// `clients/{client}/contacts/{id}`, who confirms.
    pub async fn contact(&self, client: &str, id: &str) -> Contact {
        let request = CreateContactRequest {
            parent: format!("clients/{client}"),
            contact_id: id.into(),
            contact: Some(contact(&format!("{id}@{client}.example"))),
            ..Default::default()
        };
        self.contacts(ROOT).create_contact(request).await.unwrap().into_inner().contact.unwrap()
    }

    /// Publishes the next policy of `firm.example`.
    pub async fn policy(&self) -> Policy {
        let request = PublishPolicyRequest { policy: Some(policy()), ..Default::default() };
        self.policies(ROOT).publish_policy(request).await.unwrap().into_inner().policy.unwrap()
    }

    /// Asks for a permit as notification does.
    pub async fn authorize(&self, request: AuthorizeSendRequest) -> Result<SendPermit, String> {
        let answer = self.consent("services/notification").authorize_send(request).await.unwrap().into_inner();
        match answer.outcome.unwrap() {
            Outcome::Permit(permit) => Ok(permit),
            Outcome::Refusal(refusal) => {
                assert!(!refusal.explanation.is_empty());
                Err(refusal.reason)
            }
        }
    }

    /// Every event of a type that was told, oldest first.
    pub async fn events<M: Message + Name + Default>(&self) -> Vec<M> {
        let sql = "SELECT payload FROM outbox WHERE type_url = ? ORDER BY seq";
        let rows = query_all(self.db.database().reader(), sql, vec![M::type_url().into()]).await.unwrap();
        rows.iter().map(|row| M::decode(row.try_get::<Vec<u8>>("", "payload").unwrap().as_slice()).unwrap()).collect()
    }

    /// The audit rows of a method, oldest first.
    pub async fn audit(&self, method: &str) -> Vec<AuditRow> {
        self.audit_of(&format!("liaison.client_registry.v1.{method}")).await
    }

    /// The audit rows of an action, oldest first.
    pub async fn audit_of(&self, action: &str) -> Vec<AuditRow> {
        audit(&self.db.database(), action).await
    }
}

/// One audit row.
#[derive(Debug, PartialEq, Eq)]
pub struct AuditRow {
    pub actor: String,
    pub resources: Vec<String>,
    /// 1 done, 2 read, 3 refused, as the contract counts.
    pub outcome: i64,
    pub reason: String,
}

async fn audit(db: &Database, action: &str) -> Vec<AuditRow> {
    let sql = "SELECT actor, resources, outcome, reason FROM audit_row WHERE action = ? ORDER BY id";
    let rows = query_all(db.reader(), sql, vec![action.into()]).await.unwrap();
    rows.iter()
        .map(|row| AuditRow {
            actor: row.try_get("", "actor").unwrap(),
            resources: serde_json::from_str(&row.try_get::<String>("", "resources").unwrap()).unwrap(),
            outcome: row.try_get("", "outcome").unwrap(),
            reason: row.try_get("", "reason").unwrap(),
        })
        .collect()
}

/// Monday to Friday, 09:00 to 17:00 in London.
pub fn week() -> Calendar {
    let hours = |day| Hours { day, open: "09:00".into(), close: "17:00".into() };
    Calendar {
        time_zone: "Europe/London".into(),
        week: (1..=5).map(hours).collect(),
        holiday_regions: vec!["GB-ENG".into()],
        ..Default::default()
    }
}

pub fn employee(id: &str) -> Staff {
    Staff {
        display_name: format!("Name of {id}"),
        email: format!("{id}@firm.example"),
        kind: StaffKind::Employee.into(),
        ..Default::default()
    }
}

/// An employee whose access ends.
pub fn until(end: Timestamp, id: &str) -> Staff {
    Staff { access_expire_time: Some(wire(end)), ..employee(id) }
}

pub fn client(manager: &str) -> Client {
    Client {
        display_name: "Acme Ltd".into(),
        calendar: "calendars/firm".into(),
        account_manager: format!("staff/{manager}"),
        ..Default::default()
    }
}

pub fn engagement(lead: &str, team: &[&str]) -> Engagement {
    Engagement {
        display_name: "Audit 2026".into(),
        team_lead: format!("staff/{lead}"),
        team_members: team.iter().map(|id| format!("staff/{id}")).collect(),
        ..Default::default()
    }
}

pub fn contact(email: &str) -> Contact {
    Contact {
        display_name: "Jo Client".into(),
        email: email.into(),
        phone: "+442079460000".into(),
        confirms: true,
        ..Default::default()
    }
}

pub fn policy() -> Policy {
    let step = |hours: i64, target: EscalationTarget| EscalationStep {
        after: Some(prost_types::Duration { seconds: hours * 3600, nanos: 0 }),
        target: target.into(),
    };
    Policy {
        firm_calendar: "calendars/firm".into(),
        official_domain: "firm.example".into(),
        service_address: "service@firm.example".into(),
        authserv_id: "mx.firm.example".into(),
        first_response_business_days: 1,
        escalation_steps: vec![step(24, EscalationTarget::TeamLead), step(48, EscalationTarget::Management)],
        confirmation_reminder: Some(prost_types::Duration { seconds: 86_400, nanos: 0 }),
        auto_acknowledge: true,
        ..Default::default()
    }
}

/// A wish to send by mail.
pub fn send(client: &str, audience: AudienceKind) -> AuthorizeSendRequest {
    AuthorizeSendRequest {
        notification: "notifications/n1".into(),
        channel: SendChannel::Email.into(),
        client: client.into(),
        audience: Some(Audience { kind: Some(audience) }),
        ..Default::default()
    }
}

pub fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub fn wire(time: Timestamp) -> prost_types::Timestamp {
    command::wire::proto_time(time)
}

/// What a refusal says: its code and reason.
#[track_caller]
pub fn refusal<T: std::fmt::Debug>(answer: Result<T, Status>) -> (Code, String) {
    refusal_of(&answer)
}

/// As [`refusal`], of an answer that is looked at again.
#[track_caller]
pub fn refusal_of<T: std::fmt::Debug>(answer: &Result<T, Status>) -> (Code, String) {
    let status = answer.as_ref().unwrap_err();
    (status.code(), refusal::reason(status).unwrap_or_default())
}

/// The fields at fault.
#[track_caller]
pub fn fields<T: std::fmt::Debug>(answer: Result<T, Status>) -> Vec<String> {
    let details = answer.unwrap_err().get_details_bad_request().unwrap();
    details.field_violations.into_iter().map(|fault| fault.field).collect()
}

/// As [`refusal`] gives it.
pub fn refused(code: Code, reason: &str) -> (Code, String) {
    (code, reason.to_owned())
}

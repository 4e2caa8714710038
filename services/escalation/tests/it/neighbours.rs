//! A small client-registry and a small notification. Services do not use each other's crates, so this service's own tests cannot
//! run the real ones; these keep to the contracts by implementing the generated traits, and answer only what escalation asks. The
//! suite's tests run the real services together.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
};

use access::{Decisions, Principal};
use contracts::client_registry::v1::{
    access_service_server::{AccessService, AccessServiceServer},
    calendar_service_server::{CalendarService, CalendarServiceServer},
    client_service_server::{ClientService, ClientServiceServer},
    contact_service_server::{ContactService, ContactServiceServer},
    engagement_service_server::{EngagementService, EngagementServiceServer},
    policy_service_server::{PolicyService, PolicyServiceServer},
    *,
};
use contracts::notification::v1::{
    self as notification,
    inbound_service_server::{InboundService, InboundServiceServer},
    meeting_service_server::{MeetingService, MeetingServiceServer},
    notification_service_server::{NotificationService, NotificationServiceServer},
};
use testkit::Roster;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

/// What it knows. Cheap to clone; clones share it.
#[derive(Clone, Default)]
pub struct FakeRegistry {
    state: Arc<Mutex<State>>,
    roster: Roster,
}

#[derive(Default)]
struct State {
    clients: BTreeMap<String, Client>,
    calendars: BTreeMap<String, Calendar>,
    engagements: BTreeMap<String, Engagement>,
    contacts: BTreeMap<String, Contact>,
    policies: Vec<Policy>,
    down: bool,
}

type Answer<T> = Result<Response<T>, Status>;

impl FakeRegistry {
    pub fn new(roster: Roster) -> Self {
        Self { roster, ..Self::default() }
    }

    /// Answers nobody any more, or again.
    pub fn is_down(&self, down: bool) {
        self.state().down = down;
    }

    pub fn put_client(&self, client: &str, calendar: &str, revision: u64) {
        let known = Client {
            name: client.into(),
            calendar: calendar.into(),
            account_manager: "staff/anna".into(),
            revision,
            ..Client::default()
        };
        self.state().clients.insert(client.into(), known);
    }

    pub fn put_calendar(&self, calendar: Calendar) {
        self.state().calendars.insert(calendar.name.clone(), calendar);
    }

    pub fn put_policy(&self, policy: Policy) {
        self.state().policies.push(policy);
    }

    pub fn put_engagement(&self, name: &str) {
        self.state().engagements.insert(name.into(), Engagement { name: name.into(), ..Engagement::default() });
    }

    pub fn put_contact(&self, name: &str, confirms: bool, inactive: bool) {
        let contact = Contact { name: name.into(), confirms, inactive, ..Contact::default() };
        self.state().contacts.insert(name.into(), contact);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// What it knows, if it answers at all.
    fn answering(&self) -> Result<MutexGuard<'_, State>, Status> {
        let state = self.state();
        if state.down { Err(Status::unavailable("down")) } else { Ok(state) }
    }
}

/// Serves both on one port of their own until `stop`, and tells the address.
pub async fn serve(registry: &FakeRegistry, notification: &FakeNotification, stop: CancellationToken) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = tonic::transport::Server::builder()
        .add_service(AccessServiceServer::new(registry.clone()))
        .add_service(CalendarServiceServer::new(registry.clone()))
        .add_service(ClientServiceServer::new(registry.clone()))
        .add_service(ContactServiceServer::new(registry.clone()))
        .add_service(EngagementServiceServer::new(registry.clone()))
        .add_service(PolicyServiceServer::new(registry.clone()))
        .add_service(InboundServiceServer::new(notification.clone()))
        .add_service(MeetingServiceServer::new(notification.clone()))
        .add_service(NotificationServiceServer::new(notification.clone()));
    let incoming = TcpListenerStream::new(listener);
    tokio::spawn(server.serve_with_incoming_shutdown(incoming, stop.cancelled_owned()));
    url
}

fn found<T: Clone>(of: &BTreeMap<String, T>, name: &str) -> Result<T, Status> {
    of.get(name).cloned().ok_or_else(|| Status::not_found("not there"))
}

fn not_asked<T>() -> Answer<T> {
    Err(Status::unimplemented("escalation does not ask this"))
}

#[tonic::async_trait]
impl ClientService for FakeRegistry {
    async fn get_client(&self, request: Request<GetClientRequest>) -> Answer<GetClientResponse> {
        let client = found(&self.answering()?.clients, &request.get_ref().name)?;
        Ok(Response::new(GetClientResponse { client: Some(client) }))
    }

    async fn list_clients(&self, _: Request<ListClientsRequest>) -> Answer<ListClientsResponse> {
        let clients = self.answering()?.clients.values().cloned().collect();
        Ok(Response::new(ListClientsResponse { clients, next_page_token: String::new() }))
    }

    async fn create_client(&self, _: Request<CreateClientRequest>) -> Answer<CreateClientResponse> {
        not_asked()
    }

    async fn update_client(&self, _: Request<UpdateClientRequest>) -> Answer<UpdateClientResponse> {
        not_asked()
    }

    async fn transfer_account(&self, _: Request<TransferAccountRequest>) -> Answer<TransferAccountResponse> {
        not_asked()
    }
}

#[tonic::async_trait]
impl CalendarService for FakeRegistry {
    async fn get_calendar(&self, request: Request<GetCalendarRequest>) -> Answer<GetCalendarResponse> {
        let calendar = found(&self.answering()?.calendars, &request.get_ref().name)?;
        Ok(Response::new(GetCalendarResponse { calendar: Some(calendar) }))
    }

    async fn list_calendars(&self, _: Request<ListCalendarsRequest>) -> Answer<ListCalendarsResponse> {
        let calendars = self.answering()?.calendars.values().cloned().collect();
        Ok(Response::new(ListCalendarsResponse { calendars, next_page_token: String::new() }))
    }

    async fn create_calendar(&self, _: Request<CreateCalendarRequest>) -> Answer<CreateCalendarResponse> {
        not_asked()
    }

    async fn update_calendar(&self, _: Request<UpdateCalendarRequest>) -> Answer<UpdateCalendarResponse> {
        not_asked()
    }
}

#[tonic::async_trait]
impl PolicyService for FakeRegistry {
    async fn get_policy(&self, request: Request<GetPolicyRequest>) -> Answer<GetPolicyResponse> {
        let state = self.answering()?;
        let version = request.get_ref().name.strip_prefix("policies/").unwrap_or_default();
        let policy =
            state.policies.iter().rev().find(|policy| version == "current" || policy.version.to_string() == version);
        let policy = policy.cloned().ok_or_else(|| Status::not_found("no policy"))?;
        Ok(Response::new(GetPolicyResponse { policy: Some(policy) }))
    }

    async fn publish_policy(&self, _: Request<PublishPolicyRequest>) -> Answer<PublishPolicyResponse> {
        not_asked()
    }

    async fn list_policies(&self, _: Request<ListPoliciesRequest>) -> Answer<ListPoliciesResponse> {
        not_asked()
    }
}

#[tonic::async_trait]
impl EngagementService for FakeRegistry {
    async fn get_engagement(&self, request: Request<GetEngagementRequest>) -> Answer<GetEngagementResponse> {
        let engagement = found(&self.answering()?.engagements, &request.get_ref().name)?;
        Ok(Response::new(GetEngagementResponse { engagement: Some(engagement) }))
    }

    async fn create_engagement(&self, _: Request<CreateEngagementRequest>) -> Answer<CreateEngagementResponse> {
        not_asked()
    }

    async fn list_engagements(&self, _: Request<ListEngagementsRequest>) -> Answer<ListEngagementsResponse> {
        not_asked()
    }

    async fn update_engagement(&self, _: Request<UpdateEngagementRequest>) -> Answer<UpdateEngagementResponse> {
        not_asked()
    }
}

#[tonic::async_trait]
impl ContactService for FakeRegistry {
    async fn get_contact(&self, request: Request<GetContactRequest>) -> Answer<GetContactResponse> {
        let contact = found(&self.answering()?.contacts, &request.get_ref().name)?;
        Ok(Response::new(GetContactResponse { contact: Some(contact) }))
    }

    async fn create_contact(&self, _: Request<CreateContactRequest>) -> Answer<CreateContactResponse> {
        not_asked()
    }

    async fn list_contacts(&self, _: Request<ListContactsRequest>) -> Answer<ListContactsResponse> {
        not_asked()
    }

    async fn update_contact(&self, _: Request<UpdateContactRequest>) -> Answer<UpdateContactResponse> {
        not_asked()
    }

    async fn identify_sender(&self, _: Request<IdentifySenderRequest>) -> Answer<IdentifySenderResponse> {
        not_asked()
    }
}

#[tonic::async_trait]
impl AccessService for FakeRegistry {
    async fn who_am_i(&self, _: Request<WhoAmIRequest>) -> Answer<WhoAmIResponse> {
        not_asked()
    }

    async fn get_grants(&self, request: Request<GetGrantsRequest>) -> Answer<GetGrantsResponse> {
        drop(self.answering()?);
        let principal = Principal::parse(&request.get_ref().principal).unwrap();
        let grants = self.roster.grants(&principal).await.map_err(|_| Status::not_found("not known"))?;
        Ok(Response::new(GetGrantsResponse { grants: Some(grants.to_wire(&principal)) }))
    }
}

/// What notification has, for one who can no longer have its events one by one. Cheap to clone; clones share it.
#[derive(Clone, Default)]
pub struct FakeNotification {
    mails: Arc<Mutex<Vec<notification::Mail>>>,
    notifications: Arc<Mutex<Vec<notification::Notification>>>,
    meetings: Arc<Mutex<Vec<notification::Meeting>>>,
}

impl FakeNotification {
    pub fn put_mail(&self, mail: notification::Mail) {
        self.mails.lock().unwrap().push(mail);
    }

    pub fn put_meeting(&self, meeting: notification::Meeting) {
        self.meetings.lock().unwrap().push(meeting);
    }

    pub fn put_notification(&self, notification: notification::Notification) {
        self.notifications.lock().unwrap().push(notification);
    }
}

#[tonic::async_trait]
impl InboundService for FakeNotification {
    async fn list_mails(
        &self,
        request: Request<notification::ListMailsRequest>,
    ) -> Answer<notification::ListMailsResponse> {
        let state = request.get_ref().state();
        let mails = self.mails.lock().unwrap().iter().rev().filter(|mail| mail.state() == state).cloned().collect();
        Ok(Response::new(notification::ListMailsResponse { mails, next_page_token: String::new() }))
    }

    async fn deliver_mail(
        &self,
        _: Request<notification::DeliverMailRequest>,
    ) -> Answer<notification::DeliverMailResponse> {
        not_asked()
    }

    async fn get_mail(&self, _: Request<notification::GetMailRequest>) -> Answer<notification::GetMailResponse> {
        not_asked()
    }

    async fn attribute_mail(
        &self,
        _: Request<notification::AttributeMailRequest>,
    ) -> Answer<notification::AttributeMailResponse> {
        not_asked()
    }

    async fn dismiss_mail(
        &self,
        _: Request<notification::DismissMailRequest>,
    ) -> Answer<notification::DismissMailResponse> {
        not_asked()
    }
}

#[tonic::async_trait]
impl NotificationService for FakeNotification {
    type WatchDeliveriesStream = tokio_stream::Empty<Result<notification::WatchDeliveriesResponse, Status>>;

    async fn list_notifications(
        &self,
        _: Request<notification::ListNotificationsRequest>,
    ) -> Answer<notification::ListNotificationsResponse> {
        let notifications = self.notifications.lock().unwrap().iter().rev().cloned().collect();
        Ok(Response::new(notification::ListNotificationsResponse { notifications, next_page_token: String::new() }))
    }

    async fn send_message(
        &self,
        _: Request<notification::SendMessageRequest>,
    ) -> Answer<notification::SendMessageResponse> {
        not_asked()
    }

    async fn get_notification(
        &self,
        request: Request<notification::GetNotificationRequest>,
    ) -> Answer<notification::GetNotificationResponse> {
        let name = &request.get_ref().name;
        let notification = self.notifications.lock().unwrap().iter().find(|one| one.name == *name).cloned();
        Ok(Response::new(notification::GetNotificationResponse { notification }))
    }

    async fn cancel_notification(
        &self,
        _: Request<notification::CancelNotificationRequest>,
    ) -> Answer<notification::CancelNotificationResponse> {
        not_asked()
    }

    async fn watch_deliveries(
        &self,
        _: Request<notification::WatchDeliveriesRequest>,
    ) -> Answer<Self::WatchDeliveriesStream> {
        not_asked()
    }
}

#[tonic::async_trait]
impl MeetingService for FakeNotification {
    async fn list_meetings(
        &self,
        request: Request<notification::ListMeetingsRequest>,
    ) -> Answer<notification::ListMeetingsResponse> {
        let state = request.get_ref().state();
        let meetings = self.meetings.lock().unwrap();
        let meetings = meetings.iter().rev().filter(|meeting| meeting.state() == state).cloned().collect();
        Ok(Response::new(notification::ListMeetingsResponse { meetings, next_page_token: String::new() }))
    }

    async fn create_meeting(
        &self,
        _: Request<notification::CreateMeetingRequest>,
    ) -> Answer<notification::CreateMeetingResponse> {
        not_asked()
    }

    async fn get_meeting(
        &self,
        _: Request<notification::GetMeetingRequest>,
    ) -> Answer<notification::GetMeetingResponse> {
        not_asked()
    }

    async fn hold_meeting(
        &self,
        _: Request<notification::HoldMeetingRequest>,
    ) -> Answer<notification::HoldMeetingResponse> {
        not_asked()
    }

    async fn cancel_meeting(
        &self,
        _: Request<notification::CancelMeetingRequest>,
    ) -> Answer<notification::CancelMeetingResponse> {
        not_asked()
    }

    async fn close_meeting(
        &self,
        _: Request<notification::CloseMeetingRequest>,
    ) -> Answer<notification::CloseMeetingResponse> {
        not_asked()
    }

    async fn record_minutes(
        &self,
        _: Request<notification::RecordMinutesRequest>,
    ) -> Answer<notification::RecordMinutesResponse> {
        not_asked()
    }

    async fn record_recording(
        &self,
        _: Request<notification::RecordRecordingRequest>,
    ) -> Answer<notification::RecordRecordingResponse> {
        not_asked()
    }
}

//! A small client-registry and a small escalation on one port. Services do not use each other's crates, so this service's own tests
//! cannot run the real ones; this one answers the methods that reporting calls, by their paths, and nothing else. The suite's tests
//! run the real services together.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    sync::{Arc, Mutex, MutexGuard},
    task::{Context, Poll},
};

use access::{Decisions, Principal};
use contracts::{
    client_registry::v1::*,
    escalation::v1::{Case, GetCaseRequest, GetCaseResponse, ListCasesRequest, ListCasesResponse},
    notification::v1::{ListNotificationsResponse, Notification},
};
use http_body_util::{BodyExt, Full};
use prost::Message;
use testkit::Roster;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tokio_util::sync::CancellationToken;
use tonic::{Status, body::Body, service::Routes};

/// What they know. Cheap to clone; clones share it.
#[derive(Clone, Default)]
pub struct Neighbours {
    state: Arc<Mutex<State>>,
    roster: Roster,
}

#[derive(Default)]
pub struct State {
    pub clients: BTreeMap<String, Client>,
    pub calendars: BTreeMap<String, Calendar>,
    pub engagements: BTreeMap<String, Engagement>,
    pub contacts: BTreeMap<String, Contact>,
    pub staff: BTreeMap<String, Staff>,
    pub policy: Option<Policy>,
    pub cases: Vec<Case>,
    pub notifications: Vec<Notification>,
    /// Whether escalation answers nobody.
    pub escalation_is_down: bool,
    pub registry_is_down: bool,
}

impl Neighbours {
    pub fn new(roster: Roster) -> Self {
        Self { roster, ..Self::default() }
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    async fn answer(&self, path: &str, body: &[u8]) -> Result<Vec<u8>, Status> {
        if path.ends_with("AccessService/GetGrants") {
            let request = GetGrantsRequest::decode(body).unwrap();
            let principal = Principal::parse(&request.principal).unwrap();
            let grants = match self.roster.grants(&principal).await {
                Ok(grants) => grants.to_wire(&principal),
                Err(_) => return Err(Status::not_found("nobody")),
            };
            return Ok(GetGrantsResponse { grants: Some(grants) }.encode_to_vec());
        }
        let state = self.state();
        let down = if path.contains("escalation") { state.escalation_is_down } else { state.registry_is_down };
        if down {
            return Err(Status::unavailable("down"));
        }
        Ok(match path.rsplit('.').next().unwrap() {
            "ClientService/GetClient" => {
                let name = GetClientRequest::decode(body).unwrap().name;
                GetClientResponse { client: Some(found(&state.clients, &name)?) }.encode_to_vec()
            }
            "CalendarService/GetCalendar" => {
                let name = GetCalendarRequest::decode(body).unwrap().name;
                GetCalendarResponse { calendar: Some(found(&state.calendars, &name)?) }.encode_to_vec()
            }
            "EngagementService/GetEngagement" => {
                let name = GetEngagementRequest::decode(body).unwrap().name;
                GetEngagementResponse { engagement: Some(found(&state.engagements, &name)?) }.encode_to_vec()
            }
            "ContactService/GetContact" => {
                let name = GetContactRequest::decode(body).unwrap().name;
                GetContactResponse { contact: Some(found(&state.contacts, &name)?) }.encode_to_vec()
            }
            "ContactService/ListContacts" => {
                let parent = ListContactsRequest::decode(body).unwrap().parent;
                let of = |contact: &&Contact| contact.name.starts_with(&format!("{parent}/"));
                let contacts = state.contacts.values().filter(of).cloned().collect();
                ListContactsResponse { contacts, next_page_token: String::new() }.encode_to_vec()
            }
            "StaffService/GetStaff" => {
                let name = GetStaffRequest::decode(body).unwrap().name;
                GetStaffResponse { staff: Some(found(&state.staff, &name)?) }.encode_to_vec()
            }
            "PolicyService/GetPolicy" => {
                let policy = state.policy.clone().ok_or_else(|| Status::not_found("none"))?;
                GetPolicyResponse { policy: Some(policy) }.encode_to_vec()
            }
            "CaseService/GetCase" => {
                let name = GetCaseRequest::decode(body).unwrap().name;
                let case = state.cases.iter().find(|case| case.name == name).cloned();
                GetCaseResponse { case: Some(case.ok_or_else(|| Status::not_found("none"))?) }.encode_to_vec()
            }
            "CaseService/ListCases" => {
                let client = ListCasesRequest::decode(body).unwrap().client;
                let cases = state.cases.iter().filter(|case| case.client == client).cloned().collect();
                ListCasesResponse { cases, next_page_token: String::new() }.encode_to_vec()
            }
            "NotificationService/ListNotifications" => {
                let notifications = state.notifications.clone();
                ListNotificationsResponse { notifications, next_page_token: String::new() }.encode_to_vec()
            }
            other => return Err(Status::unimplemented(format!("reporting does not ask {other}"))),
        })
    }
}

fn found<T: Clone>(of: &BTreeMap<String, T>, name: &str) -> Result<T, Status> {
    of.get(name).cloned().ok_or_else(|| Status::not_found("not there"))
}

impl tower::Service<http::Request<axum::body::Body>> for Neighbours {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = std::pin::Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<axum::body::Body>) -> Self::Future {
        let this = self.clone();
        Box::pin(async move {
            let path = request.uri().path().to_owned();
            let body = request.into_body().collect().await.unwrap().to_bytes();
            // A message is framed by a flag and its length.
            Ok(match this.answer(&path, &body[5..]).await {
                Ok(answer) => {
                    let mut framed = vec![0];
                    framed.extend(u32::try_from(answer.len()).unwrap().to_be_bytes());
                    framed.extend(answer);
                    let mut trailers = http::HeaderMap::new();
                    trailers.insert("grpc-status", http::HeaderValue::from_static("0"));
                    let body = Full::new(bytes::Bytes::from(framed));
                    let body = body.with_trailers(std::future::ready(Some(Ok::<_, Infallible>(trailers))));
                    http::Response::builder().header("content-type", "application/grpc").body(Body::new(body)).unwrap()
                }
                Err(status) => status.into_http(),
            })
        })
    }
}

/// Serves them on one port of their own until `stop`, and tells the address.
pub async fn serve(neighbours: &Neighbours, stop: CancellationToken) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let routes = Routes::from(axum::Router::new().fallback_service(neighbours.clone()));
    let server = tonic::transport::Server::builder().add_routes(routes);
    let incoming = TcpListenerStream::new(listener);
    tokio::spawn(server.serve_with_incoming_shutdown(incoming, stop.cancelled_owned()));
    url
}

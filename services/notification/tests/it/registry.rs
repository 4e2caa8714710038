//! A small client-registry. Services do not use each other's crates, so this service's own tests cannot run the real one; it
//! keeps to the contract by implementing the generated traits, and answers only what notification asks. The suite's tests
//! run the real services together.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
};

use access::{Decisions, Principal};
use contracts::client_registry::v1::{
    access_service_server::{AccessService, AccessServiceServer},
    audience::Kind as To,
    authorize_send_response::Outcome,
    calendar_service_server::{CalendarService, CalendarServiceServer},
    client_service_server::{ClientService, ClientServiceServer},
    consent_service_server::{ConsentService, ConsentServiceServer},
    contact_service_server::{ContactService, ContactServiceServer},
    policy_service_server::{PolicyService, PolicyServiceServer},
    *,
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
pub struct State {
    pub contacts: BTreeMap<String, Contact>,
    /// Name to (display name, address).
    pub staff: BTreeMap<String, (String, String)>,
    /// Client to account manager.
    pub managers: BTreeMap<String, String>,
    pub management: Vec<String>,
    pub intake: Vec<String>,
    /// Absent person to deputy.
    pub deputies: BTreeMap<String, String>,
    pub calendars: BTreeMap<String, Calendar>,
    pub policy: Option<Policy>,
    pub down: bool,
    /// Answers every question for leave to send with this refusal.
    pub refuse: Option<String>,
    /// Runs whenever leave to send is asked for.
    pub on_permit: Option<Arc<dyn Fn() + Send + Sync>>,
    pub permits: u32,
    /// Person to numbers.
    pub phones: BTreeMap<String, Vec<String>>,
    /// Person in management to the deputy who is called behind them.
    pub behind: BTreeMap<String, String>,
    /// Rises with whatever changes who is told of incidents.
    pub incident_revision: u64,
    /// Never answers about leave to send or who is told, as a process that hangs.
    pub hangs: bool,
}

type Answer<T> = Result<Response<T>, Status>;

impl FakeRegistry {
    pub fn new(roster: Roster) -> Self {
        Self { roster, ..Self::default() }
    }

    /// Serves on a port of its own until `stop`, and tells its address.
    pub async fn serve(&self, stop: CancellationToken) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = tonic::transport::Server::builder()
            .add_service(AccessServiceServer::new(self.clone()))
            .add_service(CalendarServiceServer::new(self.clone()))
            .add_service(ClientServiceServer::new(self.clone()))
            .add_service(ConsentServiceServer::new(self.clone()))
            .add_service(ContactServiceServer::new(self.clone()))
            .add_service(PolicyServiceServer::new(self.clone()));
        let incoming = TcpListenerStream::new(listener);
        tokio::spawn(server.serve_with_incoming_shutdown(incoming, async move { stop.cancelled().await }));
        url
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn up(&self) -> Result<MutexGuard<'_, State>, Status> {
        let state = self.state();
        if state.down { Err(Status::unavailable("down")) } else { Ok(state) }
    }
}

impl State {
    fn party(&self, person: &str) -> Party {
        let (display_name, email) = match (self.staff.get(person), self.contacts.get(person)) {
            (Some((name, email)), _) => (name.clone(), email.clone()),
            (_, Some(contact)) => (contact.display_name.clone(), contact.email.clone()),
            _ => Default::default(),
        };
        let phones = self.phones.get(person).cloned().unwrap_or_default();
        Party { person: person.to_owned(), display_name, email, stands_in_for: String::new(), phones }
    }

    /// Management as it is called: each followed by their deputy.
    fn called(&self) -> Vec<Party> {
        let mut called = Vec::new();
        for name in &self.management {
            called.push(self.party(name));
            if let Some(deputy) = self.behind.get(name) {
                called.push(Party { stands_in_for: name.clone(), ..self.party(deputy) });
            }
        }
        called
    }

    fn incident_contacts(&self, client: &str) -> Vec<Party> {
        let of_client = |contact: &&Contact| {
            !contact.inactive && contact.confirms && contact.name.starts_with(&format!("{client}/"))
        };
        self.contacts.values().filter(of_client).map(|contact| self.party(&contact.name)).collect()
    }

    fn service_address(&self) -> Party {
        Party {
            display_name: "Firm & Partners".into(),
            email: self.policy.as_ref().map(|policy| policy.service_address.clone()).unwrap_or_default(),
            ..Party::default()
        }
    }

    fn told(&self, person: &str) -> Party {
        match self.deputies.get(person) {
            Some(deputy) => Party { stands_in_for: person.to_owned(), ..self.party(deputy) },
            None => self.party(person),
        }
    }

    fn authorize(&self, request: &AuthorizeSendRequest) -> Result<SendPermit, String> {
        if let Some(reason) = &self.refuse {
            return Err(reason.clone());
        }
        let policy = self.policy.clone().ok_or("NO_POLICY")?;
        let people = |names: &[String]| names.iter().map(|name| self.told(name)).collect::<Vec<_>>();
        let recipients = match request.audience.clone().and_then(|audience| audience.kind) {
            Some(To::Contact(name)) => match self.contacts.get(&name) {
                Some(contact) if !contact.inactive => vec![self.party(&name)],
                Some(_) => return Err("RECIPIENT_INACTIVE".to_owned()),
                None => return Err("RECIPIENT_NOT_OF_CLIENT".to_owned()),
            },
            Some(To::Confirmers(asked)) => {
                let confirming = |contact: &&Contact| {
                    contact.confirms && !contact.inactive && contact.name.starts_with(&format!("{}/", request.client))
                };
                let all: Vec<_> = self.contacts.values().filter(confirming).map(|one| one.name.clone()).collect();
                if all.contains(&asked.contact) { people(&[asked.contact]) } else { people(&all) }
            }
            Some(To::Staff(name)) => people(&[name]),
            Some(To::Target(target)) => match EscalationTarget::try_from(target).unwrap() {
                EscalationTarget::Management if request.channel() == Channel::Phone => self.called(),
                EscalationTarget::Management => people(&self.management),
                _ => people(&self.managers.get(&request.client).cloned().into_iter().collect::<Vec<_>>()),
            },
            Some(To::Intake(_)) => people(if self.intake.is_empty() { &self.management } else { &self.intake }),
            Some(To::IncidentContacts(_)) => self.incident_contacts(&request.client),
            None => Vec::new(),
        };
        let by_phone = request.channel() == Channel::Phone;
        let recipients: Vec<_> = recipients.into_iter().filter(|party| !by_phone || !party.phones.is_empty()).collect();
        if recipients.is_empty() {
            return Err("NOBODY_TO_TELL".to_owned());
        }
        let sender = match request.author.as_str() {
            "" => self.service_address(),
            author => self.party(author),
        };
        Ok(SendPermit {
            permit: format!("permits/{}", self.permits),
            expire_time: None,
            policy_version: policy.version,
            sender: Some(sender),
            recipients,
            client_display_name: if request.client.is_empty() { String::new() } else { "Acme & Sons".into() },
        })
    }
}

fn not_asked<T>() -> Answer<T> {
    Err(Status::unimplemented("nobody asks this here"))
}

#[tonic::async_trait]
impl ConsentService for FakeRegistry {
    async fn authorize_send(&self, request: Request<AuthorizeSendRequest>) -> Answer<AuthorizeSendResponse> {
        if self.state().hangs {
            std::future::pending::<()>().await;
        }
        let on_permit = {
            let mut state = self.up()?;
            state.permits += 1;
            state.on_permit.clone()
        };
        if let Some(hook) = on_permit {
            hook();
        }
        let outcome = match self.up()?.authorize(request.get_ref()) {
            Ok(permit) => Outcome::Permit(permit),
            Err(reason) => Outcome::Refusal(SendRefusal { reason, explanation: String::new() }),
        };
        Ok(Response::new(AuthorizeSendResponse { outcome: Some(outcome) }))
    }

    async fn get_incident_parties(
        &self,
        request: Request<GetIncidentPartiesRequest>,
    ) -> Answer<GetIncidentPartiesResponse> {
        let state = self.up()?;
        if state.policy.is_none() {
            return Err(Status::not_found("no policy"));
        }
        Ok(Response::new(GetIncidentPartiesResponse {
            client_display_name: "Acme & Sons".into(),
            contacts: state.incident_contacts(&request.get_ref().client),
            management: state.called(),
            sender: Some(state.service_address()),
            policy_version: 1,
            revision: state.incident_revision,
        }))
    }
}

#[tonic::async_trait]
impl ClientService for FakeRegistry {
    async fn list_clients(&self, _: Request<ListClientsRequest>) -> Answer<ListClientsResponse> {
        let state = self.up()?;
        let client = |name: &String| Client { name: name.clone(), ..Client::default() };
        let clients = state.managers.keys().map(client).collect();
        Ok(Response::new(ListClientsResponse { clients, next_page_token: String::new() }))
    }

    async fn create_client(&self, _: Request<CreateClientRequest>) -> Answer<CreateClientResponse> {
        not_asked()
    }

    async fn get_client(&self, _: Request<GetClientRequest>) -> Answer<GetClientResponse> {
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
impl ContactService for FakeRegistry {
    async fn identify_sender(&self, request: Request<IdentifySenderRequest>) -> Answer<IdentifySenderResponse> {
        let state = self.up()?;
        let email = request.get_ref().email.to_lowercase();
        let contact = state.contacts.values().find(|contact| !contact.inactive && contact.email == email);
        let staff = state.staff.iter().find(|(_, (_, known))| *known == email);
        Ok(Response::new(IdentifySenderResponse {
            contact: contact.map(|contact| contact.name.clone()).unwrap_or_default(),
            staff: staff.map(|(name, _)| name.clone()).unwrap_or_default(),
        }))
    }

    async fn get_contact(&self, request: Request<GetContactRequest>) -> Answer<GetContactResponse> {
        let state = self.up()?;
        let contact = state.contacts.get(&request.get_ref().name).cloned();
        let contact = contact.ok_or_else(|| Status::not_found("no such contact"))?;
        Ok(Response::new(GetContactResponse { contact: Some(contact) }))
    }

    async fn list_contacts(&self, request: Request<ListContactsRequest>) -> Answer<ListContactsResponse> {
        let state = self.up()?;
        let prefix = format!("{}/contacts/", request.get_ref().parent);
        let contacts = state.contacts.values().filter(|contact| contact.name.starts_with(&prefix)).cloned().collect();
        Ok(Response::new(ListContactsResponse { contacts, next_page_token: String::new() }))
    }

    async fn create_contact(&self, _: Request<CreateContactRequest>) -> Answer<CreateContactResponse> {
        not_asked()
    }

    async fn update_contact(&self, _: Request<UpdateContactRequest>) -> Answer<UpdateContactResponse> {
        not_asked()
    }
}

#[tonic::async_trait]
impl PolicyService for FakeRegistry {
    async fn get_policy(&self, request: Request<GetPolicyRequest>) -> Answer<GetPolicyResponse> {
        assert_eq!(request.get_ref().name, "policies/current");
        let policy = self.up()?.policy.clone().ok_or_else(|| Status::not_found("no policy"))?;
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
impl CalendarService for FakeRegistry {
    async fn get_calendar(&self, request: Request<GetCalendarRequest>) -> Answer<GetCalendarResponse> {
        let calendar = self.up()?.calendars.get(&request.get_ref().name).cloned();
        let calendar = calendar.ok_or_else(|| Status::not_found("no such calendar"))?;
        Ok(Response::new(GetCalendarResponse { calendar: Some(calendar) }))
    }

    async fn create_calendar(&self, _: Request<CreateCalendarRequest>) -> Answer<CreateCalendarResponse> {
        not_asked()
    }

    async fn list_calendars(&self, _: Request<ListCalendarsRequest>) -> Answer<ListCalendarsResponse> {
        not_asked()
    }

    async fn update_calendar(&self, _: Request<UpdateCalendarRequest>) -> Answer<UpdateCalendarResponse> {
        not_asked()
    }
}

#[tonic::async_trait]
impl AccessService for FakeRegistry {
    async fn get_grants(&self, request: Request<GetGrantsRequest>) -> Answer<GetGrantsResponse> {
        drop(self.up()?);
        let principal = Principal::parse(&request.get_ref().principal).unwrap();
        let grants = self.roster.grants(&principal).await.map_err(|_| Status::not_found("nobody"))?;
        Ok(Response::new(GetGrantsResponse { grants: Some(grants.to_wire(&principal)) }))
    }

    async fn who_am_i(&self, _: Request<WhoAmIRequest>) -> Answer<WhoAmIResponse> {
        not_asked()
    }
}

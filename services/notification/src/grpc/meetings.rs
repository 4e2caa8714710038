//! `liaison.notification.v1.MeetingService`.

pub(super) mod wire;

use access::Caller;
use command::{Call, Commands, Fault, Unit, new_id, paging::Page};
use contracts::{
    client_registry::v1::{GetContactRequest, contact_service_client::ContactServiceClient},
    notification::v1::{
        CancelMeetingRequest, CancelMeetingResponse, CloseMeetingRequest, CloseMeetingResponse, CreateMeetingRequest,
        CreateMeetingResponse, GetMeetingRequest, GetMeetingResponse, HoldMeetingRequest, HoldMeetingResponse,
        ListMeetingsRequest, ListMeetingsResponse, RecordMinutesRequest, RecordMinutesResponse, RecordRecordingRequest,
        RecordRecordingResponse, meeting_service_server::MeetingService,
    },
};
use database::BoxFuture;
use refusal::{Kind, Refusal};
use runtime::Client;
use tonic::{Code, Request, Response, Status};

use super::sees;
use crate::meeting::{
    self,
    entity::{Meeting, Opening},
    repo,
};

const READ: &str = "meetings.read";
const WRITE: &str = "meetings.write";

macro_rules! method {
    ($method:literal) => {
        concat!("liaison.notification.v1.MeetingService/", $method)
    };
}

/// Calls, video conferences and meetings in person.
#[derive(Clone)]
pub struct Meetings {
    commands: Commands,
    client_registry: Client,
}

/// A use case that changes the meeting of this id.
type Change<Q> = for<'u> fn(&'u Unit<'u>, &'u Q, &'u str) -> BoxFuture<'u, Result<Meeting, Fault>>;

impl Meetings {
    /// Over these commands; the registry knows who the people of a client are.
    pub fn new(commands: Commands, client_registry: Client) -> Self {
        Self { commands, client_registry }
    }

    /// Whoever is said to have taken part is there, and has not left.
    async fn await_contacts(&self, contacts: &[String]) -> Result<(), Status> {
        let mut registry = ContactServiceClient::new(self.client_registry.clone());
        for name in contacts {
            let contact = match registry.get_contact(GetContactRequest { name: name.clone() }).await {
                Ok(answer) => answer.into_inner().contact,
                Err(status) if status.code() == Code::NotFound => return Err(Refusal::not_found(name).into()),
                Err(status) => {
                    tracing::warn!(code = %status.code(), "the registry did not say who takes part");
                    let sentence = "who takes part cannot be looked up now; repeat the call";
                    return Err(Refusal::new(Kind::Unavailable, "REGISTRY_UNAVAILABLE", sentence).into());
                }
            };
            if contact.is_none_or(|contact| contact.inactive) {
                let sentence = format!("{name} has left, and takes part in nothing");
                return Err(Refusal::new(Kind::State, "CONTACT_INACTIVE", sentence).with("resource", name).into());
            }
        }
        Ok(())
    }

    /// The id of a meeting of one of the caller's clients.
    async fn reach(&self, caller: &Caller, permission: &str, name: &str) -> Result<String, Status> {
        let id = name.trim_start_matches("meetings/");
        let client = repo::find_client(self.commands.db().reader(), id).await;
        let client = client.map_err(|fault| fault.into_refusal("MeetingService"))?;
        match client {
            Some(client) if sees(caller, permission, &client) => Ok(id.to_owned()),
            _ => Err(Refusal::not_found(name).into()),
        }
    }

    /// Runs a use case on a meeting of one of the caller's clients as one command, and answers with it as it is then.
    async fn change<Q>(
        &self,
        caller: Caller,
        method: &'static str,
        (name, request_id): (&str, &str),
        request: Q,
        change: Change<Q>,
    ) -> Result<Option<contracts::notification::v1::Meeting>, Status>
    where
        Q: prost::Message + Clone + 'static,
    {
        let id = self.reach(&caller, WRITE, name).await?;
        let call = Call::new(&caller, method, request_id);
        let asked = request.clone();
        let answer: GetMeetingResponse = self
            .commands
            .execute(&call, &request, move |unit| {
                let (asked, id) = (asked.clone(), id.clone());
                Box::pin(async move {
                    let meeting = change(unit, &asked, &id).await?;
                    Ok(GetMeetingResponse { meeting: Some(wire::meeting(&meeting)) })
                })
            })
            .await?;
        Ok(answer.meeting)
    }
}

#[tonic::async_trait]
impl MeetingService for Meetings {
    async fn create_meeting(
        &self,
        request: Request<CreateMeetingRequest>,
    ) -> Result<Response<CreateMeetingResponse>, Status> {
        let caller = Caller::of(&request)?.clone();
        let request = request.into_inner();
        let asked = request.meeting.clone().unwrap_or_default();
        caller.require(WRITE, &asked.client)?;
        let opening = wire::opening(&asked, &caller.principal().to_string())?;
        self.await_contacts(&opening.contacts).await?;
        let call = Call::new(&caller, method!("CreateMeeting"), &request.request_id);
        let answer = self
            .commands
            .execute(&call, &request, move |unit| {
                let opening = Opening { id: new_id(), ..opening.clone() };
                Box::pin(async move {
                    let meeting = meeting::open(unit, opening).await?;
                    Ok(CreateMeetingResponse { meeting: Some(wire::meeting(&meeting)) })
                })
            })
            .await?;
        Ok(Response::new(answer))
    }

    async fn get_meeting(&self, request: Request<GetMeetingRequest>) -> Result<Response<GetMeetingResponse>, Status> {
        const METHOD: &str = method!("GetMeeting");
        let caller = Caller::of(&request)?.clone();
        let name = request.into_inner().name;
        let id = self.reach(&caller, READ, &name).await?;
        let found = repo::find(self.commands.db().reader(), self.commands.keyring(), &id).await;
        let found = found.map_err(|fault| fault.into_refusal(METHOD))?;
        let meeting = found.ok_or_else(|| Refusal::not_found(&name))?;
        self.commands.audit_read(&caller, METHOD, vec![name]).await?;
        Ok(Response::new(GetMeetingResponse { meeting: Some(wire::meeting(&meeting)) }))
    }

    async fn list_meetings(
        &self,
        request: Request<ListMeetingsRequest>,
    ) -> Result<Response<ListMeetingsResponse>, Status> {
        const METHOD: &str = method!("ListMeetings");
        let caller = Caller::of(&request)?.clone();
        let request = request.into_inner();
        let list = format!("meetings?client={}&state={}", request.client, request.state);
        let page = Page::read(&list, request.page_size, &request.page_token)?;
        let state = wire::state_of(request.state());
        let reader = self.commands.db().reader();
        let rows = repo::list(reader, &caller.scope(READ), &request.client, state, &page).await;
        let mut rows = rows.map_err(|fault| fault.into_refusal(METHOD))?;
        let key = |meeting: &Meeting| crate::db::key_of(meeting.start_time, &meeting.id);
        let next_page_token = page.cut(&list, &mut rows, key);
        let meetings = rows.iter().map(wire::meeting).collect();
        Ok(Response::new(ListMeetingsResponse { meetings, next_page_token }))
    }

    async fn hold_meeting(
        &self,
        request: Request<HoldMeetingRequest>,
    ) -> Result<Response<HoldMeetingResponse>, Status> {
        let (caller, request) = (Caller::of(&request)?.clone(), request.into_inner());
        let (name, request_id) = (request.name.clone(), request.request_id.clone());
        let change: Change<HoldMeetingRequest> = |unit, asked, id| {
            Box::pin(async move {
                let start = asked.start_time.as_ref().map(|time| wire::time(time, "start_time")).transpose()?;
                let end = wire::time(&asked.end_time.unwrap_or_default(), "end_time")?;
                meeting::hold(unit, id, start, end).await
            })
        };
        let of = (name.as_str(), request_id.as_str());
        let meeting = self.change(caller, method!("HoldMeeting"), of, request, change).await?;
        Ok(Response::new(HoldMeetingResponse { meeting }))
    }

    async fn record_minutes(
        &self,
        request: Request<RecordMinutesRequest>,
    ) -> Result<Response<RecordMinutesResponse>, Status> {
        let (caller, request) = (Caller::of(&request)?.clone(), request.into_inner());
        let (name, request_id) = (request.name.clone(), request.request_id.clone());
        let change: Change<RecordMinutesRequest> =
            |unit, asked, id| Box::pin(meeting::write_minutes(unit, id, asked.text.clone()));
        let of = (name.as_str(), request_id.as_str());
        let meeting = self.change(caller, method!("RecordMinutes"), of, request, change).await?;
        Ok(Response::new(RecordMinutesResponse { meeting }))
    }

    async fn record_recording(
        &self,
        request: Request<RecordRecordingRequest>,
    ) -> Result<Response<RecordRecordingResponse>, Status> {
        let (caller, request) = (Caller::of(&request)?.clone(), request.into_inner());
        let (name, request_id) = (request.name.clone(), request.request_id.clone());
        let change: Change<RecordRecordingRequest> =
            |unit, asked, id| Box::pin(async move { meeting::record(unit, id, wire::told(asked)?).await });
        let of = (name.as_str(), request_id.as_str());
        let meeting = self.change(caller, method!("RecordRecording"), of, request, change).await?;
        Ok(Response::new(RecordRecordingResponse { meeting }))
    }

    async fn close_meeting(
        &self,
        request: Request<CloseMeetingRequest>,
    ) -> Result<Response<CloseMeetingResponse>, Status> {
        let (caller, request) = (Caller::of(&request)?.clone(), request.into_inner());
        let (name, request_id) = (request.name.clone(), request.request_id.clone());
        let change: Change<CloseMeetingRequest> = |unit, _, id| Box::pin(meeting::close(unit, id));
        let of = (name.as_str(), request_id.as_str());
        let meeting = self.change(caller, method!("CloseMeeting"), of, request, change).await?;
        Ok(Response::new(CloseMeetingResponse { meeting }))
    }

    async fn cancel_meeting(
        &self,
        request: Request<CancelMeetingRequest>,
    ) -> Result<Response<CancelMeetingResponse>, Status> {
        let (caller, request) = (Caller::of(&request)?.clone(), request.into_inner());
        let (name, request_id) = (request.name.clone(), request.request_id.clone());
        let change: Change<CancelMeetingRequest> =
            |unit, asked, id| Box::pin(meeting::cancel(unit, id, asked.reason.clone()));
        let of = (name.as_str(), request_id.as_str());
        let meeting = self.change(caller, method!("CancelMeeting"), of, request, change).await?;
        Ok(Response::new(CancelMeetingResponse { meeting }))
    }
}

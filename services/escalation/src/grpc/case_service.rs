//! CaseService. Each call: who calls, what must be known from outside, one use case, the answer.

use access::Caller;
use command::{Call, Commands, Fault, Unit, paging::Page};
use contracts::escalation::v1::{
    AcknowledgeCaseRequest, AcknowledgeCaseResponse, Case, CaseKind, ClockKind, ConfirmResolutionRequest,
    ConfirmResolutionResponse, DeclareCriticalRequest, DeclareCriticalResponse, EscalateCaseRequest,
    EscalateCaseResponse, ExportTimelineRequest, ExportTimelineResponse, GetCaseRequest, GetCaseResponse,
    GiveLatenessReasonRequest, GiveLatenessReasonResponse, ListCasesRequest, ListCasesResponse,
    ListTimelineEntriesRequest, ListTimelineEntriesResponse, OpenCaseRequest, OpenCaseResponse, PreviewCaseRequest,
    PreviewCaseResponse, ProposeResolutionRequest, ProposeResolutionResponse, RaiseIssueRequest, RaiseIssueResponse,
    RecordClientConfirmationRequest, RecordClientConfirmationResponse, RejectResolutionRequest,
    RejectResolutionResponse, WatchCasesRequest, case_service_server::CaseService,
};
use database::{BoxFuture, ConnectionTrait};
use refusal::Refusal;
use tonic::{Request, Response, Status};

use super::{
    convert,
    watch::{Answers, Watch},
};
use crate::{
    case::{Cases, Draft, Stored, Wanted, entity},
    registry::Registry,
};

macro_rules! method {
    ($name:literal) => {
        concat!("liaison.escalation.v1.CaseService/", $name)
    };
}

/// The service.
#[derive(Clone)]
pub struct CaseEndpoint {
    commands: Commands,
    cases: Cases,
    registry: Registry,
    watch: Watch,
}

/// A use case that changes one case.
type Change<Q> = for<'u> fn(&'u Cases, &'u Unit<'u>, &'u Caller, &'u Q) -> BoxFuture<'u, Result<Stored, Fault>>;

impl CaseEndpoint {
    /// Over the use cases.
    pub fn new(commands: Commands, cases: Cases, registry: Registry, watch: Watch) -> Self {
        Self { commands, cases, registry, watch }
    }

    /// Runs a use case as one command and answers with the case as it is then.
    async fn command<Q>(
        &self,
        caller: Caller,
        method: &'static str,
        request_id: &str,
        request: Q,
        change: Change<Q>,
    ) -> Result<Case, Refusal>
    where
        Q: prost::Message + Clone + 'static,
    {
        let call = Call::new(&caller, method, request_id);
        let (this, asked) = (self.clone(), request.clone());
        let answer: GetCaseResponse = self
            .commands
            .execute(&call, &request, move |unit| {
                let (this, caller, asked) = (this.clone(), caller.clone(), asked.clone());
                Box::pin(async move {
                    let stored = change(&this.cases, unit, &caller, &asked).await?;
                    Ok(GetCaseResponse { case: Some(this.view(unit.tx(), &stored).await?) })
                })
            })
            .await?;
        self.cases.committed();
        Ok(answer.case.unwrap_or_default())
    }

    async fn view<C: ConnectionTrait>(&self, conn: &C, stored: &Stored) -> Result<Case, Fault> {
        let words = self.cases.words(conn, stored).await?;
        convert::case(stored, words)
    }
}

#[tonic::async_trait]
impl CaseService for CaseEndpoint {
    type WatchCasesStream = Answers;

    async fn open_case(&self, request: Request<OpenCaseRequest>) -> Result<Response<OpenCaseResponse>, Status> {
        const METHOD: &str = method!("OpenCase");
        let caller = Caller::of(&request)?.clone();
        let request = request.into_inner();
        let asked = request.case.clone().unwrap_or_default();
        let draft = Draft {
            kind: match asked.kind() {
                CaseKind::Incident => entity::Kind::Incident,
                CaseKind::Issue => entity::Kind::Issue,
                CaseKind::Inquiry | CaseKind::Unspecified => entity::Kind::Inquiry,
            },
            client: asked.client,
            engagement: asked.engagement,
            subject: asked.subject,
        };
        Cases::may_open(&caller, &draft)?;
        let known = self.cases.knows_client(&draft.client).await.map_err(|fault| fault.into_refusal(METHOD))?;
        let introduced = if known { None } else { Some(self.registry.introduce(&draft.client).await?) };
        if !draft.engagement.is_empty() {
            self.registry.demand_engagement(&draft.engagement).await?;
        }
        let call = Call::new(&caller, METHOD, &request.request_id);
        let this = self.clone();
        let answer = self
            .commands
            .execute(&call, &request, move |unit| {
                let (this, caller, draft, introduced) =
                    (this.clone(), caller.clone(), draft.clone(), introduced.clone());
                Box::pin(async move {
                    let stored = this.cases.open(unit, &caller, &draft, introduced.as_ref()).await?;
                    Ok(OpenCaseResponse { case: Some(this.view(unit.tx(), &stored).await?) })
                })
            })
            .await?;
        self.cases.committed();
        Ok(Response::new(answer))
    }

    async fn get_case(&self, request: Request<GetCaseRequest>) -> Result<Response<GetCaseResponse>, Status> {
        const METHOD: &str = method!("GetCase");
        let caller = Caller::of(&request)?.clone();
        let name = request.into_inner().name;
        let told = |fault: Fault| fault.into_refusal(METHOD);
        let stored = self.cases.get(&caller, "cases.read", &name).await.map_err(told)?;
        let case = self.view(self.commands.db().reader(), &stored).await.map_err(told)?;
        self.commands.audit_read(&caller, METHOD, vec![name]).await?;
        Ok(Response::new(GetCaseResponse { case: Some(case) }))
    }

    async fn list_cases(&self, request: Request<ListCasesRequest>) -> Result<Response<ListCasesResponse>, Status> {
        const METHOD: &str = method!("ListCases");
        let caller = Caller::of(&request)?.clone();
        let request = request.into_inner();
        let told = |fault: Fault| fault.into_refusal(METHOD);
        let list = format!("cases?{}&{}&{}", request.client, request.state, request.mail);
        let page = Page::read(&list, request.page_size, &request.page_token)?;
        let state = convert::stored_state(request.state());
        let wanted = Wanted { client: request.client, state, mail: request.mail, page };
        let (found, next_page_token) = self.cases.list(&caller, &list, &wanted).await.map_err(told)?;
        let mut cases = Vec::with_capacity(found.len());
        for stored in &found {
            cases.push(self.view(self.commands.db().reader(), stored).await.map_err(told)?);
        }
        if !cases.is_empty() {
            let names = cases.iter().map(|case| case.name.clone()).collect();
            self.commands.audit_read(&caller, METHOD, names).await?;
        }
        Ok(Response::new(ListCasesResponse { cases, next_page_token }))
    }

    async fn watch_cases(
        &self,
        request: Request<WatchCasesRequest>,
    ) -> Result<Response<Self::WatchCasesStream>, Status> {
        let caller = Caller::of(&request)?.clone();
        Ok(Response::new(self.watch.begin(caller, request.into_inner()).await?))
    }

    async fn acknowledge_case(
        &self,
        request: Request<AcknowledgeCaseRequest>,
    ) -> Result<Response<AcknowledgeCaseResponse>, Status> {
        let (caller, request) = (Caller::of(&request)?.clone(), request.into_inner());
        let id = request.request_id.clone();
        let change: Change<AcknowledgeCaseRequest> =
            |cases, unit, caller, asked| Box::pin(cases.acknowledge(unit, caller, &asked.name));
        let case = self.command(caller, method!("AcknowledgeCase"), &id, request, change).await?;
        Ok(Response::new(AcknowledgeCaseResponse { case: Some(case) }))
    }

    async fn raise_issue(&self, request: Request<RaiseIssueRequest>) -> Result<Response<RaiseIssueResponse>, Status> {
        let (caller, request) = (Caller::of(&request)?.clone(), request.into_inner());
        let id = request.request_id.clone();
        let change: Change<RaiseIssueRequest> =
            |cases, unit, caller, asked| Box::pin(cases.raise(unit, caller, &asked.name, &asked.reason));
        let case = self.command(caller, method!("RaiseIssue"), &id, request, change).await?;
        Ok(Response::new(RaiseIssueResponse { case: Some(case) }))
    }

    async fn declare_critical(
        &self,
        request: Request<DeclareCriticalRequest>,
    ) -> Result<Response<DeclareCriticalResponse>, Status> {
        let (caller, request) = (Caller::of(&request)?.clone(), request.into_inner());
        let id = request.request_id.clone();
        let change: Change<DeclareCriticalRequest> =
            |cases, unit, caller, asked| Box::pin(cases.declare_critical(unit, caller, &asked.name, &asked.reason));
        let case = self.command(caller, method!("DeclareCritical"), &id, request, change).await?;
        Ok(Response::new(DeclareCriticalResponse { case: Some(case) }))
    }

    async fn escalate_case(
        &self,
        request: Request<EscalateCaseRequest>,
    ) -> Result<Response<EscalateCaseResponse>, Status> {
        let (caller, request) = (Caller::of(&request)?.clone(), request.into_inner());
        let id = request.request_id.clone();
        let change: Change<EscalateCaseRequest> =
            |cases, unit, caller, asked| Box::pin(cases.escalate(unit, caller, &asked.name, &asked.reason));
        let case = self.command(caller, method!("EscalateCase"), &id, request, change).await?;
        Ok(Response::new(EscalateCaseResponse { case: Some(case) }))
    }

    async fn propose_resolution(
        &self,
        request: Request<ProposeResolutionRequest>,
    ) -> Result<Response<ProposeResolutionResponse>, Status> {
        let (caller, request) = (Caller::of(&request)?.clone(), request.into_inner());
        let id = request.request_id.clone();
        let change: Change<ProposeResolutionRequest> =
            |cases, unit, caller, asked| Box::pin(cases.propose(unit, caller, &asked.name, &asked.text, &asked.etag));
        let case = self.command(caller, method!("ProposeResolution"), &id, request, change).await?;
        Ok(Response::new(ProposeResolutionResponse { case: Some(case) }))
    }

    async fn confirm_resolution(
        &self,
        request: Request<ConfirmResolutionRequest>,
    ) -> Result<Response<ConfirmResolutionResponse>, Status> {
        let (caller, request) = (Caller::of(&request)?.clone(), request.into_inner());
        let id = request.request_id.clone();
        let change: Change<ConfirmResolutionRequest> =
            |cases, unit, caller, asked| Box::pin(cases.confirm(unit, caller, &asked.name, asked.proposal_revision));
        let case = self.command(caller, method!("ConfirmResolution"), &id, request, change).await?;
        Ok(Response::new(ConfirmResolutionResponse { case: Some(case) }))
    }

    async fn record_client_confirmation(
        &self,
        request: Request<RecordClientConfirmationRequest>,
    ) -> Result<Response<RecordClientConfirmationResponse>, Status> {
        const METHOD: &str = method!("RecordClientConfirmation");
        let (caller, request) = (Caller::of(&request)?.clone(), request.into_inner());
        let id = request.request_id.clone();
        // The case first: a contact of another client is refused as that, and nothing is told of whether it exists.
        let told = |fault: Fault| fault.into_refusal(METHOD);
        let stored = self.cases.get(&caller, "cases.record_confirmation", &request.name).await.map_err(told)?;
        if !stored.case.is_contact(&request.contact) {
            return Err(Refusal::from(crate::case::CaseError::ContactOfAnother).into());
        }
        self.registry.demand_confirmer(&request.contact).await?;
        let change: Change<RecordClientConfirmationRequest> = |cases, unit, caller, asked| {
            let (revision, contact) = (asked.proposal_revision, asked.contact.as_str());
            Box::pin(cases.record_confirmation(unit, caller, &asked.name, revision, contact, &asked.evidence))
        };
        let case = self.command(caller, METHOD, &id, request, change).await?;
        Ok(Response::new(RecordClientConfirmationResponse { case: Some(case) }))
    }

    async fn reject_resolution(
        &self,
        request: Request<RejectResolutionRequest>,
    ) -> Result<Response<RejectResolutionResponse>, Status> {
        let (caller, request) = (Caller::of(&request)?.clone(), request.into_inner());
        let id = request.request_id.clone();
        let change: Change<RejectResolutionRequest> = |cases, unit, caller, asked| {
            Box::pin(cases.reject(unit, caller, &asked.name, asked.proposal_revision, &asked.reason))
        };
        let case = self.command(caller, method!("RejectResolution"), &id, request, change).await?;
        Ok(Response::new(RejectResolutionResponse { case: Some(case) }))
    }

    async fn give_lateness_reason(
        &self,
        request: Request<GiveLatenessReasonRequest>,
    ) -> Result<Response<GiveLatenessReasonResponse>, Status> {
        let (caller, request) = (Caller::of(&request)?.clone(), request.into_inner());
        let id = request.request_id.clone();
        let change: Change<GiveLatenessReasonRequest> = |cases, unit, caller, asked| {
            let clock = match asked.clock() {
                ClockKind::Resolution => entity::ClockKind::Resolution,
                ClockKind::ClientUpdate => entity::ClockKind::ClientUpdate,
                ClockKind::FirstResponse | ClockKind::Unspecified => entity::ClockKind::FirstResponse,
            };
            Box::pin(cases.give_lateness_reason(unit, caller, &asked.name, clock, &asked.reason))
        };
        let case = self.command(caller, method!("GiveLatenessReason"), &id, request, change).await?;
        Ok(Response::new(GiveLatenessReasonResponse { case: Some(case) }))
    }

    async fn list_timeline_entries(
        &self,
        request: Request<ListTimelineEntriesRequest>,
    ) -> Result<Response<ListTimelineEntriesResponse>, Status> {
        const METHOD: &str = method!("ListTimelineEntries");
        let (caller, request) = (Caller::of(&request)?.clone(), request.into_inner());
        let told = |fault: Fault| fault.into_refusal(METHOD);
        let stored = self.cases.get(&caller, "timelines.read", &request.parent).await.map_err(told)?;
        let list = format!("timeline?{}", request.parent);
        let page = Page::read(&list, request.page_size, &request.page_token)?;
        let after = match page.after.as_deref().map(str::parse) {
            None => 0,
            Some(Ok(after)) => after,
            Some(Err(_)) => {
                let wrong = "is not a token of this list; begin without one";
                return Err(Refusal::field("BAD_PAGE_TOKEN", "page_token", wrong).into());
            }
        };
        let mut rows = self.cases.timeline(&stored, after, Some(page.limit())).await.map_err(told)?;
        let next_page_token = page.cut(&list, &mut rows, |row| row.sequence.to_string());
        let entries: Result<_, Fault> = rows.iter().map(|row| convert::entry(&request.parent, row)).collect();
        let entries = entries.map_err(told)?;
        self.commands.audit_read(&caller, METHOD, vec![request.parent]).await?;
        Ok(Response::new(ListTimelineEntriesResponse { entries, next_page_token }))
    }

    async fn export_timeline(
        &self,
        request: Request<ExportTimelineRequest>,
    ) -> Result<Response<ExportTimelineResponse>, Status> {
        const METHOD: &str = method!("ExportTimeline");
        let (caller, request) = (Caller::of(&request)?.clone(), request.into_inner());
        let told = |fault: Fault| fault.into_refusal(METHOD);
        let stored = self.cases.get(&caller, "timelines.export", &request.name).await.map_err(told)?;
        let rows = self.cases.timeline(&stored, 0, None).await.map_err(told)?;
        let entries: Result<_, Fault> = rows.iter().map(convert::chained).collect();
        let entries = entries.map_err(told)?;
        self.commands.audit_read(&caller, METHOD, vec![request.name.clone()]).await?;
        Ok(Response::new(ExportTimelineResponse { case: request.name, client: stored.case.client, entries }))
    }

    async fn preview_case(
        &self,
        request: Request<PreviewCaseRequest>,
    ) -> Result<Response<PreviewCaseResponse>, Status> {
        let (caller, request) = (Caller::of(&request)?.clone(), request.into_inner());
        let stored = self.cases.get(&caller, "cases.read", &request.name).await;
        let stored = stored.map_err(|fault| fault.into_refusal(method!("PreviewCase")))?;
        let steps = self.cases.preview(&stored).into_iter().map(convert::previewed).collect();
        Ok(Response::new(PreviewCaseResponse { steps }))
    }
}

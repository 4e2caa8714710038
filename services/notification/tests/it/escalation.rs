//! A small escalation, for the same reason as the small registry beside it: it implements the generated trait and answers
//! what notification asks, a case and its proposal.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
};

use contracts::escalation::v1::{
    case_service_server::{CaseService, CaseServiceServer},
    *,
};
use tokio::net::TcpListener;
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

/// The cases it knows. Cheap to clone; clones share them.
#[derive(Clone, Default)]
pub struct FakeEscalation {
    cases: Arc<Mutex<BTreeMap<String, Case>>>,
}

type Answer<T> = Result<Response<T>, Status>;

impl FakeEscalation {
    /// Serves on a port of its own until `stop`, and tells its address.
    pub async fn serve(&self, stop: CancellationToken) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = tonic::transport::Server::builder().add_service(CaseServiceServer::new(self.clone()));
        let incoming = TcpListenerStream::new(listener);
        tokio::spawn(server.serve_with_incoming_shutdown(incoming, async move { stop.cancelled().await }));
        url
    }

    pub fn cases(&self) -> MutexGuard<'_, BTreeMap<String, Case>> {
        self.cases.lock().unwrap()
    }
}

fn not_asked<T>() -> Answer<T> {
    Err(Status::unimplemented("nobody asks this here"))
}

#[tonic::async_trait]
impl CaseService for FakeEscalation {
    async fn get_case(&self, request: Request<GetCaseRequest>) -> Answer<GetCaseResponse> {
        let case = self.cases().get(&request.get_ref().name).cloned();
        let case = case.ok_or_else(|| Status::not_found("no such case"))?;
        Ok(Response::new(GetCaseResponse { case: Some(case) }))
    }

    async fn list_cases(&self, _: Request<ListCasesRequest>) -> Answer<ListCasesResponse> {
        let cases = self.cases().values().rev().cloned().collect();
        Ok(Response::new(ListCasesResponse { cases, next_page_token: String::new() }))
    }

    type WatchCasesStream = ReceiverStream<Result<WatchCasesResponse, Status>>;

    async fn watch_cases(&self, _: Request<WatchCasesRequest>) -> Answer<Self::WatchCasesStream> {
        not_asked()
    }

    async fn open_case(&self, _: Request<OpenCaseRequest>) -> Answer<OpenCaseResponse> {
        not_asked()
    }

    async fn acknowledge_case(&self, _: Request<AcknowledgeCaseRequest>) -> Answer<AcknowledgeCaseResponse> {
        not_asked()
    }

    async fn raise_issue(&self, _: Request<RaiseIssueRequest>) -> Answer<RaiseIssueResponse> {
        not_asked()
    }

    async fn declare_critical(&self, _: Request<DeclareCriticalRequest>) -> Answer<DeclareCriticalResponse> {
        not_asked()
    }

    async fn escalate_case(&self, _: Request<EscalateCaseRequest>) -> Answer<EscalateCaseResponse> {
        not_asked()
    }

    async fn propose_resolution(&self, _: Request<ProposeResolutionRequest>) -> Answer<ProposeResolutionResponse> {
        not_asked()
    }

    async fn confirm_resolution(&self, _: Request<ConfirmResolutionRequest>) -> Answer<ConfirmResolutionResponse> {
        not_asked()
    }

    async fn record_client_confirmation(
        &self,
        _: Request<RecordClientConfirmationRequest>,
    ) -> Answer<RecordClientConfirmationResponse> {
        not_asked()
    }

    async fn reject_resolution(&self, _: Request<RejectResolutionRequest>) -> Answer<RejectResolutionResponse> {
        not_asked()
    }

    async fn give_lateness_reason(&self, _: Request<GiveLatenessReasonRequest>) -> Answer<GiveLatenessReasonResponse> {
        not_asked()
    }

    async fn list_timeline_entries(
        &self,
        _: Request<ListTimelineEntriesRequest>,
    ) -> Answer<ListTimelineEntriesResponse> {
        not_asked()
    }

    async fn export_timeline(&self, _: Request<ExportTimelineRequest>) -> Answer<ExportTimelineResponse> {
        not_asked()
    }

    async fn preview_case(&self, _: Request<PreviewCaseRequest>) -> Answer<PreviewCaseResponse> {
        not_asked()
    }
}

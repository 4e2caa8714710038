//! A case service that does what the case's name says.

use std::{
    convert::Infallible,
    future::Future,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use access::{AccessLayer, Caller, Role, Rules};
use bytes::{BufMut, Bytes, BytesMut};
use contracts::escalation::v1::{
    Case, GetCaseRequest, GetCaseResponse, OpenCaseRequest, OpenCaseResponse, WatchCasesRequest, WatchCasesResponse,
    case_service_client::CaseServiceClient,
};
use futures_util::stream::{self, BoxStream, StreamExt};
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use runtime::{Client, Edge, Limits, Server, ServerError, Services};
use testkit::{Roster, Tokens, tokens};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tonic::{Status, body::Body, server::NamedService};
use tonic_prost::ProstCodec;
use tower::{Service, service_fn};

pub const OPEN_CASE: &str = "/liaison.escalation.v1.CaseService/OpenCase";

/// What the tests and the handlers tell each other.
#[derive(Clone, Default)]
pub struct Stage {
    pub entered: Arc<AtomicU32>,
    pub go_on: Arc<Notify>,
    pub dropped: Arc<AtomicBool>,
}

struct Dropped(Arc<AtomicBool>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[derive(Clone)]
struct Cases(Stage);

impl NamedService for Cases {
    const NAME: &'static str = "liaison.escalation.v1.CaseService";
}

impl Service<Request<Body>> for Cases {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let stage = self.0.clone();
        Box::pin(async move {
            stage.entered.fetch_add(1, Ordering::SeqCst);
            let method = request.uri().path().rsplit('/').next().unwrap().to_owned();
            Ok(match method.as_str() {
                "GetCase" => {
                    let get = service_fn(move |request| get_case(stage.clone(), request));
                    tonic::server::Grpc::new(ProstCodec::default()).unary(get, request).await
                }
                "OpenCase" => {
                    let open = service_fn(|_: tonic::Request<OpenCaseRequest>| async {
                        Ok::<_, Status>(tonic::Response::new(OpenCaseResponse::default()))
                    });
                    tonic::server::Grpc::new(ProstCodec::default()).unary(open, request).await
                }
                "WatchCases" => {
                    let watch = service_fn(|request: tonic::Request<WatchCasesRequest>| async move {
                        Ok::<_, Status>(tonic::Response::new(watch_cases(request.into_inner())))
                    });
                    tonic::server::Grpc::new(ProstCodec::default()).server_streaming(watch, request).await
                }
                _ => Status::unimplemented("").into_http(),
            })
        })
    }
}

async fn get_case(
    stage: Stage,
    request: tonic::Request<GetCaseRequest>,
) -> Result<tonic::Response<GetCaseResponse>, Status> {
    let who = Caller::of(&request)?.principal().name().to_owned();
    let token = request.metadata().contains_key("authorization");
    let name = request.into_inner().name;
    match name.as_str() {
        "cases/panics" => panic!("as asked"),
        "cases/never" => {
            let _dropped = Dropped(stage.dropped.clone());
            std::future::pending::<()>().await;
        }
        "cases/waits" => stage.go_on.notified().await,
        _ => {}
    }
    // Who called and within which trace, in fields that carry text.
    let case = Case { name, client: who, etag: runtime::telemetry::traceparent(), ..Case::default() };
    if token {
        Err(Status::internal("the token came through"))
    } else {
        Ok(tonic::Response::new(GetCaseResponse { case: Some(case) }))
    }
}

fn watch_cases(request: WatchCasesRequest) -> BoxStream<'static, Result<WatchCasesResponse, Status>> {
    let event = |number: u64| Ok(WatchCasesResponse { revision: number, ..WatchCasesResponse::default() });
    match request.client.as_str() {
        "clients/busy" => stream::iter(1..).map(event).boxed(),
        "clients/panics" => {
            stream::iter(1..).map(move |number| if number > 2 { panic!("as asked") } else { event(number) }).boxed()
        }
        _ => stream::iter(1..=1).map(event).chain(stream::pending()).boxed(),
    }
}

/// A server in this process.
pub struct House {
    pub address: SocketAddr,
    pub tokens: Tokens,
    pub stage: Stage,
    pub shutdown: CancellationToken,
    pub served: tokio::task::JoinHandle<Result<(), ServerError>>,
    pub edge: Edge,
}

impl House {
    pub async fn open() -> Self {
        Self::with(Limits::default()).await
    }

    pub async fn with(limits: Limits) -> Self {
        let (tokens, stage, shutdown) = (tokens(), Stage::default(), CancellationToken::new());
        let roster = Roster::new();
        roster.firm("staff/zoe", Role::Management).client("staff/anna", Role::AccountManager, "clients/acme");
        let access = AccessLayer::new(Rules::load().unwrap(), tokens.verifier(), Arc::new(roster));
        let edge = Edge::new(access).with_limits(limits);
        let bound = Server::bind("127.0.0.1:0").await.unwrap();
        let address = bound.local_addr();
        let services = Services::new().with(Cases(stage.clone()));
        let served = tokio::spawn(bound.serve(services, edge.clone(), shutdown.clone()));
        Self { address, tokens, stage, shutdown, served, edge }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn client(&self, who: &str) -> Client {
        runtime::client::connect(&self.url(), self.tokens.source(who)).unwrap()
    }

    pub fn cases(&self, who: &str) -> CaseServiceClient<Client> {
        CaseServiceClient::new(self.client(who))
    }

    pub async fn channel(&self) -> tonic::transport::Channel {
        tonic::transport::Endpoint::from_shared(self.url()).unwrap().connect().await.unwrap()
    }

    /// Sends these bytes as the body of a call by management.
    pub async fn raw(&self, path: &str, body: Bytes, headers: &[(&str, &str)]) -> Status {
        let mut request = Request::builder()
            .method("POST")
            .uri(format!("{}{path}", self.url()))
            .header("content-type", "application/grpc")
            .header("te", "trailers");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::new(Full::new(body))).unwrap();
        let mut client = self.client("staff/zoe");
        std::future::poll_fn(|cx| client.poll_ready(cx)).await.unwrap();
        let response = client.call(request).await.unwrap();
        if let Some(status) = Status::from_header_map(response.headers()) {
            return status;
        }
        let trailers = response.into_body().collect().await.unwrap().trailers().cloned();
        Status::from_header_map(&trailers.unwrap_or_default()).unwrap()
    }

    pub fn entered(&self) -> u32 {
        self.stage.entered.load(Ordering::SeqCst)
    }
}

/// A message as it stands on the wire.
pub fn frame(compressed: u8, message: &[u8]) -> Bytes {
    let mut frame = BytesMut::new();
    frame.put_u8(compressed);
    frame.put_u32(u32::try_from(message.len()).unwrap());
    frame.extend_from_slice(message);
    frame.freeze()
}

pub fn get(name: &str) -> GetCaseRequest {
    GetCaseRequest { name: name.into() }
}

pub fn reason(status: &Status) -> String {
    refusal::reason(status).unwrap_or_default()
}

pub const SOON: Duration = Duration::from_secs(5);

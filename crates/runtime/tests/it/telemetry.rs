use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::BodyExt;
use runtime::telemetry::{self, TelemetrySettings};
use testkit::eventually;
use tokio_util::sync::CancellationToken;
use tonic::{body::Body, server::NamedService};
use tower::Service;
use tracing::Instrument;
use tracing_subscriber::layer::SubscriberExt;

use crate::support::{House, SOON, get};

fn is_traceparent(text: &str) -> bool {
    let parts: Vec<_> = text.split('-').collect();
    parts.iter().map(|part| part.len()).eq([2, 32, 16, 2])
        && text.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}

#[test]
fn there_is_a_valid_traceparent_without_an_exporter() {
    let provider = telemetry::tracer("test", None).unwrap();
    let subscriber = tracing_subscriber::registry().with(telemetry::layer(&provider));
    tracing::subscriber::with_default(subscriber, || {
        let first = tracing::info_span!("first").in_scope(telemetry::traceparent);
        assert!(is_traceparent(&first), "{first}");

        let child = tracing::info_span!("child");
        telemetry::set_parent_from(&child, &first);
        let child = child.in_scope(telemetry::traceparent);
        assert_eq!(child[..35], first[..35], "the same trace");
        assert_ne!(child, first, "another span");
    });
}

#[test]
fn a_traceparent_that_is_none_changes_nothing() {
    let provider = telemetry::tracer("test", None).unwrap();
    let subscriber = tracing_subscriber::registry().with(telemetry::layer(&provider));
    tracing::subscriber::with_default(subscriber, || {
        for wrong in [
            "",
            "nonsense",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
        ] {
            let span = tracing::info_span!("root");
            telemetry::set_parent_from(&span, wrong);
            let own = span.in_scope(telemetry::traceparent);
            assert!(is_traceparent(&own) && !own.contains("0af7651916cd43dd8448eb211c80319c"), "{wrong:?} {own}");
        }
        let span = tracing::info_span!("root");
        telemetry::set_parent_from(&span, "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more");
        assert!(span.in_scope(telemetry::traceparent).contains("0af7651916cd43dd8448eb211c80319c"), "a later version");
    });
}

#[test]
fn where_telemetry_was_never_started_there_is_no_trace() {
    tracing::subscriber::with_default(tracing::subscriber::NoSubscriber::new(), || {
        assert_eq!(tracing::info_span!("nobody looks").in_scope(telemetry::traceparent), "");
    });
}

/// Takes what an OTLP exporter sends.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<Bytes>>>);

impl NamedService for Collector {
    const NAME: &'static str = "opentelemetry.proto.collector.trace.v1.TraceService";
}

impl Service<Request<Body>> for Collector {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let taken = self.0.clone();
        Box::pin(async move {
            let body = request.into_body().collect().await.unwrap().to_bytes();
            taken.lock().unwrap().push(body);
            Ok(tonic::Status::ok("").into_http())
        })
    }
}

impl Collector {
    fn holds(&self, text: &str) -> bool {
        let taken = self.0.lock().unwrap();
        taken.iter().any(|body| body.windows(text.len()).any(|window| window == text.as_bytes()))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_trace_runs_from_the_caller_through_the_server_and_is_exported_when_the_process_ends() {
    let collector = Collector::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let stop = CancellationToken::new();
    let serving = tonic::transport::Server::builder().add_service(collector.clone()).serve_with_incoming_shutdown(
        tokio_stream::wrappers::TcpListenerStream::new(listener),
        stop.clone().cancelled_owned(),
    );
    tokio::spawn(serving);

    let settings =
        TelemetrySettings { otlp_endpoint: Some(endpoint), filter: "error".into(), ..TelemetrySettings::default() };
    let telemetry = telemetry::init("escalation-under-test", &settings).unwrap();
    let house = House::open().await;
    let span = tracing::info_span!("the caller's work");
    let caller = telemetry::traceparent_of(&span);
    let answer = house.cases("staff/zoe").get_case(get("cases/canary-name")).instrument(span).await.unwrap();
    let handler = answer.into_inner().case.unwrap().etag;
    assert!(is_traceparent(&handler), "{handler}");
    assert_eq!(handler[..35], caller[..35], "the same trace in the handler");
    assert_ne!(handler, caller);

    telemetry.shutdown().await;
    eventually(SOON, async || collector.holds("liaison.escalation.v1.CaseService/GetCase")).await;
    assert!(collector.holds("escalation-under-test"));
    assert!(collector.holds("the caller's work"));
    assert!(!collector.holds("canary-name"), "a span holds no argument");
    assert!(!collector.holds("staff/zoe"));
    stop.cancel();
}

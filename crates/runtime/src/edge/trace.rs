//! One span for each call, a child of the caller's.

use std::task::{Context, Poll};

use http::{Request, Response};
use tonic::{Code, Status, body::Body};
use tower::{Layer, Service};
use tracing::{Instrument, Span, field::Empty};

use super::{BoxFuture, methods, ready};
use crate::telemetry;

/// Puts a span around each call, by the method's name only: neither addresses nor arguments. No line is logged for a
/// call. A path that no contract has is named `unknown`, so that nobody can fill the collector with names.
#[derive(Clone, Copy, Debug, Default)]
pub struct TraceLayer;

impl<S> Layer<S> for TraceLayer {
    type Service = Trace<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Trace { inner }
    }
}

/// A server whose calls are traced.
#[derive(Clone, Debug)]
pub struct Trace<S> {
    inner: S,
}

impl<S> Service<Request<Body>> for Trace<S>
where
    S: Service<Request<Body>, Response = Response<Body>> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = BoxFuture<Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let mut inner = ready(&mut self.inner);
        let span = span(&request);
        let seen = span.clone();
        let answered = async move {
            let response = inner.call(request).await?;
            // A handler's refusal is in the headers; what ends a stream comes later, in its trailers.
            let code = Status::from_header_map(response.headers()).map_or(Code::Ok, |status| status.code());
            seen.record("rpc.grpc.status_code", code as i32);
            if matches!(code, Code::Internal | Code::Unknown | Code::DataLoss) {
                seen.record("otel.status_code", "ERROR");
            }
            Ok(response)
        };
        Box::pin(answered.instrument(span))
    }
}

fn span(request: &Request<Body>) -> Span {
    let path = request.uri().path();
    let known = methods::find(path).is_some() || path.starts_with("/grpc.");
    let name = if known { path.trim_start_matches('/') } else { "unknown" };
    let span = tracing::info_span!(
        "rpc",
        otel.name = name,
        otel.kind = "server",
        otel.status_code = Empty,
        rpc.system = "grpc",
        rpc.method = name,
        rpc.grpc.status_code = Empty,
    );
    if let Some(parent) = request.headers().get("traceparent").and_then(|value| value.to_str().ok()) {
        telemetry::set_parent_from(&span, parent);
    }
    span
}

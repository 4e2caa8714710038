//! A panic in a handler becomes INTERNAL for its caller; the process and the connection's other calls live on.

use std::{
    panic::AssertUnwindSafe,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_util::FutureExt;
use http::{Request, Response};
use http_body::Frame;
use refusal::Refusal;
use tonic::{Status, body::Body};
use tower::{Layer, Service};

use super::{BoxFuture, ready};

/// Catches panics of handlers and of the streams that they answer with.
#[derive(Clone, Copy, Debug, Default)]
pub struct PanicLayer;

impl<S> Layer<S> for PanicLayer {
    type Service = CatchPanic<S>;

    fn layer(&self, inner: S) -> Self::Service {
        CatchPanic { inner }
    }
}

/// A server whose panics are caught.
#[derive(Clone, Debug)]
pub struct CatchPanic<S> {
    inner: S,
}

impl<S> Service<Request<Body>> for CatchPanic<S>
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
        let path = request.uri().path().to_owned();
        Box::pin(async move {
            // What a handler left half done is dropped with its future: nothing of it is seen again.
            let answered = AssertUnwindSafe(async move { inner.call(request).await }).catch_unwind().await;
            match answered {
                Ok(response) => Ok(response?.map(|body| Body::new(Caught { body: Some(body), path }))),
                Err(_) => Ok(fault(&path).into_http()),
            }
        })
    }
}

/// The panic's own text is on stderr already, by the panic hook; here is which call it was.
fn fault(path: &str) -> Status {
    tracing::error!(rpc.method = path.trim_start_matches('/'), "handler panicked");
    Refusal::internal().into()
}

struct Caught {
    body: Option<Body>,
    path: String,
}

impl http_body::Body for Caught {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        match std::panic::catch_unwind(AssertUnwindSafe(|| Pin::new(body).poll_frame(cx))) {
            Ok(polled) => polled,
            Err(_) => {
                self.body = None;
                Poll::Ready(Some(Ok(Frame::trailers(super::deadline::trailers(&fault(&self.path))))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(http_body::Body::is_end_stream)
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.body.as_ref().map_or_else(|| http_body::SizeHint::with_exact(0), http_body::Body::size_hint)
    }
}

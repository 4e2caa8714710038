//! Deadlines, and the end of streams at shutdown.
//!
//! A call that states `grpc-timeout` is answered DEADLINE_EXCEEDED when that time is over, and its handler is dropped. A
//! call that states none gets the server's longest; a stream lives until its caller or the server ends it. At shutdown a
//! call that is under way is finished, while streams, which would last for ever, end with UNAVAILABLE, reason
//! SHUTTING_DOWN, so that their callers go elsewhere with their resume token.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body::Frame;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status, body::Body};
use tower::{Layer, Service};

use super::{BoxFuture, methods, ready, status};

/// Ends calls at their deadline and streams at shutdown.
#[derive(Clone, Debug)]
pub struct DeadlineLayer {
    longest: Duration,
    shutdown: CancellationToken,
}

impl DeadlineLayer {
    /// Calls that answer once take no longer than `longest`, whatever they state; streams end on `shutdown`.
    pub fn new(longest: Duration, shutdown: CancellationToken) -> Self {
        Self { longest, shutdown }
    }
}

impl<S> Layer<S> for DeadlineLayer {
    type Service = Deadline<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Deadline { inner, layer: self.clone() }
    }
}

/// A server whose calls have deadlines.
#[derive(Clone, Debug)]
pub struct Deadline<S> {
    inner: S,
    layer: DeadlineLayer,
}

impl<S> Service<Request<Body>> for Deadline<S>
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
        let stated = match stated(request.headers()) {
            Ok(stated) => stated,
            Err(status) => return Box::pin(async move { Ok(status.into_http()) }),
        };
        let once = methods::answers_once(request.uri().path());
        let allowed = if once { Some(stated.unwrap_or(self.layer.longest).min(self.layer.longest)) } else { stated };
        let shutdown = (!once).then(|| self.layer.shutdown.clone());
        let deadline = allowed.map(|allowed| Instant::now() + sooner(allowed));
        Box::pin(async move {
            let end = Box::pin(end(deadline, shutdown));
            let mut answered = Box::pin(async move { inner.call(request).await });
            let mut end = end;
            tokio::select! {
                biased;
                response = &mut answered => {
                    Ok(response?.map(|body| Body::new(Ending { body: Some(body), end, once })))
                }
                status = &mut end => Ok(status.into_http()),
            }
        })
    }
}

/// Somewhat sooner than stated, so that the answer is ours: the transport below ends a call at the same time with
/// CANCELLED, which says something else.
fn sooner(allowed: Duration) -> Duration {
    allowed.saturating_sub((allowed / 10).min(Duration::from_millis(10)))
}

async fn end(deadline: Option<Instant>, shutdown: Option<CancellationToken>) -> Status {
    let late = async {
        match deadline {
            Some(deadline) => tokio::time::sleep_until(deadline).await,
            None => std::future::pending().await,
        }
    };
    let down = async {
        match shutdown {
            Some(shutdown) => shutdown.cancelled_owned().await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = late => status(Code::DeadlineExceeded, "DEADLINE_EXCEEDED", "the call took longer than it was allowed to"),
        () = down => status(Code::Unavailable, "SHUTTING_DOWN", "this server is going down; ask again, with your resume token"),
    }
}

/// `grpc-timeout`, where a call states one: up to eight digits and a unit.
pub(crate) fn stated(headers: &HeaderMap) -> Result<Option<Duration>, Status> {
    let Some(value) = headers.get("grpc-timeout") else { return Ok(None) };
    let read = || {
        let text = value.to_str().ok()?;
        let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
        if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
            return None;
        }
        let amount: u64 = digits.parse().ok()?;
        Some(match unit {
            "H" => Duration::from_secs(amount * 3600),
            "M" => Duration::from_secs(amount * 60),
            "S" => Duration::from_secs(amount),
            "m" => Duration::from_millis(amount),
            "u" => Duration::from_micros(amount),
            "n" => Duration::from_nanos(amount),
            _ => return None,
        })
    };
    let wrong =
        || status(Code::InvalidArgument, "BAD_TIMEOUT", "grpc-timeout is up to eight digits and a unit of HMSmun");
    read().map(Some).ok_or_else(wrong)
}

type End = Pin<Box<dyn Future<Output = Status> + Send>>;

struct Ending {
    body: Option<Body>,
    end: End,
    once: bool,
}

impl http_body::Body for Ending {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let this = &mut *self;
        let Some(body) = &mut this.body else { return Poll::Ready(None) };
        // A stream that always has something to say would never look at its end; a single answer is said to its end.
        if this.once
            && let Poll::Ready(frame) = Pin::new(&mut *body).poll_frame(cx)
        {
            return Poll::Ready(frame);
        }
        if let Poll::Ready(status) = this.end.as_mut().poll(cx) {
            this.body = None;
            return Poll::Ready(Some(Ok(Frame::trailers(trailers(&status)))));
        }
        if this.once { Poll::Pending } else { Pin::new(body).poll_frame(cx) }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(http_body::Body::is_end_stream)
    }
}

/// A status as the trailers that end a stream.
pub(super) fn trailers(status: &Status) -> HeaderMap {
    let mut trailers = HeaderMap::new();
    // Fails only for a message that is no header value even when escaped; the code and its reason are ours.
    let _ = status.add_header(&mut trailers);
    trailers
}

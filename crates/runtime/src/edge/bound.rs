//! Messages are bounded: what is larger is refused as soon as that can be known, before it was read.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Request, Response, header::CONTENT_LENGTH};
use http_body::Frame;
use refusal::{Kind, Refusal};
use tonic::{Status, body::Body};
use tower::{Layer, Service};

use super::{BoxFuture, ready};

/// What stands before a message: one byte for compression, four for its length.
pub(crate) const PREFIX: usize = 5;

/// Bounds the messages that a server takes.
#[derive(Clone, Copy, Debug)]
pub struct BoundLayer {
    bound: usize,
}

impl BoundLayer {
    /// Takes messages of at most `bound` bytes.
    pub fn new(bound: usize) -> Self {
        Self { bound }
    }
}

impl<S> Layer<S> for BoundLayer {
    type Service = Bound<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Bound { inner, bound: self.bound }
    }
}

/// A server that takes bounded messages.
#[derive(Clone, Debug)]
pub struct Bound<S> {
    inner: S,
    bound: usize,
}

impl<S> Service<Request<Body>> for Bound<S>
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
        let bound = self.bound;
        let declared = request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
        if declared.is_some_and(|length: usize| length > bound.saturating_add(PREFIX)) {
            return Box::pin(async move { Ok(too_large(bound).into_http()) });
        }
        let request =
            request.map(|body| Body::new(Bounded { body, bound, prefix: Vec::with_capacity(PREFIX), left: 0 }));
        Box::pin(async move { inner.call(request).await })
    }
}

/// The refusal of a message that is too large.
pub(crate) fn too_large(bound: usize) -> Status {
    Refusal::new(Kind::Exhausted, "MESSAGE_TOO_LARGE", format!("a message may have {bound} bytes"))
        .with("bytes", bound.to_string())
        .into()
}

/// Follows the messages that pass by and ends the body at the first whose prefix announces too much. A stream of many
/// messages is bounded message by message.
struct Bounded {
    body: Body,
    bound: usize,
    prefix: Vec<u8>,
    /// Bytes of the current message still to come.
    left: usize,
}

impl Bounded {
    fn passes(&mut self, mut data: &[u8]) -> bool {
        while !data.is_empty() {
            if self.left > 0 {
                let taken = self.left.min(data.len());
                self.left -= taken;
                data = &data[taken..];
                continue;
            }
            let taken = (PREFIX - self.prefix.len()).min(data.len());
            self.prefix.extend_from_slice(&data[..taken]);
            data = &data[taken..];
            if let [_, a, b, c, d] = self.prefix[..] {
                self.left = u32::from_be_bytes([a, b, c, d]) as usize;
                self.prefix.clear();
                if self.left > self.bound {
                    return false;
                }
            }
        }
        true
    }
}

impl http_body::Body for Bounded {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        if let Poll::Ready(Some(Ok(frame))) = &polled
            && let Some(data) = frame.data_ref()
            && !self.passes(data)
        {
            let bound = self.bound;
            self.body = Body::empty();
            return Poll::Ready(Some(Err(too_large(bound))));
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.body.size_hint()
    }
}

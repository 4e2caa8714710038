//! A stream ends with the token that it was asked for with.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use http::HeaderMap;
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::BodyExt;
use refusal::{Kind, Refusal};
use tokio::time::{Sleep, sleep};
use tonic::{Status, body::Body, codegen::Bytes};

/// `body`, ended with UNAUTHENTICATED, reason TOKEN_EXPIRED, after `left`.
pub(crate) fn expiring(body: Body, left: Duration) -> Body {
    Body::new(Expiring { body, end: Some(Box::pin(sleep(left))) }.boxed_unsync())
}

struct Expiring {
    body: Body,
    /// None once it has ended so.
    end: Option<Pin<Box<Sleep>>>,
}

impl HttpBody for Expiring {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let Some(end) = &mut self.end else { return Poll::Ready(None) };
        if end.as_mut().poll(cx).is_pending() {
            return Pin::new(&mut self.body).poll_frame(cx);
        }
        self.end = None;
        let sentence = "the token has expired; come back with a new one and the last resume token";
        let status = Status::from(Refusal::new(Kind::Unauthenticated, "TOKEN_EXPIRED", sentence));
        let mut trailers = HeaderMap::new();
        Poll::Ready(Some(status.add_header(&mut trailers).map(|()| Frame::trailers(trailers))))
    }

    /// A stream that was refused at once has no frames, and must be seen to have none: its status lies in the headers.
    fn is_end_stream(&self) -> bool {
        self.end.is_none() || self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

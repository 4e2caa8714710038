//! A call is a POST. What merely opens an address, as a browser, a link's preview or a mail scanner does, does nothing: no
//! GET confirms anything (SOP 8.4). The services behind look at the path alone.

use std::task::{Context, Poll};

use http::{HeaderValue, Method, Request, Response, StatusCode, header::ALLOW};
use tonic::body::Body;
use tower::{Layer, Service};

use super::{BoxFuture, ready};

/// Lets POST through and answers everything else with 405.
#[derive(Clone, Copy, Debug)]
pub struct VerbLayer;

impl<S> Layer<S> for VerbLayer {
    type Service = Verb<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Verb { inner }
    }
}

/// A server that takes POST alone.
#[derive(Clone, Debug)]
pub struct Verb<S> {
    inner: S,
}

impl<S> Service<Request<Body>> for Verb<S>
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
        if request.method() == Method::POST {
            return Box::pin(async move { inner.call(request).await });
        }
        let mut answer = Response::new(Body::empty());
        *answer.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
        answer.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
        Box::pin(async move { Ok(answer) })
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::{
        convert::Infallible,
        sync::{
            Arc,
            atomic::{AtomicU32, Ordering},
        },
    };

    use tower::{ServiceBuilder, ServiceExt, service_fn};

    use super::*;

    #[tokio::test]
    async fn only_a_post_reaches_the_server() {
        let reached = Arc::new(AtomicU32::new(0));
        let counted = reached.clone();
        let server = ServiceBuilder::new().layer(VerbLayer).service(service_fn(move |_: Request<Body>| {
            counted.fetch_add(1, Ordering::SeqCst);
            async { Ok::<_, Infallible>(Response::new(Body::empty())) }
        }));
        for (verb, status) in [("GET", 405), ("HEAD", 405), ("PUT", 405), ("POST", 200)] {
            let request = Request::builder().method(verb).uri("/a.Service/Do").body(Body::empty()).unwrap();
            assert_eq!(server.clone().oneshot(request).await.unwrap().status(), status, "{verb}");
        }
        assert_eq!(reached.load(Ordering::SeqCst), 1);
    }
}

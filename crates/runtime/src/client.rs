//! Calls to other services.

use std::{
    error::Error,
    task::{Context, Poll},
    time::Duration,
};

use access::TokenSource;
use http::{HeaderValue, Request, Response, header::AUTHORIZATION};
use refusal::{Kind, Refusal};
use secrecy::ExposeSecret;
use tonic::{
    Code, Status,
    body::Body,
    transport::{Channel, Endpoint},
};
use tower::Service;

use crate::{
    edge::{answers_once, stated, status},
    telemetry,
};

/// How long a call that answers once may take where its caller does not say.
const DEADLINE: Duration = Duration::from_secs(10);

/// A channel to another service that brings the token, the trace and a deadline with each call. Use it in place of a
/// channel: `ClientServiceClient::new(client)`. Cheap to clone; clones share the connection.
#[derive(Clone, Debug)]
pub struct Client {
    channel: Channel,
    tokens: TokenSource,
    deadline: Duration,
}

/// An address that is none.
#[derive(Debug, thiserror::Error)]
#[error("{url} is no address of a service, such as http://127.0.0.1:7400")]
pub struct AddressError {
    url: String,
}

/// A client of the service at `url`, for example `http://escalation:7400`. It connects at the first call and again
/// whenever the connection was lost; must be called inside a tokio runtime.
///
/// # Errors
/// Where `url` is none.
pub fn connect(url: &str, tokens: TokenSource) -> Result<Client, AddressError> {
    let endpoint = Endpoint::from_shared(url.to_owned()).map_err(|_| AddressError { url: url.to_owned() })?;
    let channel = endpoint
        .connect_timeout(Duration::from_secs(2))
        .tcp_nodelay(true)
        .http2_keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(Duration::from_secs(10))
        .keep_alive_while_idle(true)
        .connect_lazy();
    Ok(Client { channel, tokens, deadline: DEADLINE })
}

impl Client {
    /// Another deadline for calls that answer once and state none themselves; 10 s unless told.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// The same connection in another's name.
    #[must_use]
    pub fn with_tokens(mut self, tokens: TokenSource) -> Self {
        self.tokens = tokens;
        self
    }
}

impl Service<Request<Body>> for Client {
    type Response = Response<Body>;
    type Error = tonic::transport::Error;
    type Future = crate::edge::BoxFuture<Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.channel.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let mut channel = crate::edge::ready(&mut self.channel);
        let allowed = match self.dress(&mut request) {
            Ok(allowed) => allowed,
            Err(status) => return Box::pin(async move { Ok(status.into_http()) }),
        };
        Box::pin(async move {
            let call = channel.call(request);
            // The one called ends it somewhat before the deadline; this is for one that does not answer at all.
            let answered = match allowed {
                None => call.await,
                Some(allowed) => match tokio::time::timeout(allowed, call).await {
                    Ok(answered) => answered,
                    Err(_) => return Ok(late().into_http()),
                },
            };
            // The transport keeps the deadline too, and would call its end CANCELLED.
            answered.or_else(|error| if timed_out(&error) { Ok(late().into_http()) } else { Err(error) })
        })
    }
}

fn late() -> Status {
    status(Code::DeadlineExceeded, "DEADLINE_EXCEEDED", "the service did not answer in time")
}

fn timed_out(error: &tonic::transport::Error) -> bool {
    let mut cause = error.source();
    while let Some(error) = cause {
        if error.is::<tonic::TimeoutExpired>() {
            return true;
        }
        cause = error.source();
    }
    false
}

impl Client {
    /// Adds what each call carries; gives how long its answer may take to begin.
    fn dress(&self, request: &mut Request<Body>) -> Result<Option<Duration>, Status> {
        let token = self.tokens.token().map_err(|error| {
            tracing::error!(%error, "there is no token for a call to another service");
            Status::from(Refusal::new(
                Kind::Unavailable,
                "NO_OWN_TOKEN",
                "this service has no token of its own to call with",
            ))
        })?;
        let once = answers_once(request.uri().path());
        let headers = request.headers_mut();
        let mut value = HeaderValue::try_from(format!("Bearer {}", token.expose_secret()))
            .map_err(|_| Status::from(Refusal::internal()))?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
        if let Ok(parent) = HeaderValue::try_from(telemetry::traceparent())
            && !parent.is_empty()
        {
            headers.insert("traceparent", parent);
        }
        if headers.contains_key("grpc-timeout") {
            return stated(headers);
        }
        if !once {
            return Ok(None);
        }
        let millis = self.deadline.as_millis().min(99_999_999);
        let value = HeaderValue::try_from(format!("{millis}m")).map_err(|_| Status::from(Refusal::internal()))?;
        headers.insert("grpc-timeout", value);
        Ok(Some(self.deadline))
    }
}

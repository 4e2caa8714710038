//! The permission layer: stands in front of every method and lets through who may call it.
//!
//! Token, principal, rule, decision, in this order; the first that fails is the reason. Health and reflection pass: they
//! tell nothing of a client. What passes carries a [`Caller`] and no longer its token.
//!
//! A decision from the cache may be too old to know of a role given a moment ago. So nothing is denied by it: before the
//! layer denies it asks afresh, and where the use case denied ([`Caller::require`]) it asks afresh and, if the answer is
//! another, makes the same call once more. A denied use case has changed nothing.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use business_time::Timestamp;
use http::{HeaderMap, Request, Response, header::AUTHORIZATION};
use http_body_util::{BodyExt, Full};
use refusal::{Kind, Refusal};
use tonic::{Code, Status, body::Body};
use tower::{Layer, Service};

use crate::{
    AccessRule, Caller, DecisionError, Decisions, Grants, Principal, PrincipalKind, Rules, TokenError, Verifier,
    caller::no_permission, expiring::expiring,
};

/// Told of each refused call before its answer leaves: the principal's name or `unknown`, the method as
/// `package.Service/Method` or `unknown` where no contract has it, the reason.
pub type OnRefused = Arc<dyn Fn(&str, &str, &str) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// Who a principal is where there is no valid token.
pub const UNKNOWN: &str = "unknown";

const PUBLIC: [&str; 3] =
    ["/grpc.health.v1.Health/", "/grpc.reflection.v1.ServerReflection/", "/grpc.reflection.v1alpha.ServerReflection/"];

/// Puts the permission check in front of a server. Cheap to clone.
#[derive(Clone)]
pub struct AccessLayer {
    guard: Arc<Guard>,
}

struct Guard {
    rules: Rules,
    verifier: Arc<Verifier>,
    decisions: Arc<dyn Decisions>,
    on_refused: Option<OnRefused>,
}

impl AccessLayer {
    /// A layer that checks tokens by `verifier`, asks `decisions` and refuses what `rules` do not name.
    pub fn new(rules: Rules, verifier: Arc<Verifier>, decisions: Arc<dyn Decisions>) -> Self {
        Self { guard: Arc::new(Guard { rules, verifier, decisions, on_refused: None }) }
    }

    /// Tells `hook` of each refusal, this layer's and whatever stands behind it, as the caller learns it; for the audit. What
    /// failed on our side is no refusal.
    #[must_use]
    pub fn on_refused(self, hook: OnRefused) -> Self {
        let guard = Guard {
            rules: self.guard.rules.clone(),
            verifier: self.guard.verifier.clone(),
            decisions: self.guard.decisions.clone(),
            on_refused: Some(hook),
        };
        Self { guard: Arc::new(guard) }
    }
}

impl<S> Layer<S> for AccessLayer {
    type Service = Access<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Access { inner, guard: self.guard.clone() }
    }
}

/// A server behind the permission check.
#[derive(Clone)]
pub struct Access<S> {
    inner: S,
    guard: Arc<Guard>,
}

impl<S> Service<Request<Body>> for Access<S>
where
    S: Service<Request<Body>, Response = Response<Body>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        // The clone that was made ready is the one to call; its successor becomes ready by itself.
        let successor = self.inner.clone();
        let inner = std::mem::replace(&mut self.inner, successor);
        let guard = self.guard.clone();
        Box::pin(async move { guard.pass(inner, request).await })
    }
}

struct Admitted<'a> {
    rule: &'a AccessRule,
    principal: Principal,
    grants: Arc<Grants>,
    expire_time: Timestamp,
}

struct Refused {
    principal: Option<Principal>,
    status: Status,
}

impl Guard {
    async fn pass<S>(&self, mut inner: S, mut request: Request<Body>) -> Result<Response<Body>, S::Error>
    where
        S: Service<Request<Body>, Response = Response<Body>>,
    {
        let path = request.uri().path().to_owned();
        if PUBLIC.iter().any(|prefix| path.starts_with(prefix)) {
            return inner.call(request).await;
        }
        let admitted = match self.admit(&path, request.headers()).await {
            Ok(admitted) => admitted,
            Err(refused) => {
                let response = refused.status.into_http();
                self.tell(refused.principal.as_ref(), &path, &response).await;
                return Ok(response);
            }
        };
        request.headers_mut().remove(AUTHORIZATION);
        let caller = Caller::new(admitted.principal.clone(), admitted.grants.clone());
        request.extensions_mut().insert(caller.clone());
        if admitted.rule.open || admitted.rule.client_streaming {
            let response = inner.call(request).await?;
            self.tell(Some(&admitted.principal), &path, &response).await;
            return Ok(response);
        }

        // Kept, so that the same call can be made once more. A body is one message, and its bytes are shared, not copied.
        let (parts, body) = request.into_parts();
        let body = match body.collect().await {
            Ok(body) => body.to_bytes(),
            Err(status) => {
                let response = status.into_http();
                self.tell(Some(&admitted.principal), &path, &response).await;
                return Ok(response);
            }
        };
        let mut response = inner.call(Request::from_parts(parts.clone(), Body::new(Full::new(body.clone())))).await?;
        if denied(&caller, &response)
            && let Some(grants) = self.changed_since(&admitted).await
        {
            let mut again = Request::from_parts(parts, Body::new(Full::new(body)));
            again.extensions_mut().insert(Caller::new(admitted.principal.clone(), grants));
            // A service is called only once it said that it is ready.
            std::future::poll_fn(|cx| inner.poll_ready(cx)).await?;
            response = inner.call(again).await?;
        }
        self.tell(Some(&admitted.principal), &path, &response).await;
        if admitted.rule.server_streaming {
            // An answer that comes at once is asked for while its token counts; a stream could outlive it.
            let left = self.verifier.left_until(admitted.expire_time);
            response = response.map(|body| expiring(body, left));
        }
        Ok(response)
    }

    async fn admit(&self, path: &str, headers: &HeaderMap) -> Result<Admitted<'_>, Refused> {
        let unknown = |refusal: Refusal| Refused { principal: None, status: refusal.into() };
        let token = bearer(headers).map_err(unknown)?;
        let verified = self.verifier.verify(token).map_err(|error| unknown(error.into()))?;
        let principal = verified.principal.clone();
        let refused = |status: Status| Refused { principal: Some(principal.clone()), status };

        let rule = match self.rules.find(path) {
            Some(Some(rule)) => rule,
            Some(None) => return Err(refused(no_rule().into())),
            None => return Err(refused(no_method())),
        };
        if rule.open {
            return Ok(Admitted { rule, principal, grants: Arc::default(), expire_time: verified.expire_time });
        }
        let ask_first = rule.asks_afresh();
        let mut grants = self.decide(&principal, ask_first).await.map_err(|refusal| refused(refusal.into()))?;
        if !rule.admits(&grants) && !ask_first {
            grants = self.decide(&principal, true).await.map_err(|refusal| refused(refusal.into()))?;
        }
        if !rule.admits(&grants) {
            return Err(refused(no_permission(&rule.permission).into()));
        }
        Ok(Admitted { rule, principal, grants, expire_time: verified.expire_time })
    }

    async fn decide(&self, principal: &Principal, afresh: bool) -> Result<Arc<Grants>, Refusal> {
        if principal.kind() == PrincipalKind::Service {
            return Grants::of_service(principal).map(Arc::new).ok_or_else(unknown_person);
        }
        let answer =
            if afresh { self.decisions.fresh(principal).await } else { self.decisions.grants(principal).await };
        match answer {
            Ok(grants) if grants.active => Ok(grants),
            Ok(_) | Err(DecisionError::Unknown) => Err(unknown_person()),
            Err(DecisionError::Unavailable) => Err(Refusal::new(
                Kind::Unavailable,
                "DECISIONS_UNAVAILABLE",
                "who may do this cannot be decided at the moment; try again",
            )),
        }
    }

    /// The grants of this moment, where they are others than those that the call was made with.
    async fn changed_since(&self, admitted: &Admitted<'_>) -> Option<Arc<Grants>> {
        if admitted.principal.kind() == PrincipalKind::Service {
            return None;
        }
        let fresh = self.decisions.fresh(&admitted.principal).await.ok()?;
        (*fresh != *admitted.grants && admitted.rule.admits(&fresh)).then_some(fresh)
    }

    fn tell(
        &self,
        principal: Option<&Principal>,
        path: &str,
        response: &Response<Body>,
    ) -> impl Future<Output = ()> + Send + use<> {
        let told =
            self.on_refused.as_ref().zip(Status::from_header_map(response.headers())).and_then(|(hook, status)| {
                let ours = matches!(status.code(), Code::Internal | Code::Unavailable);
                let reason = refusal::reason(&status).filter(|_| !ours)?;
                // A path that is in no contract is the caller's own text.
                let method = if self.rules.find(path).is_some() { path.trim_start_matches('/') } else { UNKNOWN };
                Some(hook(principal.map_or(UNKNOWN, Principal::name), method, &reason))
            });
        async move {
            if let Some(told) = told {
                told.await;
            }
        }
    }
}

fn denied(caller: &Caller, response: &Response<Body>) -> bool {
    caller.was_denied() && Status::from_header_map(response.headers()).is_some_and(|status| status.code() != Code::Ok)
}

fn bearer(headers: &HeaderMap) -> Result<&str, Refusal> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (first, second) = (values.next(), values.next());
    match (first.map(|value| value.to_str()), second) {
        (None, _) => Err(Refusal::new(
            Kind::Unauthenticated,
            "NO_TOKEN",
            "this call needs the metadata authorization: Bearer <token>",
        )),
        (Some(Ok(value)), None) => match value.split_once(' ') {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(token.trim()),
            _ => Err(TokenError::Bad.into()),
        },
        _ => Err(TokenError::Bad.into()),
    }
}

fn unknown_person() -> Refusal {
    let sentence = "the token is valid, but whom it names is not known here, has left, or has no access any more";
    Refusal::new(Kind::Denied, "UNKNOWN_PERSON", sentence)
}

fn no_rule() -> Refusal {
    Refusal::new(Kind::Denied, "NO_RULE", "this method does not declare who may call it, so nobody may")
}

/// What is in no contract has no rule either; the code is what gRPC clients expect of a method that is not there.
fn no_method() -> Status {
    let refusal = Refusal::new(Kind::Denied, "NO_RULE", "there is no such method");
    let status = Status::from(refusal);
    Status::with_details(Code::Unimplemented, status.message(), status.details().to_vec().into())
}

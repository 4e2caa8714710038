//! Who passes the permission layer, and what the others are told.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
    time::Duration,
};

use access::{AccessLayer, CachedDecisions, Caller, DecisionError, Decisions, Grants, Principal, Role, Rules, Scope};
use business_time::{ManualClock, Timestamp};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use testkit::{Roster, Tokens};
use tonic::{Code, Status, body::Body};
use tower::{Layer, Service, ServiceExt};

const GET_CASE: &str = "/liaison.escalation.v1.CaseService/GetCase";
const CREATE_CLIENT: &str = "/liaison.client_registry.v1.ClientService/CreateClient";
const WATCH: &str = "/liaison.escalation.v1.CaseService/WatchCases";
const WHO_AM_I: &str = "/liaison.client_registry.v1.AccessService/WhoAmI";
const EXPORT: &str = "/liaison.evidence.v1.AuditService/Export";
const GET_GRANTS: &str = "/liaison.client_registry.v1.AccessService/GetGrants";

/// A use case that looks into a case of `clients/acme`.
#[derive(Clone, Default)]
struct CaseOfAcme {
    seen: Arc<Mutex<Vec<Seen>>>,
}

/// The caller, whether the token was still there, the body.
type Seen = (Option<Caller>, bool, Bytes);

impl Service<Request<Body>> for CaseOfAcme {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let seen = self.seen.clone();
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let caller = parts.extensions.get::<Caller>().cloned();
            let body = body.collect().await.unwrap().to_bytes();
            seen.lock().unwrap().push((caller.clone(), parts.headers.contains_key("authorization"), body));
            let answer = match caller {
                Some(caller) if parts.uri.path() == GET_CASE => {
                    caller.require_or_hide("cases.read", "clients/acme", "cases/1")
                }
                _ => Ok(()),
            };
            Ok(match answer {
                Ok(()) => Status::ok("").into_http(),
                Err(refusal) => Status::from(refusal).into_http(),
            })
        })
    }
}

struct House {
    tokens: Tokens,
    roster: Roster,
    decisions: Arc<CachedDecisions<Roster>>,
    clock: ManualClock,
    handler: CaseOfAcme,
    refused: Arc<Mutex<Vec<(String, String, String)>>>,
}

impl House {
    fn new() -> Self {
        let clock = ManualClock::new(Timestamp::from_second(1_800_000_000).unwrap());
        let roster = Roster::new();
        roster.firm("staff/zoe", Role::Management).client("staff/anna", Role::AccountManager, "clients/acme").client(
            "clients/acme/contacts/jo",
            Role::ClientContact,
            "clients/acme",
        );
        Self {
            tokens: Tokens::by(Arc::new(clock.clone())),
            decisions: Arc::new(CachedDecisions::new(roster.clone(), Arc::new(clock.clone()))),
            roster,
            clock,
            handler: CaseOfAcme::default(),
            refused: Arc::default(),
        }
    }

    async fn request(&self, request: Request<Body>) -> (Code, String) {
        let refused = self.refused.clone();
        let hook = move |who: &str, method: &str, reason: &str| {
            refused.lock().unwrap().push((who.into(), method.into(), reason.into()));
            let done: std::pin::Pin<Box<dyn Future<Output = ()> + Send>> = Box::pin(async {});
            done
        };
        let layer = AccessLayer::new(Rules::load().unwrap(), self.tokens.verifier(), self.decisions.clone());
        let server = layer.on_refused(Arc::new(hook)).layer(self.handler.clone());
        let response = server.oneshot(request).await.unwrap();
        let status = Status::from_header_map(response.headers()).unwrap();
        (status.code(), refusal::reason(&status).unwrap_or_default())
    }

    async fn call(&self, who: &str, path: &str) -> (Code, String) {
        self.bearing(&format!("Bearer {}", self.tokens.of(who)), path).await
    }

    async fn bearing(&self, authorization: &str, path: &str) -> (Code, String) {
        let body = Body::new(Full::new(Bytes::from_static(b"the message")));
        self.request(Request::builder().uri(path).header("authorization", authorization).body(body).unwrap()).await
    }

    fn refused(&self) -> Vec<(String, String, String)> {
        std::mem::take(&mut self.refused.lock().unwrap())
    }

    fn handled(&self) -> usize {
        self.handler.seen.lock().unwrap().len()
    }
}

/// A stream that never ends by itself.
#[derive(Clone)]
struct Endless;

impl Service<Request<Body>> for Endless {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Body>) -> Self::Future {
        struct Silent;
        impl http_body::Body for Silent {
            type Data = Bytes;
            type Error = Status;
            fn poll_frame(
                self: Pin<&mut Self>,
                _: &mut Context<'_>,
            ) -> Poll<Option<Result<http_body::Frame<Bytes>, Status>>> {
                Poll::Pending
            }
        }
        std::future::ready(Ok(Response::new(Body::new(Silent))))
    }
}

#[tokio::test]
async fn a_stream_ends_with_its_token() {
    let house = House::new();
    let authorization = format!("Bearer {}", house.tokens.living("staff/zoe", Duration::from_secs(60)));
    house.clock.advance("59.95s".parse().unwrap());
    let layer = AccessLayer::new(Rules::load().unwrap(), house.tokens.verifier(), house.decisions.clone());
    let request = Request::builder().uri(WATCH).header("authorization", authorization).body(Body::empty()).unwrap();
    let response = layer.layer(Endless).oneshot(request).await.unwrap();
    let ended = response.into_body().collect().await.unwrap();
    let status = Status::from_header_map(ended.trailers().unwrap()).unwrap();
    assert_eq!((status.code(), refusal::reason(&status).as_deref()), (Code::Unauthenticated, Some("TOKEN_EXPIRED")));
}

#[tokio::test]
async fn a_stream_that_is_refused_at_once_is_seen_to_have_no_frames() {
    let house = House::new();
    let layer = AccessLayer::new(Rules::load().unwrap(), house.tokens.verifier(), house.decisions.clone());
    let authorization = format!("Bearer {}", house.tokens.of("staff/zoe"));
    let request = Request::builder().uri(WATCH).header("authorization", authorization).body(Body::empty()).unwrap();
    // As every use case refuses: the status lies in the headers.
    let response = layer.layer(CaseOfAcme::default()).oneshot(request).await.unwrap();
    assert!(http_body::Body::is_end_stream(response.body()), "or a client waits for trailers that never come");
}

fn denied() -> (Code, String) {
    (Code::PermissionDenied, "NO_PERMISSION".into())
}

fn passed() -> (Code, String) {
    (Code::Ok, String::new())
}

#[tokio::test]
async fn who_holds_the_permission_passes_with_a_caller_and_without_the_token() {
    let house = House::new();
    assert_eq!(house.call("staff/anna", GET_CASE).await, passed());
    let seen = house.handler.seen.lock().unwrap();
    let (caller, token, body) = &seen[0];
    let caller = caller.as_ref().unwrap();
    assert_eq!(caller.principal().name(), "staff/anna");
    assert_eq!(caller.scope("cases.read"), Scope::Clients(["clients/acme".to_owned()].into()));
    assert!(!token, "a handler has no use for the token");
    assert_eq!(body, "the message");
}

#[tokio::test]
async fn without_a_valid_token_nobody_passes() {
    let house = House::new();
    let bare = Request::builder().uri(GET_CASE).body(Body::empty()).unwrap();
    assert_eq!(house.request(bare).await, (Code::Unauthenticated, "NO_TOKEN".into()));
    let token = house.tokens.of("staff/anna");
    let bad = (Code::Unauthenticated, "BAD_TOKEN".to_owned());
    for authorization in ["", "Bearer", "Bearer ", "Bearer a.b.c", &token, &format!("Basic {token}"), "Bearer \u{7f}"] {
        if let Ok(value) = http::HeaderValue::from_str(authorization) {
            let request = Request::builder().uri(GET_CASE).header("authorization", value).body(Body::empty()).unwrap();
            assert_eq!(house.request(request).await, bad, "{authorization:?}");
        }
    }
    let twice = Request::builder()
        .uri(GET_CASE)
        .header("authorization", format!("Bearer {token}"))
        .header("authorization", format!("Bearer {token}"));
    assert_eq!(house.request(twice.body(Body::empty()).unwrap()).await, bad);
    let foreign = Tokens::by(Arc::new(house.clock.clone())).of("staff/anna");
    assert_eq!(house.bearing(&format!("Bearer {foreign}"), GET_CASE).await, bad);
    assert_eq!(house.bearing(&format!("bearer {token}"), GET_CASE).await, passed(), "the scheme's case is free");
    house.clock.advance("3600s".parse().unwrap());
    assert_eq!(
        house.bearing(&format!("Bearer {token}"), GET_CASE).await,
        (Code::Unauthenticated, "TOKEN_EXPIRED".into())
    );
    assert!(house.refused().iter().all(|(who, method, _)| who == "unknown" && GET_CASE.ends_with(method.as_str())));
    assert_eq!(house.handled(), 1);
}

#[tokio::test]
async fn a_permission_for_one_client_does_not_reach_the_firm() {
    let house = House::new();
    assert_eq!(house.call("staff/zoe", CREATE_CLIENT).await, passed());
    assert_eq!(house.call("staff/anna", CREATE_CLIENT).await, denied());
    assert_eq!(house.call("clients/acme/contacts/jo", CREATE_CLIENT).await, denied());
    assert_eq!(house.handled(), 1);
    assert_eq!(
        house.refused()[0],
        ("staff/anna".to_owned(), CREATE_CLIENT[1..].to_owned(), "NO_PERMISSION".to_owned())
    );
}

#[tokio::test]
async fn strangers_and_those_who_left_are_turned_away_by_their_own_reason() {
    let house = House::new();
    let unknown = (Code::PermissionDenied, "UNKNOWN_PERSON".to_owned());
    assert_eq!(house.call("staff/nobody", GET_CASE).await, unknown);
    assert_eq!(house.call("services/nobody", GET_CASE).await, unknown);

    struct Gone;
    #[async_trait::async_trait]
    impl Decisions for Gone {
        async fn grants(&self, _: &Principal) -> Result<Arc<Grants>, DecisionError> {
            Ok(Arc::new(Grants::inactive()))
        }
    }
    let layer = AccessLayer::new(Rules::load().unwrap(), house.tokens.verifier(), Arc::new(Gone));
    let request = Request::builder()
        .uri(GET_CASE)
        .header("authorization", format!("Bearer {}", house.tokens.of("staff/anna")))
        .body(Body::empty());
    let response = layer.layer(house.handler.clone()).oneshot(request.unwrap()).await.unwrap();
    let status = Status::from_header_map(response.headers()).unwrap();
    assert_eq!(refusal::reason(&status).unwrap(), "UNKNOWN_PERSON");
}

#[tokio::test]
async fn when_nobody_decides_the_caller_is_told_to_try_again() {
    struct Silent;
    #[async_trait::async_trait]
    impl Decisions for Silent {
        async fn grants(&self, _: &Principal) -> Result<Arc<Grants>, DecisionError> {
            Err(DecisionError::Unavailable)
        }
    }
    let house = House::new();
    let layer = AccessLayer::new(Rules::load().unwrap(), house.tokens.verifier(), Arc::new(Silent));
    let call = async |who: &str, path: &str| {
        let token = format!("Bearer {}", house.tokens.of(who));
        let request = Request::builder().uri(path).header("authorization", token).body(Body::empty()).unwrap();
        let response = layer.layer(house.handler.clone()).oneshot(request).await.unwrap();
        let status = Status::from_header_map(response.headers()).unwrap();
        (status.code(), refusal::reason(&status).unwrap_or_default())
    };
    assert_eq!(call("staff/anna", GET_CASE).await, (Code::Unavailable, "DECISIONS_UNAVAILABLE".into()));
    assert_eq!(call("services/notification", GET_GRANTS).await, passed(), "services need nobody's answer");
    assert_eq!(call("staff/anna", WHO_AM_I).await, passed(), "nor does what is open");
}

#[tokio::test]
async fn services_may_what_their_calls_need_and_no_more() {
    let house = House::new();
    assert_eq!(house.call("services/notification", GET_GRANTS).await, passed());
    assert_eq!(house.call("services/intake", GET_GRANTS).await, denied());
    assert_eq!(house.call("services/intake", "/liaison.notification.v1.InboundService/DeliverMail").await, passed());
    assert_eq!(house.call("services/escalation", CREATE_CLIENT).await, denied());
    assert_eq!(house.roster.asked(), 0);
}

#[tokio::test]
async fn health_and_reflection_need_no_token_and_nothing_else_goes_without() {
    let house = House::new();
    for path in [
        "/grpc.health.v1.Health/Check",
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
    ] {
        assert_eq!(house.request(Request::builder().uri(path).body(Body::empty()).unwrap()).await, passed(), "{path}");
    }
    for rule in Rules::load().unwrap().all() {
        let bare = Request::builder().uri(&rule.path).body(Body::empty()).unwrap();
        assert_eq!(house.request(bare).await, (Code::Unauthenticated, "NO_TOKEN".into()), "{}", rule.path);
    }
    assert_eq!(house.handled(), 3);
}

#[tokio::test]
async fn what_no_contract_declares_nobody_may_call() {
    let house = House::new();
    for path in [
        "/liaison.escalation.v1.CaseService/Nothing",
        "/grpc.health.v1.Healthy/Check",
        "/liaison.escalation.v1.CaseService/GetCase/",
        "/",
    ] {
        assert_eq!(house.call("staff/zoe", path).await, (Code::Unimplemented, "NO_RULE".into()), "{path}");
    }
    assert_eq!(house.handled(), 0);
}

#[tokio::test]
async fn a_role_given_a_moment_ago_counts_at_once() {
    let house = House::new();
    assert_eq!(house.call("staff/anna", CREATE_CLIENT).await, denied());
    house.roster.firm("staff/anna", Role::Management);
    assert_eq!(house.call("staff/anna", CREATE_CLIENT).await, passed(), "the layer asks afresh before it denies");
    house.refused();

    // A client of another team: the layer lets ben through, the use case denies by the old answer.
    house.roster.client("staff/ben", Role::AccountManager, "clients/other");
    assert_eq!(house.call("staff/ben", GET_CASE).await, (Code::NotFound, "NOT_FOUND".into()));
    assert_eq!(house.refused().len(), 1, "the audit learns of a denial that looks like an absence");
    house.roster.client("staff/ben", Role::ProjectTeam, "clients/acme");
    let before = house.handled();
    assert_eq!(house.call("staff/ben", GET_CASE).await, passed(), "the call was made once more");
    assert_eq!(house.handled(), before + 2);
    let seen = house.handler.seen.lock().unwrap();
    assert_eq!(seen[before].2, seen[before + 1].2, "with the same bytes");
    assert!(house.refused.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_denial_that_stands_is_asked_once_more_and_then_told_once() {
    let house = House::new();
    house.roster.client("staff/ben", Role::AccountManager, "clients/other");
    house.call("staff/ben", GET_CASE).await;
    house.refused();
    let (asked, handled) = (house.roster.asked(), house.handled());
    assert_eq!(house.call("staff/ben", GET_CASE).await.0, Code::NotFound);
    assert_eq!((house.roster.asked() - asked, house.handled() - handled), (1, 1));
    assert_eq!(house.refused().len(), 1);
}

#[tokio::test]
async fn a_role_taken_away_counts_for_30_seconds_at_most_and_for_exports_not_at_all() {
    let house = House::new();
    assert_eq!(house.call("staff/zoe", CREATE_CLIENT).await, passed());
    house.roster.strip("staff/zoe");
    assert_eq!(house.call("staff/zoe", CREATE_CLIENT).await, passed(), "from the cache");
    assert_eq!(house.call("staff/zoe", EXPORT).await, denied(), "an export cannot be taken back: it asks afresh");
    house.roster.firm("staff/zoe", Role::Management);
    assert_eq!(house.call("staff/zoe", CREATE_CLIENT).await, passed());
    house.roster.strip("staff/zoe");
    house.clock.advance("30s".parse().unwrap());
    assert_eq!(house.call("staff/zoe", CREATE_CLIENT).await, denied());
    house.roster.firm("staff/zoe", Role::Management);
    house.call("staff/zoe", CREATE_CLIENT).await;
    house.roster.strip("staff/zoe");
    house.decisions.forget_all();
    assert_eq!(house.call("staff/zoe", CREATE_CLIENT).await, denied(), "forgotten at once");
}

#[tokio::test]
async fn a_token_that_lives_shortly_expires_although_it_was_verified() {
    let house = House::new();
    let token = house.tokens.living("staff/anna", Duration::from_secs(10));
    assert_eq!(house.bearing(&format!("Bearer {token}"), GET_CASE).await, passed());
    house.clock.advance("10s".parse().unwrap());
    assert_eq!(house.bearing(&format!("Bearer {token}"), GET_CASE).await.1, "TOKEN_EXPIRED");
}

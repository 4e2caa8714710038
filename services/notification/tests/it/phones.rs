//! Whoever carries calls keeps to one contract: the same tests over every provider, each against what it really talks to: the
//! local outbox a folder, Twilio a server that speaks its API and looks at what it is asked.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Bytes,
    extract::{Path, RawQuery, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use business_time::Timestamp;
use notification::{
    LocalPhones,
    config::TwilioAccount,
    provider::phone::{CallSettlement, Found, OutgoingCall, PhoneProvider, Placed, Status, Twilio, Wanted},
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::at;

const NUMBER: &str = "+442070000001";

fn call(id: &str, to: &str) -> OutgoingCall {
    OutgoingCall {
        call: id.into(),
        notification: "notifications/n".into(),
        case: "cases/1".into(),
        person: "clients/acme/contacts/carla".into(),
        to: to.into(),
        spoken: "Press 1.".into(),
        voicemail: "Look at your mail.".into(),
        confirmed: "Thank you.".into(),
        place_time: at("2026-06-01T09:15:00Z"),
        from_copy: false,
        possible_duplicate: true,
    }
}

fn wanted(id: &str, to: &str, receipt: &str) -> Wanted {
    Wanted { call: id.into(), to: to.into(), receipt: receipt.into(), since: at("2026-06-01T09:15:00Z") }
}

/// A provider, and what it stands on.
struct Carrier {
    provider: Arc<dyn PhoneProvider>,
    /// Lets the next call be taken without a word about it.
    lose_next: Box<dyn Fn()>,
    _folder: Option<TempDir>,
}

async fn carriers() -> Vec<Carrier> {
    let folder = tempfile::tempdir().unwrap();
    let local = LocalPhones::open(folder.path().join("calls")).unwrap();
    let twilio = FakeTwilio::default();
    let lost = twilio.clone();
    vec![
        Carrier { provider: Arc::new(local), lose_next: Box::new(|| {}), _folder: Some(folder) },
        Carrier {
            provider: Arc::new(twilio.provider().await),
            lose_next: Box::new(move || lost.state().next = Some(Answer::FailAfterwards)),
            _folder: None,
        },
    ]
}

#[tokio::test]
async fn every_carrier_takes_a_call_and_finds_it_again() {
    for carrier in carriers().await {
        let (provider, name) = (carrier.provider.clone(), carrier.provider.name());
        let placed = provider.place(&call("c-1", NUMBER)).await;
        let Placed::Accepted { receipt } = placed else { panic!("{name}: {placed:?}") };
        for known in [receipt.as_str(), ""] {
            let found = provider.look_up(&wanted("c-1", NUMBER, known)).await;
            let Found::Placed { receipt: again, report } = found else { panic!("{name}: {found:?}") };
            assert_eq!((again, report.digits.as_str()), (receipt.clone(), ""), "{name}");
            assert!(
                report.status.is_none_or(|status| status == Status::Ringing),
                "{name}: nothing has become of it yet"
            );
        }
    }
}

#[tokio::test]
async fn every_carrier_says_of_a_call_that_was_never_placed_that_it_was_not() {
    for carrier in carriers().await {
        let found = carrier.provider.look_up(&wanted("c-2", NUMBER, "")).await;
        assert!(matches!(found, Found::NotPlaced { .. }), "{}: {found:?}", carrier.provider.name());
        // Who says that it never will, does not take it any more.
        if found == (Found::NotPlaced { never: true }) {
            let late = carrier.provider.place(&call("c-2", NUMBER)).await;
            assert!(matches!(late, Placed::Refused { number: false, .. }), "{late:?}");
        }
    }
}

#[tokio::test]
async fn every_carrier_settles_a_call_that_was_taken_without_a_word() {
    for carrier in carriers().await {
        assert_eq!(carrier.provider.settlement(), CallSettlement::Lookup, "{}", carrier.provider.name());
        (carrier.lose_next)();
        carrier.provider.place(&call("c-3", NUMBER)).await;
        let found = carrier.provider.look_up(&wanted("c-3", NUMBER, "")).await;
        assert!(matches!(found, Found::Placed { .. }), "{}: {found:?}", carrier.provider.name());
    }
}

#[tokio::test]
async fn a_call_in_the_local_outbox_is_written_once_and_whole() {
    let folder = tempfile::tempdir().unwrap();
    let local = LocalPhones::open(folder.path()).unwrap();
    local.place(&call("c-1", NUMBER)).await;
    local.place(&OutgoingCall { spoken: "Something else".into(), ..call("c-1", NUMBER) }).await;
    let listed = local.list().unwrap();
    assert_eq!(listed.len(), 1);
    let shown = &listed[0];
    assert_eq!((shown.call.as_str(), shown.to.as_str(), shown.spoken.as_str()), ("calls/c-1", NUMBER, "Press 1."));
    assert_eq!((shown.provider.as_str(), shown.place_time.as_str()), ("local-phones", "2026-06-01T09:15:00Z"));
    assert!(shown.possible_duplicate && !shown.from_copy);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no draft is left");
}

#[tokio::test]
async fn twilio_is_asked_in_its_own_form() {
    let twilio = FakeTwilio::default();
    twilio.provider().await.place(&call("c-1", NUMBER)).await;
    let asked = twilio.state().asked.remove(0);
    let of = |name: &str| {
        asked.iter().filter(|(known, _)| known == name).map(|(_, value)| value.clone()).collect::<Vec<_>>()
    };
    for (name, value) in [
        ("To", NUMBER),
        ("From", "+442070000000"),
        ("Url", "https://calls.firm.example/calls/c-1/answer"),
        ("StatusCallback", "https://calls.firm.example/calls/c-1/status"),
        ("MachineDetection", "DetectMessageEnd"),
        ("Timeout", "30"),
    ] {
        assert_eq!(of(name), [value]);
    }
    assert_eq!(of("StatusCallbackEvent"), ["initiated", "ringing", "answered", "completed"]);
    // Those of the public API, and no other: an unknown one is passed over there without a word.
    let known = [
        "To",
        "From",
        "Url",
        "Method",
        "StatusCallback",
        "StatusCallbackMethod",
        "StatusCallbackEvent",
        "MachineDetection",
        "Timeout",
    ];
    assert!(asked.iter().all(|(name, _)| known.contains(&name.as_str())), "{asked:?}");
}

#[tokio::test]
async fn twilios_refusals_are_told_apart() {
    let twilio = FakeTwilio::default();
    let provider = twilio.provider().await;
    for (answer, expected) in [
        (Answer::Refuse(400, 21_211), Placed::Refused { reason: "TWILIO_21211".into(), number: true }),
        (Answer::Refuse(401, 20_003), Placed::Refused { reason: "TWILIO_20003".into(), number: false }),
        (Answer::Refuse(429, 20_429), Placed::Refused { reason: "TWILIO_20429".into(), number: false }),
        (Answer::FailAfterwards, Placed::Unknown),
        (Answer::Nonsense, Placed::Unknown),
    ] {
        twilio.state().next = Some(answer);
        assert_eq!(provider.place(&call("c-1", NUMBER)).await, expected, "{answer:?}");
    }
    let nobody = Twilio::new(account("http://127.0.0.1:1".into())).unwrap();
    let unreachable = Placed::Refused { reason: "PROVIDER_UNREACHABLE".into(), number: false };
    assert_eq!(nobody.place(&call("c-1", NUMBER)).await, unreachable);
    assert_eq!(nobody.look_up(&wanted("c-1", NUMBER, "")).await, Found::Unknown);
}

#[tokio::test]
async fn of_two_calls_to_one_number_twilio_cannot_say_which_is_ours() {
    let twilio = FakeTwilio::default();
    let provider = twilio.provider().await;
    let Placed::Accepted { receipt } = provider.place(&call("c-1", NUMBER)).await else { panic!() };
    provider.place(&call("c-2", NUMBER)).await;
    assert_eq!(provider.look_up(&wanted("c-1", NUMBER, "")).await, Found::Unknown);
    let by_receipt = provider.look_up(&wanted("c-1", NUMBER, &receipt)).await;
    assert!(matches!(by_receipt, Found::Placed { .. }));
    // One of yesterday is none of ours.
    twilio.state().calls[1].created = at("2026-05-31T09:15:00Z");
    assert!(matches!(provider.look_up(&wanted("c-1", NUMBER, "")).await, Found::Placed { .. }));
}

#[tokio::test]
async fn what_twilio_tells_of_an_ended_call_is_read() {
    let twilio = FakeTwilio::default();
    let provider = twilio.provider().await;
    let Placed::Accepted { receipt } = provider.place(&call("c-1", NUMBER)).await else { panic!() };
    for (word, status) in [
        ("queued", None),
        ("in-progress", Some(Status::Answered)),
        ("completed", Some(Status::Completed)),
        ("busy", Some(Status::Busy)),
        ("no-answer", Some(Status::NoAnswer)),
        ("failed", Some(Status::Failed)),
        ("canceled", Some(Status::Cancelled)),
    ] {
        twilio.state().calls[0].status = word.into();
        let found = provider.look_up(&wanted("c-1", NUMBER, &receipt)).await;
        let Found::Placed { report, .. } = found else { panic!("{found:?}") };
        assert_eq!(report.status, status, "{word}");
    }
}

/// A small Twilio.
#[derive(Clone, Default)]
pub struct FakeTwilio {
    state: Arc<Mutex<Twilios>>,
}

#[derive(Default)]
struct Twilios {
    calls: Vec<TakenCall>,
    asked: Vec<Vec<(String, String)>>,
    next: Option<Answer>,
}

struct TakenCall {
    sid: String,
    to: String,
    status: String,
    created: Timestamp,
}

#[derive(Clone, Copy, Debug)]
enum Answer {
    /// Status and code of their error.
    Refuse(u16, i64),
    /// Takes it, and answers 500.
    FailAfterwards,
    /// Takes it, and answers with what is no JSON.
    Nonsense,
}

const SID: &str = "AC00000000000000000000000000000001";
const TOKEN: &str = "a-token";

fn account(base_url: String) -> TwilioAccount {
    TwilioAccount {
        account_sid: SID.into(),
        auth_token: TOKEN.into(),
        from: "+442070000000".into(),
        base_url,
        callback_url: "https://calls.firm.example".into(),
        callback_listen: "127.0.0.1:0".into(),
    }
}

impl FakeTwilio {
    fn state(&self) -> std::sync::MutexGuard<'_, Twilios> {
        self.state.lock().unwrap()
    }

    /// The provider that talks to it.
    async fn provider(&self) -> Twilio {
        let address = self.serve().await;
        Twilio::new(account(format!("http://{address}"))).unwrap()
    }

    async fn serve(&self) -> SocketAddr {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let routes = Router::new()
            .route("/2010-04-01/Accounts/{account}/Calls.json", post(create).get(list))
            .route("/2010-04-01/Accounts/{account}/Calls/{call}", get(fetch))
            .with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        address
    }
}

fn check(account: &str, headers: &HeaderMap) {
    assert_eq!(account, SID);
    let login = format!("Basic {}", STANDARD.encode(format!("{SID}:{TOKEN}")));
    assert_eq!(headers["authorization"], login);
}

async fn create(
    State(twilio): State<FakeTwilio>,
    Path(account): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    check(&account, &headers);
    assert_eq!(headers["content-type"], "application/x-www-form-urlencoded");
    let form: Vec<(String, String)> = form_urlencoded::parse(&body).into_owned().collect();
    let to = form.iter().find(|(name, _)| name == "To").unwrap().1.clone();
    let mut state = twilio.state();
    let next = state.next.take();
    if let Some(Answer::Refuse(status, code)) = next {
        let error = json!({ "code": code, "message": "no", "status": status });
        return (StatusCode::from_u16(status).unwrap(), error.to_string()).into_response();
    }
    state.asked.push(form);
    let sid = format!("CA{:032}", state.calls.len() + 1);
    let taken = TakenCall { sid, to, status: "queued".into(), created: at("2026-06-01T09:15:01Z") };
    let shown = resource(&taken);
    state.calls.push(taken);
    match next {
        Some(Answer::FailAfterwards) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        Some(Answer::Nonsense) => (StatusCode::CREATED, "<html>").into_response(),
        _ => (StatusCode::CREATED, shown.to_string()).into_response(),
    }
}

async fn list(
    State(twilio): State<FakeTwilio>,
    Path(account): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> String {
    check(&account, &headers);
    let query = query.unwrap_or_default();
    let query: BTreeMap<String, String> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    assert_eq!(query["StartTime>"], "2026-06-01");
    let state = twilio.state();
    let calls: Vec<_> = state.calls.iter().filter(|call| call.to == query["To"]).map(resource).collect();
    json!({ "calls": calls, "page": 0 }).to_string()
}

async fn fetch(
    State(twilio): State<FakeTwilio>,
    Path((account, call)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    check(&account, &headers);
    let state = twilio.state();
    match state.calls.iter().find(|known| format!("{}.json", known.sid) == call) {
        Some(call) => resource(call).to_string().into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

fn resource(call: &TakenCall) -> Value {
    json!({
        "sid": call.sid, "to": call.to, "status": call.status, "answered_by": null,
        "date_created": call.created.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string(), "start_time": null,
    })
}

//! Deadlines, panics, health and reflection.

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use contracts::escalation::v1::{WatchCasesRequest, case_service_client::CaseServiceClient};
use runtime::Limits;
use testkit::eventually;
use tokio_stream::StreamExt;
use tonic::{Code, Request};
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};

use crate::support::{House, SOON, get, reason};

const CASES: &str = "liaison.escalation.v1.CaseService";

#[tokio::test]
async fn a_call_that_takes_longer_than_it_may_ends_and_its_handler_is_dropped() {
    let house = House::open().await;
    let mut cases = house.cases("staff/zoe");
    cases.get_case(get("cases/one")).await.unwrap();
    let mut request = Request::new(get("cases/never"));
    request.set_timeout(Duration::from_millis(500));
    let late = cases.get_case(request).await.unwrap_err();
    assert_eq!((late.code(), reason(&late).as_str()), (Code::DeadlineExceeded, "DEADLINE_EXCEEDED"));
    eventually(SOON, async || house.stage.dropped.load(Ordering::SeqCst)).await;
}

#[tokio::test]
async fn a_call_that_states_no_deadline_gets_the_servers_or_the_clients() {
    let house = House::with(Limits { call: Duration::from_millis(100), ..Limits::default() }).await;
    let late = house.cases("staff/zoe").get_case(get("cases/never")).await.unwrap_err();
    assert_eq!(late.code(), Code::DeadlineExceeded);

    let house = House::open().await;
    let client = house.client("staff/zoe").with_deadline(Duration::from_millis(100));
    let late = CaseServiceClient::new(client).get_case(get("cases/never")).await.unwrap_err();
    assert_eq!(late.code(), Code::DeadlineExceeded);
}

#[tokio::test]
async fn a_client_gives_up_on_one_who_does_not_answer_at_all() {
    // Accepts connections and says nothing.
    let mute = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", mute.local_addr().unwrap());
    let client = runtime::client::connect(&url, testkit::tokens().source("staff/zoe")).unwrap();
    let client = client.with_deadline(Duration::from_millis(100));
    let late = CaseServiceClient::new(client.clone()).get_case(get("cases/one")).await.unwrap_err();
    assert_eq!(late.code(), Code::DeadlineExceeded);
    let mut stated = Request::new(get("cases/one"));
    stated.set_timeout(Duration::from_millis(50));
    let late = CaseServiceClient::new(client).get_case(stated).await.unwrap_err();
    assert_eq!(late.code(), Code::DeadlineExceeded);
}

#[tokio::test]
async fn a_service_that_is_down_is_unavailable_at_once() {
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let client = runtime::client::connect(&format!("http://{free}"), testkit::tokens().source("staff/zoe")).unwrap();
    let began = Instant::now();
    let down = CaseServiceClient::new(client).get_case(get("cases/one")).await.unwrap_err();
    assert_eq!(down.code(), Code::Unavailable);
    assert!(began.elapsed() < SOON);
    assert!(runtime::client::connect("not an address", testkit::tokens().source("staff/zoe")).is_err());
}

#[tokio::test]
async fn a_stream_ends_at_its_deadline_and_not_before() {
    let house = House::open().await;
    let mut request = Request::new(WatchCasesRequest::default());
    request.set_timeout(Duration::from_millis(500));
    let mut cases = house.cases("staff/zoe");
    cases.get_case(get("cases/one")).await.unwrap();
    let mut watched = cases.watch_cases(request).await.unwrap().into_inner();
    assert_eq!(watched.next().await.unwrap().unwrap().revision, 1);
    let end = watched.next().await.unwrap().unwrap_err();
    assert_eq!(end.code(), Code::DeadlineExceeded);
    assert!(watched.next().await.is_none());
}

#[tokio::test]
async fn a_timeout_that_is_none_is_refused() {
    let house = House::open().await;
    for wrong in ["", "S", "5", "999999999S", "-1S", "1x"] {
        let refused = house
            .raw("/liaison.escalation.v1.CaseService/GetCase", bytes::Bytes::new(), &[("grpc-timeout", wrong)])
            .await;
        assert_eq!((refused.code(), reason(&refused).as_str()), (Code::InvalidArgument, "BAD_TIMEOUT"), "{wrong:?}");
    }
}

#[tokio::test]
async fn a_panic_is_internal_to_its_caller_and_nobody_elses_business() {
    let house = House::open().await;
    let mut cases = house.cases("staff/zoe");
    let fault = cases.get_case(get("cases/panics")).await.unwrap_err();
    assert_eq!((fault.code(), reason(&fault).as_str()), (Code::Internal, "INTERNAL"));
    assert!(!fault.message().contains("as asked"));
    cases.get_case(get("cases/one")).await.unwrap();

    let panics = WatchCasesRequest { client: "clients/panics".into(), ..WatchCasesRequest::default() };
    let watched = cases.watch_cases(panics).await.unwrap().into_inner();
    let seen: Vec<_> = watched.collect().await;
    assert_eq!(seen.last().unwrap().as_ref().unwrap_err().code(), Code::Internal);
    cases.get_case(get("cases/one")).await.unwrap();
}

#[tokio::test]
async fn health_is_told_for_the_process_and_by_service() {
    let house = House::open().await;
    let mut health = HealthClient::new(house.channel().await);
    let mut ask = async |service: &str| {
        let request = HealthCheckRequest { service: service.into() };
        health.check(request).await.map(|answer| answer.into_inner().status())
    };
    assert_eq!(ask("").await.unwrap(), ServingStatus::Serving);
    assert_eq!(ask(CASES).await.unwrap(), ServingStatus::Serving);
    assert_eq!(ask("liaison.reporting.v1.ReportService").await.unwrap_err().code(), Code::NotFound);
    house.edge.health().set_service_status(CASES, tonic_health::ServingStatus::NotServing).await;
    assert_eq!(ask(CASES).await.unwrap(), ServingStatus::NotServing);
}

#[tokio::test]
async fn reflection_lists_what_is_served_and_describes_it_with_its_options() {
    use tonic_reflection::pb::v1::{
        ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
        server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
    };
    let house = House::open().await;
    let mut reflection = ServerReflectionClient::new(house.channel().await);
    let mut ask = async |request: MessageRequest| {
        let request = ServerReflectionRequest { host: String::new(), message_request: Some(request) };
        let answers = reflection.server_reflection_info(tokio_stream::once(request)).await.unwrap();
        answers.into_inner().next().await.unwrap().unwrap().message_response.unwrap()
    };
    let MessageResponse::ListServicesResponse(list) = ask(MessageRequest::ListServices(String::new())).await else {
        panic!("no list")
    };
    let mut names: Vec<_> = list.service.iter().map(|service| service.name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection", CASES]);

    let MessageResponse::FileDescriptorResponse(files) = ask(MessageRequest::FileContainingSymbol(CASES.into())).await
    else {
        panic!("no file")
    };
    let file = files.file_descriptor_proto.iter().find(|file| contains(file, b"CaseService")).unwrap();
    assert!(contains(file, b"cases.escalate"), "the permission option is there");
}

#[tokio::test]
async fn the_older_reflection_is_served_too() {
    use tonic_reflection::pb::v1alpha::{
        ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
        server_reflection_request::MessageRequest,
    };
    let house = House::open().await;
    let list = MessageRequest::ListServices(String::new());
    let request = ServerReflectionRequest { host: String::new(), message_request: Some(list) };
    let mut reflection = ServerReflectionClient::new(house.channel().await);
    let answers = reflection.server_reflection_info(tokio_stream::once(request)).await.unwrap();
    assert!(answers.into_inner().next().await.unwrap().is_ok());
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

//! The permission layer over the wire; what it decides is tested in its own crate.

use contracts::escalation::v1::case_service_client::CaseServiceClient;
use tonic::Code;

use crate::support::{House, get, reason};

#[tokio::test]
async fn a_call_brings_its_token_and_the_handler_learns_who_calls() {
    let house = House::open().await;
    let answer = house.cases("staff/anna").get_case(get("cases/one")).await.unwrap().into_inner();
    assert_eq!(answer.case.unwrap().client, "staff/anna");
}

#[tokio::test]
async fn a_call_without_a_token_or_by_a_stranger_never_reaches_a_handler() {
    let house = House::open().await;
    let bare = CaseServiceClient::new(house.channel().await).get_case(get("cases/one")).await.unwrap_err();
    assert_eq!((bare.code(), reason(&bare).as_str()), (Code::Unauthenticated, "NO_TOKEN"));
    let stranger = house.cases("staff/nobody").get_case(get("cases/one")).await.unwrap_err();
    assert_eq!((stranger.code(), reason(&stranger).as_str()), (Code::PermissionDenied, "UNKNOWN_PERSON"));
    assert_eq!(house.entered(), 0);
}

#[tokio::test]
async fn a_stranger_learns_nothing_of_the_rules_of_a_message() {
    let house = House::open().await;
    let refused = house.cases("staff/nobody").get_case(get("not a name")).await.unwrap_err();
    assert_eq!(reason(&refused), "UNKNOWN_PERSON");
}

use bytes::Bytes;
use contracts::escalation::v1::{ListCasesRequest, OpenCaseRequest};
use prost::Message;
use runtime::{Limits, edge::validation::validate};
use tonic::Code;
use tonic_types::StatusExt;

use crate::support::{House, OPEN_CASE, frame, get, reason};

#[tokio::test]
async fn every_field_that_breaks_a_rule_is_told_in_one_answer_and_no_value_is() {
    let house = House::open().await;
    let canary = "canary-7f3a";
    let wrong = ListCasesRequest {
        client: format!("CLIENTS/{canary}"),
        mail: format!("{canary} is no mail"),
        page_size: -1,
        page_token: canary.repeat(100),
        ..ListCasesRequest::default()
    };
    let refused = house.cases("staff/zoe").list_cases(wrong).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::InvalidArgument, "INVALID_FIELDS"));
    let faults = refused.get_details_bad_request().unwrap().field_violations;
    let mut fields: Vec<_> = faults.iter().map(|fault| fault.field.as_str()).collect();
    fields.sort_unstable();
    assert_eq!(fields, ["client", "mail", "page_size", "page_token"]);
    assert!(faults.iter().all(|fault| !fault.description.is_empty()));
    assert!(!format!("{refused:?}").contains(canary));
    assert!(!String::from_utf8_lossy(refused.details()).contains(canary));
    assert_eq!(house.entered(), 0);
}

#[test]
fn a_message_that_met_no_layer_is_held_against_the_same_rules() {
    let wrong = ListCasesRequest { client: "CLIENTS/x".into(), page_size: -1, ..ListCasesRequest::default() };
    let refused = validate(&wrong).unwrap_err();
    let mut fields: Vec<_> = refused.fields.iter().map(|fault| fault.field.as_str()).collect();
    fields.sort_unstable();
    assert_eq!((refused.reason, fields), ("INVALID_FIELDS", vec!["client", "page_size"]));
    validate(&ListCasesRequest::default()).unwrap();
}

#[tokio::test]
async fn a_required_message_that_is_missing_is_named() {
    let house = House::open().await;
    let refused = house.cases("staff/zoe").open_case(OpenCaseRequest::default()).await.unwrap_err();
    let faults = refused.get_details_bad_request().unwrap().field_violations;
    assert_eq!(faults.iter().map(|fault| fault.field.as_str()).collect::<Vec<_>>(), ["case"]);
}

#[tokio::test]
async fn what_is_valid_reaches_the_handler_as_it_was_sent() {
    let house = House::open().await;
    let answer = house.cases("staff/zoe").get_case(get("cases/one")).await.unwrap().into_inner();
    assert_eq!(answer.case.unwrap().name, "cases/one");
}

#[tokio::test]
async fn what_is_no_message_is_undecodable() {
    let house = House::open().await;
    let two = [frame(0, &get("cases/1").encode_to_vec()), frame(0, &get("cases/1").encode_to_vec())].concat();
    let mut short = frame(0, &get("cases/1").encode_to_vec()).to_vec();
    short[4] += 1;
    for (body, what) in [
        (short.into(), "a whole message of which more was announced"),
        (Bytes::new(), "nothing"),
        (Bytes::from_static(&[0, 0, 0]), "half a prefix"),
        (Bytes::from_static(&[0, 0, 0, 0, 9, 1]), "less than announced"),
        (frame(0, &[0x0a, 0xff]), "a field cut off"),
        (frame(0, &[0x0a, 0x02, 0xff, 0xfe]), "a string that is no UTF-8"),
        (two.into(), "two messages"),
    ] {
        let refused = house.raw("/liaison.escalation.v1.CaseService/GetCase", body, &[]).await;
        assert_eq!((refused.code(), reason(&refused).as_str()), (Code::InvalidArgument, "UNDECODABLE"), "{what}");
    }
    assert_eq!(house.entered(), 0);
}

#[tokio::test]
async fn a_compressed_message_is_refused_with_what_to_do() {
    let house = House::open().await;
    let compressed = house.raw(OPEN_CASE, frame(1, b"xx"), &[("grpc-encoding", "gzip")]).await;
    assert_eq!((compressed.code(), reason(&compressed).as_str()), (Code::Unimplemented, "COMPRESSION_UNSUPPORTED"));
    let unsaid = house.raw(OPEN_CASE, frame(1, b"xx"), &[]).await;
    assert_eq!(reason(&unsaid), "COMPRESSION_UNSUPPORTED");
}

#[tokio::test]
async fn a_message_over_the_bound_is_refused_and_one_at_the_bound_is_not() {
    let house = House::with(Limits { message: 10_000, ..Limits::default() }).await;
    for declared in [true, false] {
        let over = frame(0, &vec![0; 10_001]);
        let length = over.len().to_string();
        let headers: &[_] = if declared { &[("content-length", length.as_str())] } else { &[] };
        let refused = house.raw(OPEN_CASE, over, headers).await;
        assert_eq!((refused.code(), reason(&refused).as_str()), (Code::ResourceExhausted, "MESSAGE_TOO_LARGE"));
    }
    let at = house.raw(OPEN_CASE, frame(0, &vec![0; 10_000]), &[]).await;
    assert_eq!(reason(&at), "UNDECODABLE", "it was read");
}

#[tokio::test]
async fn a_length_that_lies_is_refused_before_it_is_believed() {
    let house = House::open().await;
    let announced = Bytes::from_static(&[0, 0xff, 0xff, 0xff, 0xff, 1, 2, 3]);
    assert_eq!(reason(&house.raw(OPEN_CASE, announced, &[]).await), "MESSAGE_TOO_LARGE");
}

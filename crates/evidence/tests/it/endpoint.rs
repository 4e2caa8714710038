use contracts::evidence::v1::{ExportRequest, VerifyRequest, audit_service_server::AuditService};
use database::exec;
use evidence::MIGRATIONS;
use testkit::TestDatabase;
use tonic::{Code, Request};

use crate::{insert, sealer};

fn verify(service: &str) -> Request<VerifyRequest> {
    Request::new(VerifyRequest { service: service.to_owned() })
}

fn export(service: &str, after_block: u64, page_size: i32) -> Request<ExportRequest> {
    Request::new(ExportRequest { service: service.to_owned(), after_block, page_size })
}

#[tokio::test]
async fn each_service_answers_for_its_own_audit_and_an_absent_one_is_not_found() {
    let tests = [TestDatabase::sqlite(&[MIGRATIONS]).await, TestDatabase::sqlite(&[MIGRATIONS]).await];
    let [escalation, notification] = tests.each_ref().map(TestDatabase::database);
    insert(escalation.writer(), &["cases/1", "cases/2"]).await;
    sealer(&escalation).seal_once().await.unwrap();
    insert(escalation.writer(), &["cases/3"]).await;
    let databases = vec![("escalation", escalation.clone()), ("notification", notification.clone())];
    let service = evidence::service(databases);

    let verdict = service.verify(verify("escalation")).await.unwrap().into_inner();
    assert_eq!((verdict.consistent, verdict.sealed_through, verdict.unsealed), (true, 2, 1));
    let answer = service.export(export("escalation", 0, 0)).await.unwrap().into_inner();
    assert_eq!((answer.blocks.len(), answer.more), (1, false));
    assert_eq!(verdict.head, answer.blocks[0].hash);
    assert_eq!(answer.blocks[0].previous_hash, "");

    let empty = service.verify(verify("notification")).await.unwrap().into_inner();
    assert_eq!((empty.consistent, empty.sealed_through, empty.head.as_str()), (true, 0, ""));
    assert!(service.export(export("notification", 9, -3)).await.unwrap().into_inner().blocks.is_empty());

    for status in
        [service.verify(verify("reporting")).await.unwrap_err(), service.export(export("", 0, 0)).await.unwrap_err()]
    {
        assert_eq!(status.code(), Code::NotFound);
        assert_eq!(refusal::reason(&status).as_deref(), Some("SERVICE_NOT_HERE"));
    }

    exec(escalation.writer(), "UPDATE audit_row SET action = 'x' WHERE number = 2", vec![]).await.unwrap();
    let verdict = service.verify(verify("escalation")).await.unwrap().into_inner();
    assert!(!verdict.consistent);
    assert_eq!(verdict.finding, "block 1 (rows 1 to 2): a row in it is not as it was sealed");
}

#[tokio::test]
async fn a_database_that_fails_is_told_without_its_text() {
    let test = TestDatabase::sqlite(&[]).await;
    let db = test.database();
    let service = evidence::service(vec![("escalation", db.clone())]);
    let status = service.verify(verify("escalation")).await.unwrap_err();
    assert_eq!(refusal::reason(&status).as_deref(), Some("INTERNAL"));
    assert!(!status.message().contains("audit_seal"), "{status}");
}

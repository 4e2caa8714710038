//! From draft to approval.

use contracts::{
    escalation::v1::{Case, CaseState, Clock, ClockKind, ClockState},
    reporting::v1::{
        CancelReportRequest, GetReportContentRequest, GetReportRequest, ListReportsRequest, RejectReportRequest,
        ReportReturned, ReportState, SubmissionOutcome, UpdateReportRequest,
    },
};
use testkit::TestDatabase;
use tonic::Code;

use crate::support::*;

testkit::both_databases!(SETS;
    a_status_update_is_drafted_from_the_suites_facts,
    while_escalation_is_down_the_draft_waits_and_comes_then,
    a_second_report_for_the_same_period_is_refused,
    a_stale_etag_is_refused_and_changes_nothing,
    only_the_account_manager_approves,
    exactly_the_version_that_was_read_is_approved,
    a_rejected_report_is_a_draft_again_and_its_submitter_is_told,
    a_cancelled_reports_period_is_free_again,
    another_clients_report_is_not_there,
    each_read_of_texts_leaves_an_audit_row,
    a_repeated_request_id_opens_one_report,
    what_is_sent_is_the_approved_version_for_notification_alone,
);

fn case(state: CaseState, opened: &str) -> Case {
    Case {
        name: format!("cases/{opened}"),
        client: ACME.into(),
        state: state.into(),
        open_time: Some(wire(at(opened))),
        ..Case::default()
    }
}

async fn a_status_update_is_drafted_from_the_suites_facts(db: TestDatabase) {
    let world = World::new(db).await;
    let answered = Clock {
        kind: ClockKind::FirstResponse.into(),
        state: ClockState::Ended.into(),
        end_time: Some(wire(at("2026-03-09T09:30:00Z"))),
        ..Clock::default()
    };
    world.neighbours.state().cases = vec![
        case(CaseState::AwaitingResponse, "2026-03-09T09:00:00Z"),
        Case { clocks: vec![answered], ..case(CaseState::Answered, "2026-03-09T08:00:00Z") },
        case(CaseState::Unresolved, "2026-03-01T09:00:00Z"),
        Case {
            engagement: "clients/acme/engagements/else".into(),
            ..case(CaseState::Unresolved, "2026-03-09T09:00:00Z")
        },
        Case { client: "clients/other".into(), ..case(CaseState::Unresolved, "2026-03-09T09:00:00Z") },
    ];
    let report = world.draft("2026-W11").await;
    assert_eq!(report.title, "Status update: Pumps, 9 to 15 March 2026");
    for sentence in [
        "- Two new questions and problems of yours came in.",
        "- We answered one question, in time.",
        "- One question waits for our answer.",
        "- We are working on one problem.",
        "Monday 9 March 2026, 10:15 (Europe/London)",
    ] {
        assert!(report.text.contains(sentence), "{sentence} in {}", report.text);
    }
    assert_eq!((report.state(), report.text_version), (ReportState::Draft, 1));
    assert_eq!(report.versions[0].author, "services/reporting");
    assert_eq!(world.told().await, ["ReportDue"]);
}

async fn while_escalation_is_down_the_draft_waits_and_comes_then(db: TestDatabase) {
    let world = World::new(db).await;
    world.neighbours.state().escalation_is_down = true;
    let report = world.draft("2026-W11").await;
    assert_eq!((report.text_version, report.text.as_str()), (0, ""));
    assert_eq!(
        refused(world.submit(BEN, &report.name, Vec::new()).await),
        (Code::FailedPrecondition, "NOT_DRAFTED_YET".into())
    );
    world.neighbours.state().escalation_is_down = false;
    world.at("2026-03-09T10:20:00Z").await;
    assert_eq!(world.report(&report.name).await.text_version, 1);
}

async fn a_second_report_for_the_same_period_is_refused(db: TestDatabase) {
    let world = World::new(db).await;
    world.draft("2026-W11").await;
    let again = world.as_(BEN).create_report(by_hand("2026-W11")).await;
    assert_eq!(refused(again), (Code::AlreadyExists, "PERIOD_TAKEN".into()));
    world.draft("2026-W12").await;
    assert_eq!(world.reports().await.len(), 2);
}

async fn a_stale_etag_is_refused_and_changes_nothing(db: TestDatabase) {
    let world = World::new(db).await;
    let read = world.draft("2026-W11").await;
    let newer = world.write(BEN, &read, "Ours is the first word.").await.unwrap();
    assert_eq!(refused(world.write(CARLA, &read, "Ours too.").await), (Code::Aborted, "STALE_ETAG".into()));
    let now = world.report(&read.name).await;
    assert_eq!((now.text.as_str(), now.etag), ("Ours is the first word.", newer.etag));
    assert_eq!(now.versions.len(), 2, "every version is kept");
    let empty =
        UpdateReportRequest { name: read.name, text: " .\u{200b} ".into(), etag: "1".into(), ..Default::default() };
    assert_eq!(refused(world.as_(BEN).update_report(empty).await), (Code::InvalidArgument, "TEXT_MISSING".into()));
}

async fn only_the_account_manager_approves(db: TestDatabase) {
    let world = World::new(db).await;
    let report = world.submitted().await;
    for person in [BEN, CARLA, BOSS] {
        let answer = world.approve(person, &report.name, report.text_version).await;
        assert_eq!(refused(answer), (Code::PermissionDenied, "NO_PERMISSION".into()), "{person}");
    }
    assert_eq!(
        refused(world.approve(OLGA, &report.name, report.text_version).await),
        (Code::NotFound, "NOT_FOUND".into())
    );
    let approved = world.approve(ANNA, &report.name, report.text_version).await.unwrap();
    assert_eq!(approved.state(), ReportState::Approved);
    assert_eq!(
        (approved.submissions[0].outcome(), approved.submissions[0].decider.as_str()),
        (SubmissionOutcome::Approved, ANNA)
    );
}

async fn exactly_the_version_that_was_read_is_approved(db: TestDatabase) {
    let world = World::new(db).await;
    let read = world.submitted().await;
    let changed = world.write(CARLA, &read, "We sent the forms on Wednesday.").await.unwrap();
    assert_eq!(changed.state(), ReportState::Draft);
    let answer = world.approve(ANNA, &read.name, read.text_version).await;
    assert_eq!(refused(answer), (Code::FailedPrecondition, "NOT_SUBMITTED".into()));
    let again = world.submit(CARLA, &read.name, Vec::new()).await.unwrap();
    let answer = world.approve(ANNA, &read.name, read.text_version).await;
    assert_eq!(refused(answer), (Code::FailedPrecondition, "REPORT_REVISED".into()));
    let outcomes: Vec<_> = again.submissions.iter().map(|one| one.outcome()).collect();
    assert_eq!(outcomes, [SubmissionOutcome::Revised, SubmissionOutcome::Unspecified]);
    assert!(world.approve(ANNA, &read.name, again.text_version).await.is_ok());
}

async fn a_rejected_report_is_a_draft_again_and_its_submitter_is_told(db: TestDatabase) {
    let world = World::new(db).await;
    let report = world.submitted().await;
    let request = RejectReportRequest {
        name: report.name.clone(),
        text_version: report.text_version,
        reason: "The forms went on Monday.".into(),
        request_id: String::new(),
    };
    assert_eq!(refused(world.as_(BEN).reject_report(request.clone()).await).0, Code::PermissionDenied);
    let returned = world.as_(ANNA).reject_report(request).await.unwrap().into_inner().report.unwrap();
    assert_eq!(returned.state(), ReportState::Draft);
    assert_eq!(returned.submissions[0].reason, "The forms went on Monday.");
    let told = world.events::<ReportReturned>().await;
    assert_eq!((told[0].submitter.as_str(), told[0].text_version), (BEN, report.text_version));
}

async fn a_cancelled_reports_period_is_free_again(db: TestDatabase) {
    let world = World::new(db).await;
    let report = world.draft("2026-W11").await;
    let request =
        CancelReportRequest { name: report.name.clone(), reason: "Opened twice.".into(), ..Default::default() };
    assert_eq!(refused(world.as_(BEN).cancel_report(request.clone()).await).0, Code::PermissionDenied);
    let cancelled = world.as_(ANNA).cancel_report(request).await.unwrap().into_inner().report.unwrap();
    assert_eq!((cancelled.state(), cancelled.cancel_reason.as_str()), (ReportState::Cancelled, "Opened twice."));
    assert_eq!(
        refused(world.write(BEN, &cancelled, PLAIN).await),
        (Code::FailedPrecondition, "REPORT_CANCELLED".into())
    );
    world.draft("2026-W11").await;
    world.at("2026-03-14T09:00:00Z").await;
    assert!(world.report(&report.name).await.overdue_time.is_none(), "nobody waits for it");
}

async fn another_clients_report_is_not_there(db: TestDatabase) {
    let world = World::new(db).await;
    let report = world.submitted().await;
    let mut olga = world.as_(OLGA);
    let get = GetReportRequest { name: report.name.clone() };
    assert_eq!(refused(olga.get_report(get.clone()).await), (Code::NotFound, "NOT_FOUND".into()));
    assert_eq!(refused(world.write(OLGA, &report, PLAIN).await).0, Code::NotFound);
    assert_eq!(olga.list_reports(ListReportsRequest::default()).await.unwrap().into_inner().reports, []);
    assert_eq!(refused(olga.create_report(by_hand("2026-W12")).await).0, Code::NotFound);
    assert_eq!(refused(world.as_(JO).get_report(get.clone()).await).0, Code::PermissionDenied);
    assert!(world.as_(AUDITOR).get_report(get).await.is_ok());
}

async fn each_read_of_texts_leaves_an_audit_row(db: TestDatabase) {
    let world = World::new(db).await;
    let report = world.written(PLAIN).await;
    let count = async || {
        let sql = "SELECT COUNT(*) AS n FROM audit_row WHERE action LIKE '%ReportService/GetReport'";
        let row = database::query_one(world.db.database().reader(), sql, vec![]).await.unwrap().unwrap();
        row.try_get::<i64>("", "n").unwrap()
    };
    let before = count().await;
    world.as_(CARLA).get_report(GetReportRequest { name: report.name.clone() }).await.unwrap();
    assert_eq!(count().await, before + 1);
    let listed = world.reports().await;
    assert_eq!((listed[0].text.as_str(), listed[0].title.as_str()), ("", ""), "a list shows no words");
    let sealed =
        database::query_all(world.db.database().reader(), "SELECT sealed FROM report_word", vec![]).await.unwrap();
    for row in sealed {
        let bytes: Vec<u8> = row.try_get("", "sealed").unwrap();
        assert!(!String::from_utf8_lossy(&bytes).contains("forms"), "a text stands in the clear");
    }
}

async fn a_repeated_request_id_opens_one_report(db: TestDatabase) {
    let world = World::new(db).await;
    let mut request = by_hand("2026-W11");
    request.request_id = "once".into();
    let first = world.as_(ANNA).create_report(request.clone()).await.unwrap().into_inner();
    let second = world.as_(ANNA).create_report(request).await.unwrap().into_inner();
    assert_eq!(first, second);
}

async fn what_is_sent_is_the_approved_version_for_notification_alone(db: TestDatabase) {
    let world = World::new(db).await;
    let report = world.approved().await;
    let request = GetReportContentRequest { name: report.name.clone(), text_version: report.text_version };
    let content = world.as_("services/notification").get_report_content(request.clone()).await.unwrap().into_inner();
    assert_eq!(content.subject, "Status update: Pumps, 9 to 15 March 2026");
    assert!(content.text.contains("we sent the forms on Tuesday."), "{}", content.text);
    assert!(content.html.contains("we sent the forms on Tuesday."), "{}", content.html);
    assert_eq!(refused(world.as_(ANNA).get_report_content(request.clone()).await).0, Code::PermissionDenied);
    let other = GetReportContentRequest { text_version: 1, ..request };
    let answer = world.as_("services/notification").get_report_content(other).await;
    assert_eq!(refused(answer), (Code::FailedPrecondition, "REPORT_REVISED".into()));
}

//! Who may do what to whose case. What is another's is as if it were not there.

use contracts::escalation::v1::{
    AcknowledgeCaseRequest, CaseKind, ClockKind, ConfirmResolutionRequest, DeclareCriticalRequest, EscalateCaseRequest,
    ExportTimelineRequest, GetCaseRequest, GiveLatenessReasonRequest, ListCasesRequest, ListTimelineEntriesRequest,
    OpenCaseRequest, PreviewCaseRequest, ProposeResolutionRequest, RaiseIssueRequest, RecordClientConfirmationRequest,
    RejectResolutionRequest,
};
use testkit::TestDatabase;
use tonic::{Code, Status};

use crate::support::*;

testkit::both_databases!(SETS;
    another_clients_case_is_not_there_for_any_call,
    a_list_shows_the_callers_clients_alone,
    a_contact_opens_only_for_its_own_client,
    who_may_see_a_case_but_not_do_this_to_it_is_told_so,
    a_service_confirms_nothing,
    each_read_of_personal_data_leaves_an_audit_row_and_a_preview_none,
    a_refusal_is_audited_and_leaves_nothing_else,
);

/// Every call that names a case, in somebody's name.
async fn every_call(world: &World, person: &str, name: &str) -> Vec<(&'static str, Result<(), Status>)> {
    let (mut as_, name) = (world.as_(person), name.to_owned());
    let text = || "words that are long enough".to_owned();
    vec![
        ("GetCase", as_.get_case(GetCaseRequest { name: name.clone() }).await.map(drop)),
        (
            "AcknowledgeCase",
            as_.acknowledge_case(AcknowledgeCaseRequest { name: name.clone(), ..Default::default() }).await.map(drop),
        ),
        (
            "RaiseIssue",
            as_.raise_issue(RaiseIssueRequest { name: name.clone(), reason: text(), ..Default::default() })
                .await
                .map(drop),
        ),
        (
            "DeclareCritical",
            as_.declare_critical(DeclareCriticalRequest { name: name.clone(), reason: text(), ..Default::default() })
                .await
                .map(drop),
        ),
        (
            "EscalateCase",
            as_.escalate_case(EscalateCaseRequest { name: name.clone(), reason: text(), ..Default::default() })
                .await
                .map(drop),
        ),
        (
            "ProposeResolution",
            as_.propose_resolution(ProposeResolutionRequest { name: name.clone(), text: text(), ..Default::default() })
                .await
                .map(drop),
        ),
        (
            "ConfirmResolution",
            as_.confirm_resolution(ConfirmResolutionRequest {
                name: name.clone(),
                proposal_revision: 1,
                ..Default::default()
            })
            .await
            .map(drop),
        ),
        (
            "RecordClientConfirmation",
            as_.record_client_confirmation(RecordClientConfirmationRequest {
                name: name.clone(),
                proposal_revision: 1,
                contact: CARLA.into(),
                evidence: text(),
                ..Default::default()
            })
            .await
            .map(drop),
        ),
        (
            "RejectResolution",
            as_.reject_resolution(RejectResolutionRequest {
                name: name.clone(),
                proposal_revision: 1,
                reason: text(),
                ..Default::default()
            })
            .await
            .map(drop),
        ),
        (
            "GiveLatenessReason",
            as_.give_lateness_reason(GiveLatenessReasonRequest {
                name: name.clone(),
                clock: ClockKind::Resolution.into(),
                reason: text(),
                ..Default::default()
            })
            .await
            .map(drop),
        ),
        (
            "ListTimelineEntries",
            as_.list_timeline_entries(ListTimelineEntriesRequest { parent: name.clone(), ..Default::default() })
                .await
                .map(drop),
        ),
        ("ExportTimeline", as_.export_timeline(ExportTimelineRequest { name: name.clone() }).await.map(drop)),
        ("PreviewCase", as_.preview_case(PreviewCaseRequest { name }).await.map(drop)),
    ]
}

async fn another_clients_case_is_not_there_for_any_call(db: TestDatabase) {
    let world = World::new(db).await;
    let case = world.proposed().await;
    let before = world.case(&case.name).await;
    for person in [OLGA, SAM] {
        let foreign = every_call(&world, person, &case.name).await;
        let absent = every_call(&world, person, "cases/none").await;
        for ((call, foreign), (_, absent)) in foreign.into_iter().zip(absent) {
            let status = foreign.unwrap_err();
            // A contact holds some permissions for no client at all, and is told so before any case is looked for.
            let expected = absent.unwrap_err();
            assert_eq!(status.code(), expected.code(), "{person} {call}: {status:?}");
            let without_name = |status: &Status| status.message().replace(&case.name, "").replace("cases/none", "");
            assert_eq!(without_name(&status), without_name(&expected), "{person} {call}");
            if person == OLGA && call != "RejectResolution" {
                assert_eq!(status.code(), Code::NotFound, "{call}");
            }
        }
    }
    assert_eq!(world.case(&case.name).await, before);
}

async fn a_list_shows_the_callers_clients_alone(db: TestDatabase) {
    let world = World::new(db).await;
    world.open(CARLA, CaseKind::Inquiry).await;
    let case = Some(draft(OTHER, CaseKind::Inquiry));
    world.as_(SAM).open_case(OpenCaseRequest { case, request_id: String::new() }).await.unwrap();
    let seen = async |person: &str, client: &str| {
        let request = ListCasesRequest { client: client.into(), ..Default::default() };
        let cases = world.as_(person).list_cases(request).await.unwrap().into_inner().cases;
        cases.into_iter().map(|case| case.client).collect::<Vec<_>>()
    };
    assert_eq!(seen(ANNA, "").await, [ACME]);
    assert_eq!(seen(CARLA, "").await, [ACME]);
    assert_eq!(seen(OLGA, "").await, [OTHER]);
    assert_eq!(seen(OLGA, ACME).await, [""; 0]);
    assert_eq!(seen(BOSS, "").await.len(), 2);
    assert_eq!(seen(AUDITOR, OTHER).await, [OTHER]);
}

async fn a_contact_opens_only_for_its_own_client(db: TestDatabase) {
    let world = World::new(db).await;
    for person in [CARLA, ANNA] {
        let case = Some(draft(OTHER, CaseKind::Inquiry));
        let answer = world.as_(person).open_case(OpenCaseRequest { case, request_id: String::new() }).await;
        assert_eq!(refused(answer), (Code::NotFound, "CLIENT_NOT_FOUND".into()), "{person}");
    }
    assert!(world.cases().await.is_empty());
}

async fn who_may_see_a_case_but_not_do_this_to_it_is_told_so(db: TestDatabase) {
    let world = World::new(db).await;
    let case = world.open(CARLA, CaseKind::Issue).await;
    let request = ProposeResolutionRequest { name: case.name.clone(), text: "we fix it".into(), ..Default::default() };
    let answer = world.as_(CARLA).propose_resolution(request).await;
    assert_eq!(refused(answer), (Code::PermissionDenied, "NO_PERMISSION".into()));
    // Reads everything, changes nothing.
    world.as_(AUDITOR).get_case(GetCaseRequest { name: case.name.clone() }).await.unwrap();
    let request = EscalateCaseRequest { name: case.name.clone(), reason: "now".into(), ..Default::default() };
    assert_eq!(refused(world.as_(AUDITOR).escalate_case(request).await).0, Code::PermissionDenied);
}

async fn a_service_confirms_nothing(db: TestDatabase) {
    let world = World::new(db).await;
    let case = world.proposed().await;
    let answer = world.confirm("services/notification", &case.name, 1).await;
    assert_eq!(refused(answer).0, Code::PermissionDenied);
    let read = world.as_("services/notification").get_case(GetCaseRequest { name: case.name }).await.unwrap();
    assert_eq!(read.into_inner().case.unwrap().proposal.unwrap().text, "We replace the pump on Friday.");
}

async fn each_read_of_personal_data_leaves_an_audit_row_and_a_preview_none(db: TestDatabase) {
    let world = World::new(db).await;
    let case = world.open(CARLA, CaseKind::Inquiry).await;
    let mut as_ = world.as_(ANNA);
    as_.get_case(GetCaseRequest { name: case.name.clone() }).await.unwrap();
    as_.list_cases(ListCasesRequest::default()).await.unwrap();
    as_.list_timeline_entries(ListTimelineEntriesRequest { parent: case.name.clone(), ..Default::default() })
        .await
        .unwrap();
    as_.export_timeline(ExportTimelineRequest { name: case.name.clone() }).await.unwrap();
    as_.preview_case(PreviewCaseRequest { name: case.name.clone() }).await.unwrap();
    let sql = "SELECT action, resources FROM audit_row WHERE actor = ? AND outcome = ? ORDER BY id";
    let read = i64::from(i32::from(contracts::evidence::v1::AuditOutcome::Read));
    let rows = world.rows(sql, vec![ANNA.into(), read.into()]).await;
    let methods: Vec<String> = rows
        .iter()
        .map(|row| row.try_get::<String>("", "action").unwrap().rsplit('/').next().unwrap().to_owned())
        .collect();
    assert_eq!(methods, ["GetCase", "ListCases", "ListTimelineEntries", "ExportTimeline"]);
    for row in rows {
        assert!(row.try_get::<String>("", "resources").unwrap().contains(&case.name));
    }
}

async fn a_refusal_is_audited_and_leaves_nothing_else(db: TestDatabase) {
    let world = World::new(db).await;
    let case = world.open(CARLA, CaseKind::Inquiry).await;
    refused(world.confirm(ANNA, &case.name, 1).await);
    let sql = "SELECT reason FROM audit_row WHERE actor = ? AND reason <> ''";
    let rows = world.rows(sql, vec![ANNA.into()]).await;
    let reasons: Vec<String> = rows.iter().map(|row| row.try_get("", "reason").unwrap()).collect();
    assert_eq!(reasons, ["NOT_AN_ISSUE"]);
    assert_eq!(world.case(&case.name).await, case);
}

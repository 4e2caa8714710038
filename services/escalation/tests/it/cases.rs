//! Opening, reading, listing and working on cases.

use contracts::escalation::v1::{
    AcknowledgeCaseRequest, CaseKind, CaseOrigin, CaseState, ClockKind, ClockState, EscalateCaseRequest,
    GiveLatenessReasonRequest, ListCasesRequest, OpenCaseRequest, PreviewCaseRequest, ProposeResolutionRequest,
    RaiseIssueRequest,
};
use testkit::TestDatabase;
use tonic::Code;

use crate::support::*;

testkit::both_databases!(SETS;
    a_contact_opens_a_case_and_its_clock_is_set,
    an_issue_opened_by_a_call_has_a_resolution_clock_of_24_hours,
    a_case_names_an_engagement_of_its_client_alone,
    a_client_that_nobody_knows_is_refused_and_one_that_only_the_registry_knows_is_not,
    while_the_registry_is_down_a_known_client_can_open_a_case_and_an_unknown_one_is_told_to_try_again,
    a_repeated_request_id_opens_one_case,
    acknowledging_twice_is_once_and_stops_no_clock,
    an_inquiry_is_raised_as_an_issue_once,
    a_step_by_hand_is_told_and_there_are_as_many_as_the_policy_has,
    a_stale_etag_is_refused_and_changes_nothing,
    a_reason_is_taken_for_a_late_clock_alone,
    lists_are_paged_the_newest_first_and_filtered,
    a_preview_tells_what_would_happen_by_itself,
    every_wrong_field_is_refused_before_anything_happens,
);

async fn a_contact_opens_a_case_and_its_clock_is_set(db: TestDatabase) {
    let world = World::new(db).await;
    let case = world.open(CARLA, CaseKind::Inquiry).await;
    assert_eq!(
        (case.kind(), case.state(), case.origin()),
        (CaseKind::Inquiry, CaseState::AwaitingResponse, CaseOrigin::Api)
    );
    assert_eq!((case.opener.as_str(), case.subject.as_str(), case.policy_version), (CARLA, "The pump leaks", 1));
    let clock = &case.clocks[0];
    assert_eq!((clock.kind(), clock.state()), (ClockKind::FirstResponse, ClockState::Running));
    assert_eq!(time(clock.due_time), at(TUESDAY));
    assert_eq!(clock.due_local, "2026-06-02T10:15:00[Europe/London]");
    let rests = clock.provenance.as_ref().unwrap();
    assert_eq!((rests.calendar.as_str(), rests.calendar_revision), ("calendars/london", 1));
    assert_eq!(rests.tzdb_version, business_time::tzdb_version());
    assert_eq!(world.kinds(&case.name).await, "OPENED CLOCK_SET");
    assert_eq!(world.case(&case.name).await, case);
}

async fn an_issue_opened_by_a_call_has_a_resolution_clock_of_24_hours(db: TestDatabase) {
    let world = World::new(db).await;
    let case = world.open(ANNA, CaseKind::Issue).await;
    assert_eq!((case.kind(), case.state()), (CaseKind::Issue, CaseState::Unresolved));
    assert_eq!(case.clocks.len(), 1);
    assert_eq!((case.clocks[0].kind(), time(case.clocks[0].due_time)), (ClockKind::Resolution, at(TUESDAY)));
    assert_eq!(world.kinds(&case.name).await, "OPENED CLOCK_SET");
    assert_eq!(world.told().await, ["CaseOpened"]);
}

async fn a_case_names_an_engagement_of_its_client_alone(db: TestDatabase) {
    let world = World::new(db).await;
    let open = async |engagement: &str| {
        let case =
            contracts::escalation::v1::CaseDraft { engagement: engagement.into(), ..draft(ACME, CaseKind::Issue) };
        world.as_(ANNA).open_case(OpenCaseRequest { case: Some(case), request_id: String::new() }).await
    };
    assert_eq!(open(ENGAGEMENT).await.unwrap().into_inner().case.unwrap().engagement, ENGAGEMENT);
    let foreign = refused(open("clients/other/engagements/pumps").await);
    assert_eq!(foreign, (Code::InvalidArgument, "ENGAGEMENT_OF_ANOTHER_CLIENT".into()));
    let nowhere = refused(open("clients/acme/engagements/none").await);
    assert_eq!(nowhere, (Code::NotFound, "ENGAGEMENT_NOT_FOUND".into()));
    assert_eq!(world.cases().await.len(), 1);
}

async fn a_client_that_nobody_knows_is_refused_and_one_that_only_the_registry_knows_is_not(db: TestDatabase) {
    let world = World::new(db).await;
    let open = async |client: &str| {
        let case = Some(draft(client, CaseKind::Inquiry));
        world.as_(BOSS).open_case(OpenCaseRequest { case, request_id: String::new() }).await
    };
    assert_eq!(refused(open("clients/nobody").await), (Code::NotFound, "CLIENT_NOT_FOUND".into()));
    // Its event has not come yet.
    world.registry.put_client("clients/new", "calendars/london", 1);
    let case = open("clients/new").await.unwrap().into_inner().case.unwrap();
    assert_eq!(time(case.clocks[0].due_time), at(TUESDAY), "its calendar is here already");
}

async fn while_the_registry_is_down_a_known_client_can_open_a_case_and_an_unknown_one_is_told_to_try_again(
    db: TestDatabase,
) {
    let world = World::new(db).await;
    world.registry.is_down(true);
    world.open(CARLA, CaseKind::Inquiry).await;
    let case = Some(draft("clients/new", CaseKind::Inquiry));
    let answer = world.as_(BOSS).open_case(OpenCaseRequest { case, request_id: String::new() }).await;
    assert_eq!(refused(answer), (Code::Unavailable, "REGISTRY_UNAVAILABLE".into()));
}

async fn a_repeated_request_id_opens_one_case(db: TestDatabase) {
    let world = World::new(db).await;
    let open = async |subject: &str| {
        let case = contracts::escalation::v1::CaseDraft { subject: subject.into(), ..draft(ACME, CaseKind::Inquiry) };
        world.as_(CARLA).open_case(OpenCaseRequest { case: Some(case), request_id: "once".into() }).await
    };
    let first = open("The pump leaks").await.unwrap().into_inner();
    assert_eq!(open("The pump leaks").await.unwrap().into_inner(), first);
    assert_eq!(refused(open("The tap leaks").await), (Code::InvalidArgument, "REQUEST_ID_REUSED".into()));
    assert_eq!(world.cases().await.len(), 1);
}

async fn acknowledging_twice_is_once_and_stops_no_clock(db: TestDatabase) {
    let world = World::new(db).await;
    let case = world.open(CARLA, CaseKind::Issue).await;
    let acknowledge = async |name: &str| {
        let request = AcknowledgeCaseRequest { name: name.into(), request_id: String::new() };
        world.as_(ANNA).acknowledge_case(request).await.map(|answer| answer.into_inner().case.unwrap())
    };
    let once = acknowledge(&case.name).await.unwrap();
    assert!(once.acknowledged);
    assert_eq!(acknowledge(&case.name).await.unwrap().revision, once.revision);
    assert_eq!(world.kinds(&case.name).await, "OPENED CLOCK_SET ACKNOWLEDGED");
    world.at(TUESDAY).await;
    assert_eq!(world.kinds(&case.name).await, "OPENED CLOCK_SET ACKNOWLEDGED CLOCK_BREACHED ESCALATED");
    let inquiry = world.open(CARLA, CaseKind::Inquiry).await;
    assert_eq!(refused(acknowledge(&inquiry.name).await), (Code::FailedPrecondition, "NOT_AN_ISSUE".into()));
}

async fn an_inquiry_is_raised_as_an_issue_once(db: TestDatabase) {
    let world = World::new(db).await;
    let case = world.open(CARLA, CaseKind::Inquiry).await;
    let raise = async || {
        let request =
            RaiseIssueRequest { name: case.name.clone(), reason: "the floor is wet".into(), ..Default::default() };
        world.as_(ANNA).raise_issue(request).await.map(|answer| answer.into_inner().case.unwrap())
    };
    let raised = raise().await.unwrap();
    assert_eq!((raised.kind(), raised.state()), (CaseKind::Issue, CaseState::Unresolved));
    assert_eq!(raised.clocks.len(), 2, "the first-response clock goes on beside the other");
    assert_eq!(refused(raise().await), (Code::FailedPrecondition, "ALREADY_AN_ISSUE".into()));
    assert_eq!(world.told().await, ["CaseOpened", "CaseBecameIssue"]);
}

async fn a_step_by_hand_is_told_and_there_are_as_many_as_the_policy_has(db: TestDatabase) {
    let world = World::new(db).await;
    let case = world.open(CARLA, CaseKind::Issue).await;
    let escalate = async || {
        let request = EscalateCaseRequest { name: case.name.clone(), reason: "it burns".into(), ..Default::default() };
        world.as_(ANNA).escalate_case(request).await.map(|answer| answer.into_inner().case.unwrap())
    };
    assert_eq!(escalate().await.unwrap().steps_taken, 1);
    assert_eq!(escalate().await.unwrap().steps_taken, 2);
    assert_eq!(refused(escalate().await), (Code::FailedPrecondition, "NO_STEP_LEFT".into()));
    let told: Vec<contracts::escalation::v1::CaseEscalated> = world.events().await;
    let targets: Vec<_> = told.iter().map(|event| (event.step, event.target.as_str())).collect();
    assert_eq!(targets, [(1, "TEAM_LEAD"), (2, "MANAGEMENT")]);
    world.at("2026-06-04T09:15:00Z").await;
    assert_eq!(world.kinds(&case.name).await, "OPENED CLOCK_SET ESCALATED ESCALATED CLOCK_BREACHED");
}

async fn a_stale_etag_is_refused_and_changes_nothing(db: TestDatabase) {
    let world = World::new(db).await;
    let case = world.open(CARLA, CaseKind::Issue).await;
    let propose = async |etag: &str| {
        let request = ProposeResolutionRequest {
            name: case.name.clone(),
            text: "We replace the pump.".into(),
            etag: etag.into(),
            request_id: String::new(),
        };
        world.as_(ANNA).propose_resolution(request).await.map(|answer| answer.into_inner().case.unwrap())
    };
    let proposed = propose(&case.etag).await.unwrap();
    assert_ne!(proposed.etag, case.etag);
    assert_eq!(refused(propose(&case.etag).await), (Code::Aborted, "STALE_ETAG".into()));
    assert_eq!(world.case(&case.name).await.proposal.unwrap().revision, 1);
    assert_eq!(propose(&proposed.etag).await.unwrap().proposal.unwrap().revision, 2);
}

async fn a_reason_is_taken_for_a_late_clock_alone(db: TestDatabase) {
    let world = World::new(db).await;
    let case = world.open(CARLA, CaseKind::Inquiry).await;
    let give = async |clock: ClockKind| {
        let request = GiveLatenessReasonRequest {
            name: case.name.clone(),
            clock: clock.into(),
            reason: "we were at a funeral".into(),
            request_id: String::new(),
        };
        world.as_(ANNA).give_lateness_reason(request).await.map(|answer| answer.into_inner().case.unwrap())
    };
    assert_eq!(refused(give(ClockKind::FirstResponse).await), (Code::FailedPrecondition, "NOT_LATE".into()));
    world.at(TUESDAY).await;
    let given = give(ClockKind::FirstResponse).await.unwrap();
    assert_eq!(given.clocks[0].lateness_reason, "we were at a funeral");
    assert!(given.clocks[0].breached && !given.clocks[1].breached);
    assert_eq!(refused(give(ClockKind::Resolution).await), (Code::FailedPrecondition, "NOT_LATE".into()));
}

async fn lists_are_paged_the_newest_first_and_filtered(db: TestDatabase) {
    let world = World::new(db).await;
    world.mail("mails/m1", "t1", "2026-06-01T09:00:00Z").await;
    let mut opened = vec![world.only_case().await.name];
    for minute in 16..20 {
        world.clock.set(at(&format!("2026-06-01T09:{minute}:00Z")));
        opened.push(world.open(CARLA, if minute < 18 { CaseKind::Inquiry } else { CaseKind::Issue }).await.name);
    }
    opened.reverse();
    let list = async |request: ListCasesRequest| world.as_(ANNA).list_cases(request).await.unwrap().into_inner();
    let (mut seen, mut page_token) = (Vec::new(), String::new());
    loop {
        let page = list(ListCasesRequest { page_size: 2, page_token, ..Default::default() }).await;
        seen.extend(page.cases.into_iter().map(|case| case.name));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(seen, opened);
    let of = |cases: Vec<contracts::escalation::v1::Case>| cases.len();
    let unresolved = ListCasesRequest { state: CaseState::Unresolved.into(), ..Default::default() };
    assert_eq!(of(list(unresolved).await.cases), 2);
    let by_mail = list(ListCasesRequest { mail: "mails/m1".into(), ..Default::default() }).await;
    assert_eq!(by_mail.cases[0].name, *opened.last().unwrap());
    assert_eq!(of(list(ListCasesRequest { client: OTHER.into(), ..Default::default() }).await.cases), 0);
    let page = list(ListCasesRequest { page_size: 1, ..Default::default() }).await;
    let elsewhere = ListCasesRequest { client: ACME.into(), page_token: page.next_page_token, ..Default::default() };
    let answer = world.as_(ANNA).list_cases(elsewhere).await;
    assert_eq!(refused(answer), (Code::InvalidArgument, "BAD_PAGE_TOKEN".into()));
}

async fn a_preview_tells_what_would_happen_by_itself(db: TestDatabase) {
    let world = World::new(db).await;
    let case = world.open(CARLA, CaseKind::Inquiry).await;
    let preview = world.as_(CARLA).preview_case(PreviewCaseRequest { name: case.name.clone() }).await.unwrap();
    let steps = preview.into_inner().steps;
    let told: Vec<_> = steps.iter().map(|step| (step.what.as_str(), step.target.as_str())).collect();
    assert_eq!(
        told,
        [
            ("CLOCK_BREACHED", "ACCOUNT_MANAGER"),
            ("BECAME_ISSUE", ""),
            ("CLOCK_BREACHED", "ACCOUNT_MANAGER"),
            ("ESCALATED", "TEAM_LEAD"),
            ("ESCALATED", "MANAGEMENT"),
        ]
    );
    assert_eq!(time(steps[0].time), at(TUESDAY));
    assert_eq!(world.case(&case.name).await.revision, case.revision, "it changes nothing");
}

async fn every_wrong_field_is_refused_before_anything_happens(db: TestDatabase) {
    let world = World::new(db).await;
    let case = contracts::escalation::v1::CaseDraft {
        client: "acme".into(),
        engagement: "none".into(),
        kind: 9,
        subject: String::new(),
    };
    let answer = world.as_(BOSS).open_case(OpenCaseRequest { case: Some(case), request_id: "a b".into() }).await;
    assert_eq!(answer.unwrap_err().code(), Code::InvalidArgument);
    assert!(world.cases().await.is_empty());
}

//! What happens by itself, by rows and a ticker (SOP 4.2, SOP 8.1).

use contracts::escalation::v1::{
    CaseEscalated, CaseKind, CaseState, ClockBreached, ClockKind, ClockState, ConfirmationDue, RejectResolutionRequest,
    Side, TimelineKind,
};
use database::exec;
use service::Service;
use testkit::TestDatabase;

use crate::support::*;

testkit::both_databases!(SETS;
    an_inquiry_that_nobody_answers_becomes_an_issue_when_its_day_is_over,
    an_issue_unresolved_after_24_hours_goes_to_the_team_lead_and_then_to_management,
    after_downtime_each_missed_step_comes_once_with_its_own_due_time,
    a_proposal_suspends_the_clock_and_its_rejection_brings_the_first_due_times_back,
    a_proposal_that_waits_is_followed_up_until_both_sides_confirmed,
    a_case_whose_handling_fails_backs_off_and_starves_no_other,
    a_clock_that_fails_is_tried_for_ever_and_catches_up_once_it_can,
    activity_knows_the_next_due_time,
);

async fn an_inquiry_that_nobody_answers_becomes_an_issue_when_its_day_is_over(db: TestDatabase) {
    let world = World::new(db).await;
    world.mail("mails/m1", "t1", MONDAY).await;
    world.at("2026-06-02T09:14:59.999999Z").await;
    let case = world.only_case().await;
    assert_eq!(case.state(), CaseState::AwaitingResponse, "a clock never fires early");
    world.at(TUESDAY).await;
    let case = world.case(&case.name).await;
    assert_eq!((case.kind(), case.state()), (CaseKind::Issue, CaseState::Unresolved));
    assert!(case.clocks[0].breached && !case.clocks[1].breached);
    assert_eq!((case.clocks[0].state(), case.clocks[1].state()), (ClockState::Running, ClockState::Running));
    assert_eq!(time(case.clocks[1].start_time), at(TUESDAY));
    assert_eq!(world.kinds(&case.name).await, "OPENED CLOCK_SET CLOCK_BREACHED BECAME_ISSUE CLOCK_SET");
    assert_eq!(world.told().await, ["CaseOpened", "ClockBreached", "CaseBecameIssue"]);
    let breach = &world.events::<ClockBreached>().await[0];
    assert_eq!((breach.clock(), time(breach.due_time)), (ClockKind::FirstResponse, at(TUESDAY)));
    let entry = &world.entries(&case.name, TimelineKind::BecameIssue).await[0];
    assert_eq!((entry.actor.as_str(), entry.reason.as_str()), ("timer", "FIRST_RESPONSE_LATE"));
}

async fn an_issue_unresolved_after_24_hours_goes_to_the_team_lead_and_then_to_management(db: TestDatabase) {
    let world = World::new(db).await;
    let case = world.open(CARLA, CaseKind::Issue).await;
    world.at(TUESDAY).await;
    world.at("2026-06-03T09:15:00Z").await;
    assert_eq!(world.kinds(&case.name).await, "OPENED CLOCK_SET CLOCK_BREACHED ESCALATED ESCALATED");
    let told: Vec<_> =
        world.events::<CaseEscalated>().await.into_iter().map(|event| (event.step, event.target)).collect();
    assert_eq!(told, [(1, "TEAM_LEAD".to_owned()), (2, "MANAGEMENT".to_owned())]);
    world.at("2026-07-03T09:15:00Z").await;
    assert_eq!(world.case(&case.name).await.steps_taken, 2);
}

async fn after_downtime_each_missed_step_comes_once_with_its_own_due_time(db: TestDatabase) {
    let world = World::new(db).await;
    world.mail("mails/m1", "t1", MONDAY).await;
    world.at("2026-06-05T12:00:00Z").await;
    let case = world.only_case().await;
    assert_eq!(
        world.kinds(&case.name).await,
        "OPENED CLOCK_SET CLOCK_BREACHED BECAME_ISSUE CLOCK_SET CLOCK_BREACHED ESCALATED ESCALATED"
    );
    let dues: Vec<_> =
        world.entries(&case.name, TimelineKind::Escalated).await.iter().map(|entry| time(entry.due_time)).collect();
    assert_eq!(dues, [at("2026-06-03T09:15:00Z"), at("2026-06-04T09:15:00Z")]);
}

async fn a_proposal_suspends_the_clock_and_its_rejection_brings_the_first_due_times_back(db: TestDatabase) {
    let world = World::new(db).await;
    let case = world.proposed().await;
    assert_eq!((case.clocks[0].state(), case.clocks[0].due_time), (ClockState::Suspended, None));
    world.at("2026-06-03T10:00:00Z").await;
    assert!(!world.case(&case.name).await.clocks[0].breached);
    let request = RejectResolutionRequest {
        name: case.name.clone(),
        proposal_revision: 1,
        reason: "it still leaks".into(),
        request_id: String::new(),
    };
    let rejected = world.as_(CARLA).reject_resolution(request).await.unwrap().into_inner().case.unwrap();
    assert_eq!((rejected.state(), rejected.steps_taken), (CaseState::Unresolved, 2));
    assert!(rejected.proposal.unwrap().rejected);
    assert_eq!(time(rejected.clocks[0].due_time), at(TUESDAY));
    assert!(world.kinds(&case.name).await.ends_with("RESOLUTION_REJECTED CLOCK_BREACHED ESCALATED ESCALATED"));
}

async fn a_proposal_that_waits_is_followed_up_until_both_sides_confirmed(db: TestDatabase) {
    let world = World::new(db).await;
    let case = world.proposed().await;
    world.at(TUESDAY).await;
    world.confirm(ANNA, &case.name, 1).await.unwrap();
    world.at("2026-06-03T09:15:00Z").await;
    let asked: Vec<_> = world
        .events::<ConfirmationDue>()
        .await
        .into_iter()
        .map(|event| (event.side(), event.contact, event.proposal_revision))
        .collect();
    assert_eq!(
        asked,
        [(Side::Client, CARLA.to_owned(), 1), (Side::Firm, String::new(), 1), (Side::Client, CARLA.to_owned(), 1)]
    );
    world.confirm(CARLA, &case.name, 1).await.unwrap();
    world.at("2026-06-09T09:15:00Z").await;
    assert_eq!(world.events::<ConfirmationDue>().await.len(), 3);
    assert_eq!(world.case(&case.name).await.state(), CaseState::Closed);
}

/// Makes the rows of a case unreadable, as nothing that this service writes is.
async fn spoil(world: &World, case: &str) {
    let sql = "UPDATE client_case SET stage = '{}' WHERE id = ?";
    let id = case.strip_prefix("cases/").unwrap();
    assert_eq!(exec(world.db.database().writer(), sql, vec![id.into()]).await.unwrap(), 1);
}

async fn clock_row(world: &World, case: &str) -> (Option<i64>, i64) {
    let sql = "SELECT next_due_time, attempts FROM client_case WHERE id = ?";
    let rows = world.rows(sql, vec![case.strip_prefix("cases/").unwrap().into()]).await;
    (rows[0].try_get("", "next_due_time").unwrap(), rows[0].try_get("", "attempts").unwrap())
}

async fn a_case_whose_handling_fails_backs_off_and_starves_no_other(db: TestDatabase) {
    let world = World::new(db).await;
    let spoilt = world.open(CARLA, CaseKind::Issue).await;
    let sound = world.open(CARLA, CaseKind::Issue).await;
    spoil(&world, &spoilt.name).await;
    world.at(TUESDAY).await;
    assert_eq!(world.case(&sound.name).await.steps_taken, 1);
    let (due, attempts) = clock_row(&world, &spoilt.name).await;
    assert_eq!(attempts, 1);
    assert!(due.unwrap() > at(TUESDAY).as_microsecond(), "it comes again after a pause");
}

async fn a_clock_that_fails_is_tried_for_ever_and_catches_up_once_it_can(db: TestDatabase) {
    let world = World::new(db).await;
    let case = world.open(CARLA, CaseKind::Issue).await;
    let sql = "SELECT stage FROM client_case WHERE id = ?";
    let id = case.name.strip_prefix("cases/").unwrap();
    let stage: String = world.rows(sql, vec![id.into()]).await[0].try_get("", "stage").unwrap();
    spoil(&world, &case.name).await;
    world.at(TUESDAY).await;
    for failures in 2..=15 {
        assert_eq!(clock_row(&world, &case.name).await.1, failures - 1);
        let pause = clock_row(&world, &case.name).await.0.unwrap() - world.clock.now().as_microsecond();
        assert!(pause <= 375_000_000, "at last each five minutes, a quarter up or down: {pause}");
        world.at(&(world.clock.now() + jiff::SignedDuration::from_mins(7)).to_string()).await;
    }
    let sql = "UPDATE client_case SET stage = ? WHERE id = ?";
    exec(world.db.database().writer(), sql, vec![stage.into(), id.into()]).await.unwrap();
    world.at(&(world.clock.now() + jiff::SignedDuration::from_mins(7)).to_string()).await;
    assert_eq!((world.case(&case.name).await.steps_taken, clock_row(&world, &case.name).await.1), (1, 0));
}

async fn activity_knows_the_next_due_time(db: TestDatabase) {
    let world = World::new(db).await;
    assert_eq!(world.app.activity().await.unwrap().next_due, None);
    world.open(CARLA, CaseKind::Inquiry).await;
    world.quiet().await;
    let activity = world.app.activity().await.unwrap();
    assert_eq!((activity.next_due, activity.busy()), (Some(at(TUESDAY)), None));
}

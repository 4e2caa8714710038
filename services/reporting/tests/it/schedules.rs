//! Drafts that open by themselves.

use contracts::{
    client_registry::v1::CalendarChanged,
    reporting::v1::{
        CreateReportRequest, CreateReportScheduleRequest, GetReportScheduleRequest, ListReportSchedulesRequest,
        ReportDue, ReportOverdue, ReportSchedule, UpdateReportScheduleRequest,
    },
};
use testkit::TestDatabase;
use tonic::{Code, Status};

use crate::support::*;

testkit::both_databases!(SETS;
    a_draft_opens_the_lead_time_before_it_is_due_and_the_account_manager_is_to_be_told,
    after_a_downtime_each_missed_period_is_caught_up_once_and_in_order,
    a_period_that_was_opened_by_hand_is_not_opened_again,
    a_report_opened_by_hand_takes_due_time_and_recipients_from_the_schedule,
    a_paused_schedule_opens_nothing,
    another_calendar_moves_what_comes_next,
    an_engagement_has_one_schedule_for_a_type,
    who_may_not_change_it_is_told_so_and_a_foreign_one_is_not_there,
    what_is_not_delivered_at_its_due_time_is_overdue_once_and_for_good,
);

async fn create(world: &World, person: &str, schedule: ReportSchedule) -> Result<ReportSchedule, Status> {
    let request = CreateReportScheduleRequest { schedule: Some(schedule), request_id: String::new() };
    Ok(world.schedules(person).create_report_schedule(request).await?.into_inner().schedule.unwrap())
}

async fn update(world: &World, person: &str, schedule: ReportSchedule) -> Result<ReportSchedule, Status> {
    let request = UpdateReportScheduleRequest { schedule: Some(schedule), request_id: String::new() };
    Ok(world.schedules(person).update_report_schedule(request).await?.into_inner().schedule.unwrap())
}

async fn get(world: &World, name: &str) -> ReportSchedule {
    let request = GetReportScheduleRequest { name: name.into() };
    world.schedules(BOSS).get_report_schedule(request).await.unwrap().into_inner().schedule.unwrap()
}

async fn periods(world: &World) -> Vec<String> {
    let mut periods: Vec<_> = world.reports().await.into_iter().map(|report| report.period).collect();
    // Those that are caught up were opened at one time.
    periods.sort();
    periods
}

async fn a_draft_opens_the_lead_time_before_it_is_due_and_the_account_manager_is_to_be_told(db: TestDatabase) {
    let world = World::new(db).await;
    let schedule = create(&world, ANNA, fridays()).await.unwrap();
    assert_eq!(schedule.next_period, "2026-W11");
    assert_eq!(time(schedule.next_draft_time), at("2026-03-11T16:00:00Z"));
    world.at("2026-03-11T15:59:59Z").await;
    assert_eq!(world.reports().await.len(), 0);
    world.at("2026-03-11T16:00:00Z").await;
    let reports = world.reports().await;
    assert_eq!((reports[0].period.as_str(), reports[0].schedule.as_str()), ("2026-W11", schedule.name.as_str()));
    assert_eq!(reports[0].due_local, "2026-03-13T16:00:00[Europe/London]");
    assert_eq!(reports[0].recipients, [JO]);
    let due = &world.events::<ReportDue>().await[0];
    assert_eq!((due.report.as_str(), time(due.due_time)), (reports[0].name.as_str(), at("2026-03-13T16:00:00Z")));
    assert_eq!(world.report(&reports[0].name).await.text_version, 1);
    assert_eq!(get(&world, &schedule.name).await.next_period, "2026-W12");
}

async fn after_a_downtime_each_missed_period_is_caught_up_once_and_in_order(db: TestDatabase) {
    let world = World::new(db).await;
    create(&world, ANNA, fridays()).await.unwrap();
    world.at("2026-03-26T09:00:00Z").await;
    assert_eq!(periods(&world).await, ["2026-W11", "2026-W12", "2026-W13"]);
    let told: Vec<_> = world.events::<ReportDue>().await.into_iter().map(|due| due.period).collect();
    assert_eq!(told, ["2026-W11", "2026-W12", "2026-W13"]);
    let mut overdue: Vec<_> = world.events::<ReportOverdue>().await.into_iter().map(|due| due.period).collect();
    // Each report has a clock of its own; which of two that are late at once is told first is not promised.
    overdue.sort();
    assert_eq!(overdue, ["2026-W11", "2026-W12"]);
    world.at("2026-03-26T10:00:00Z").await;
    assert_eq!(periods(&world).await.len(), 3);
}

async fn a_period_that_was_opened_by_hand_is_not_opened_again(db: TestDatabase) {
    let world = World::new(db).await;
    world.draft("2026-W11").await;
    create(&world, ANNA, fridays()).await.unwrap();
    world.at("2026-03-18T16:00:00Z").await;
    assert_eq!(periods(&world).await, ["2026-W11", "2026-W12"]);
}

async fn a_report_opened_by_hand_takes_due_time_and_recipients_from_the_schedule(db: TestDatabase) {
    let world = World::new(db).await;
    create(&world, ANNA, fridays()).await.unwrap();
    let request = CreateReportRequest { due_time: None, recipients: Vec::new(), ..by_hand("2026-W20") };
    let report = world.as_(BEN).create_report(request).await.unwrap().into_inner().report.unwrap();
    assert_eq!(report.due_local, "2026-05-15T16:00:00[Europe/London]");
    assert_eq!(report.recipients, [JO]);
}

async fn a_paused_schedule_opens_nothing(db: TestDatabase) {
    let world = World::new(db).await;
    let schedule = create(&world, ANNA, fridays()).await.unwrap();
    let paused = update(&world, ANNA, ReportSchedule { paused: true, ..schedule.clone() }).await.unwrap();
    assert!(paused.next_draft_time.is_none());
    let stale = update(&world, ANNA, ReportSchedule { paused: false, ..schedule }).await;
    assert_eq!(refused(stale), (Code::Aborted, "STALE_ETAG".into()));
    world.at("2026-03-26T09:00:00Z").await;
    assert_eq!(world.reports().await.len(), 0);
    let again = update(&world, ANNA, ReportSchedule { paused: false, ..paused }).await.unwrap();
    assert_eq!(again.next_period, "2026-W13", "what passed meanwhile is not caught up");
}

async fn another_calendar_moves_what_comes_next(db: TestDatabase) {
    let world = World::new(db).await;
    let schedule = create(&world, ANNA, fridays()).await.unwrap();
    world.neighbours.state().calendars.insert("calendars/london".into(), london(2, &["2026-03-13"]));
    let event = CalendarChanged { calendar: "calendars/london".into(), revision: 2 };
    world.registry.tell("calendars/london", world.clock.now(), &event).await;
    world.quiet().await;
    let moved = get(&world, &schedule.name).await;
    assert_eq!((time(moved.next_due_time), moved.next_period.as_str()), (at("2026-03-16T16:00:00Z"), "2026-W11"));
}

async fn an_engagement_has_one_schedule_for_a_type(db: TestDatabase) {
    let world = World::new(db).await;
    create(&world, ANNA, fridays()).await.unwrap();
    assert_eq!(refused(create(&world, ANNA, fridays()).await), (Code::AlreadyExists, "SCHEDULE_EXISTS".into()));
}

async fn who_may_not_change_it_is_told_so_and_a_foreign_one_is_not_there(db: TestDatabase) {
    let world = World::new(db).await;
    let schedule = create(&world, ANNA, fridays()).await.unwrap();
    assert_eq!(refused(create(&world, OLGA, fridays()).await).0, Code::NotFound);
    assert_eq!(refused(update(&world, BEN, schedule.clone()).await).0, Code::PermissionDenied);
    assert_eq!(refused(update(&world, OLGA, schedule).await).0, Code::NotFound);
    let listed = world.schedules(OLGA).list_report_schedules(ListReportSchedulesRequest::default()).await;
    assert_eq!(listed.unwrap().into_inner().schedules, []);
}

async fn what_is_not_delivered_at_its_due_time_is_overdue_once_and_for_good(db: TestDatabase) {
    let world = World::new(db).await;
    let report = world.approved().await;
    world.at("2026-03-13T16:00:00Z").await;
    assert_eq!(time(world.report(&report.name).await.overdue_time), at("2026-03-13T16:00:00Z"));
    world.at("2026-03-14T16:00:00Z").await;
    assert_eq!(world.events::<ReportOverdue>().await.len(), 1);
    for contact in [JO, SAM] {
        world.handed_over(&report.name, contact, "2026-03-14T16:00:00Z").await;
    }
    let late = world.report(&report.name).await;
    assert!(late.overdue_time.is_some() && late.deliver_time.is_some());
}

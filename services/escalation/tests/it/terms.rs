//! Calendars and policies: fetched when they are missing, followed when they change.

use contracts::{
    client_registry::v1::{CalendarChanged, ClientUpdated},
    escalation::v1::{CaseKind, CaseState, TimelineKind},
};
use service::Service;
use testkit::{TestDatabase, eventually};

use crate::support::*;

testkit::both_databases!(SETS;
    a_case_whose_calendar_is_not_here_opens_at_once_and_its_clock_is_set_from_receipt_when_it_comes,
    a_changed_calendar_moves_running_due_times_with_their_provenance,
    a_client_that_changes_its_calendar_takes_its_running_clocks_along,
    a_recorded_breach_is_annotated_when_its_calendar_changes,
    a_running_case_keeps_its_policy_and_the_next_one_has_the_new,
    a_policy_that_comes_late_brings_its_steps_with_it,
    an_older_revision_that_comes_late_changes_nothing,
    a_pruned_stream_is_made_up_for_from_the_registrys_lists,
    a_release_with_another_zone_database_computes_running_clocks_anew,
);

async fn a_case_whose_calendar_is_not_here_opens_at_once_and_its_clock_is_set_from_receipt_when_it_comes(
    db: TestDatabase,
) {
    let world = World::strange(db).await;
    world.registry.put_client(ACME, "calendars/london", 1);
    world.registry.put_calendar(london(1, &[]));
    world.registry.put_policy(policy(1));
    world.registry.is_down(true);
    world.mail("mails/m1", "t1", MONDAY).await;
    let case = world.only_case().await;
    assert_eq!((case.state(), case.policy_version), (CaseState::AwaitingResponse, 0));
    assert_eq!(case.clocks[0].due_time, None);
    world.clock.set(at("2026-06-01T12:00:00Z"));
    world.registry.is_down(false);
    let set = async || {
        // What failed before comes again by the business clock.
        world.clock.advance(jiff::SignedDuration::from_secs(30));
        world.app.wake();
        world.only_case().await.clocks[0].due_time.is_some()
    };
    eventually(SOON, set).await;
    let case = world.only_case().await;
    assert_eq!((time(case.clocks[0].due_time), case.policy_version), (at(TUESDAY), 1));
    assert_eq!(world.kinds(&case.name).await, "OPENED CLOCK_SET");
    assert!(case.clocks[0].provenance.is_some());
}

async fn a_changed_calendar_moves_running_due_times_with_their_provenance(db: TestDatabase) {
    let world = World::new(db).await;
    let inquiry = world.open(CARLA, CaseKind::Inquiry).await;
    let issue = world.open(CARLA, CaseKind::Issue).await;
    let answered = world.open(CARLA, CaseKind::Inquiry).await;
    world.replied(&answered.name, MONDAY).await;
    world.registry.put_calendar(london(2, &["2026-06-02"]));
    let changed = CalendarChanged { calendar: "calendars/london".into(), revision: 2 };
    world.registry_events.tell("calendars/london", at(MONDAY), &changed).await;
    world.quiet().await;
    let moved = world.case(&inquiry.name).await;
    assert_eq!((time(moved.clocks[0].due_time), moved.epoch), (at("2026-06-03T09:15:00Z"), inquiry.epoch + 1));
    assert_eq!(moved.clocks[0].provenance.as_ref().unwrap().calendar_revision, 2);
    let entry = &world.entries(&inquiry.name, TimelineKind::ClockRecomputed).await[0];
    assert_eq!(
        (time(entry.due_time), entry.provenance.as_ref().unwrap().calendar_revision),
        (at("2026-06-03T09:15:00Z"), 2)
    );
    for other in [&issue, &answered] {
        assert!(world.entries(&other.name, TimelineKind::ClockRecomputed).await.is_empty());
    }
    world.at(TUESDAY).await;
    assert_eq!(world.case(&inquiry.name).await.state(), CaseState::AwaitingResponse, "the old time does nothing");
    world.at("2026-06-03T09:15:00Z").await;
    assert_eq!(world.case(&inquiry.name).await.state(), CaseState::Unresolved);
}

async fn a_client_that_changes_its_calendar_takes_its_running_clocks_along(db: TestDatabase) {
    let world = World::new(db).await;
    let case = world.open(CARLA, CaseKind::Inquiry).await;
    let own = contracts::client_registry::v1::Calendar {
        name: "calendars/acme".into(),
        ..london(1, &["2026-06-02", "2026-06-03"])
    };
    world.registry.put_calendar(own);
    world.registry.put_client(ACME, "calendars/acme", 2);
    let updated = ClientUpdated { client: ACME.into(), revision: 2, calendar: "calendars/acme".into() };
    world.registry_events.tell(ACME, at(MONDAY), &updated).await;
    world.quiet().await;
    let moved = world.case(&case.name).await;
    assert_eq!(time(moved.clocks[0].due_time), at("2026-06-04T09:15:00Z"));
    assert_eq!(moved.clocks[0].provenance.as_ref().unwrap().calendar, "calendars/acme");
}

async fn a_recorded_breach_is_annotated_when_its_calendar_changes(db: TestDatabase) {
    let world = World::new(db).await;
    let case = world.open(CARLA, CaseKind::Inquiry).await;
    world.at(TUESDAY).await;
    world.registry.put_calendar(london(2, &["2026-06-02"]));
    let changed = CalendarChanged { calendar: "calendars/london".into(), revision: 2 };
    world.registry_events.tell("calendars/london", at(TUESDAY), &changed).await;
    world.quiet().await;
    let late = world.case(&case.name).await;
    assert!(late.clocks[0].breached);
    assert_eq!((late.state(), time(late.clocks[0].due_time)), (CaseState::Unresolved, at(TUESDAY)));
    let entry = &world.entries(&case.name, TimelineKind::ClockRecomputed).await[0];
    assert_eq!((entry.reason.as_str(), time(entry.due_time)), ("BREACH_STANDS", at("2026-06-03T09:15:00Z")));
}

async fn a_running_case_keeps_its_policy_and_the_next_one_has_the_new(db: TestDatabase) {
    let world = World::new(db).await;
    let old = world.open(CARLA, CaseKind::Inquiry).await;
    let slower = contracts::client_registry::v1::Policy { first_response_business_days: 2, ..policy(2) };
    world.registry.put_policy(slower);
    world.tell_policy(2).await;
    world.quiet().await;
    let new = world.open(CARLA, CaseKind::Inquiry).await;
    let old = world.case(&old.name).await;
    assert_eq!((old.policy_version, time(old.clocks[0].due_time)), (1, at(TUESDAY)));
    assert_eq!((new.policy_version, time(new.clocks[0].due_time)), (2, at("2026-06-03T09:15:00Z")));
}

async fn a_policy_that_comes_late_brings_its_steps_with_it(db: TestDatabase) {
    let world = World::strange(db).await;
    world.registry.put_client(ACME, "calendars/london", 1);
    world.registry.put_calendar(london(1, &[]));
    // The registry has published none yet.
    let case = world.open(CARLA, CaseKind::Issue).await;
    world.quiet().await;
    assert_eq!(world.case(&case.name).await.policy_version, 0);
    world.at("2026-06-02T12:00:00Z").await;
    assert_eq!(world.kinds(&case.name).await, "OPENED CLOCK_SET CLOCK_BREACHED", "24 hours are 24 hours");
    world.registry.put_policy(policy(1));
    world.tell_policy(1).await;
    world.quiet().await;
    assert_eq!(world.kinds(&case.name).await, "OPENED CLOCK_SET CLOCK_BREACHED ESCALATED");
    assert_eq!(time(world.entries(&case.name, TimelineKind::Escalated).await[0].due_time), at(TUESDAY));
}

async fn an_older_revision_that_comes_late_changes_nothing(db: TestDatabase) {
    let world = World::new(db).await;
    let updated = |revision, calendar: &str| ClientUpdated { client: ACME.into(), revision, calendar: calendar.into() };
    let own = contracts::client_registry::v1::Calendar { name: "calendars/acme".into(), ..london(1, &["2026-06-02"]) };
    world.registry.put_calendar(own);
    world.registry_events.tell(ACME, at(MONDAY), &updated(5, "calendars/acme")).await;
    world.registry_events.tell(ACME, at(MONDAY), &updated(4, "calendars/london")).await;
    world.quiet().await;
    let case = world.open(CARLA, CaseKind::Inquiry).await;
    assert_eq!(case.clocks[0].provenance.as_ref().unwrap().calendar, "calendars/acme");
}

async fn a_pruned_stream_is_made_up_for_from_the_registrys_lists(db: TestDatabase) {
    let world = World::new(db).await;
    let case = world.open(CARLA, CaseKind::Inquiry).await;
    world.registry.put_client(ACME, "calendars/acme", 2);
    world.registry.put_calendar(contracts::client_registry::v1::Calendar {
        name: "calendars/acme".into(),
        ..london(1, &["2026-06-02"])
    });
    // As after a restore: what was told meanwhile is gone.
    world.lose(&world.registry_events).await;
    let moved = async || {
        let clocks = world.case(&case.name).await.clocks;
        clocks[0].provenance.as_ref().is_some_and(|rests| rests.calendar == "calendars/acme")
    };
    eventually(SOON, moved).await;
}

async fn a_release_with_another_zone_database_computes_running_clocks_anew(db: TestDatabase) {
    let world = World::new(db).await;
    let case = world.open(CARLA, CaseKind::Inquiry).await;
    // As an older release left it.
    let sql = "UPDATE client_case SET clock_data = '2020a, old', stage = REPLACE(stage, ?, '2020a')";
    let version = business_time::tzdb_version();
    database::exec(world.db.database().writer(), sql, vec![version.into()]).await.unwrap();
    let rests = async || world.case(&case.name).await.clocks.remove(0).provenance.unwrap().tzdb_version;
    assert_eq!(rests().await, "2020a");
    let newer = world.another().await;
    world.run(&newer);
    eventually(SOON, async || rests().await == version).await;
    assert_eq!(world.kinds(&case.name).await, "OPENED CLOCK_SET CLOCK_RECOMPUTED");
}

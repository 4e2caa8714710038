//! WatchCases: the caller's cases as they change.

use std::time::Duration;

use access::Role;
use contracts::escalation::v1::{CaseKind, CaseState, OpenCaseRequest, WatchCasesRequest, WatchCasesResponse};
use prost::Message;
use testkit::TestDatabase;
use tonic::{Code, Status, Streaming};

use crate::support::*;

testkit::both_databases!(SETS;
    a_watcher_sees_its_clients_cases_change_from_now_on_and_nothing_personal,
    a_resume_token_goes_on_where_the_stream_ended,
    a_watcher_may_narrow_it_to_one_client_and_no_further_than_its_scope,
    a_token_of_no_stream_is_refused,
    one_whose_access_ended_learns_nothing_more,
    the_stream_ends_at_shutdown,
);

async fn watch(world: &World, person: &str, client: &str, resume_token: &str) -> Streaming<WatchCasesResponse> {
    let request = WatchCasesRequest { client: client.into(), resume_token: resume_token.into() };
    world.as_(person).watch_cases(request).await.unwrap().into_inner()
}

async fn next(stream: &mut Streaming<WatchCasesResponse>) -> Result<Option<WatchCasesResponse>, Status> {
    tokio::time::timeout(SOON, stream.message()).await.expect("an answer within the time")
}

async fn open_for(world: &World, person: &str, client: &str) {
    let case = Some(draft(client, CaseKind::Inquiry));
    world.as_(person).open_case(OpenCaseRequest { case, request_id: String::new() }).await.unwrap();
}

async fn a_watcher_sees_its_clients_cases_change_from_now_on_and_nothing_personal(db: TestDatabase) {
    let world = World::new(db).await;
    world.open(CARLA, CaseKind::Inquiry).await;
    world.quiet().await;
    let mut stream = watch(&world, ANNA, "", "").await;
    open_for(&world, SAM, OTHER).await;
    let case = world.proposed().await;
    let first = next(&mut stream).await.unwrap().unwrap();
    assert_eq!(
        (first.event.as_str(), first.case.as_str(), first.client.as_str()),
        ("CaseOpened", case.name.as_str(), ACME)
    );
    let second = next(&mut stream).await.unwrap().unwrap();
    assert_eq!(
        (second.event.as_str(), second.kind(), second.state()),
        ("ResolutionProposed", CaseKind::Issue, CaseState::ResolutionProposed)
    );
    assert!(second.revision > first.revision);
    assert!(!String::from_utf8_lossy(&second.encode_to_vec()).contains("pump"));
}

async fn a_resume_token_goes_on_where_the_stream_ended(db: TestDatabase) {
    let world = World::new(db).await;
    let mut stream = watch(&world, ANNA, "", "").await;
    let case = world.proposed().await;
    let first = next(&mut stream).await.unwrap().unwrap();
    drop(stream);
    world.confirm(CARLA, &case.name, 1).await.unwrap();
    let mut stream = watch(&world, ANNA, "", &first.resume_token).await;
    assert_eq!(next(&mut stream).await.unwrap().unwrap().event, "ResolutionProposed");
    assert_eq!(next(&mut stream).await.unwrap().unwrap().event, "ResolutionConfirmed");
}

async fn a_watcher_may_narrow_it_to_one_client_and_no_further_than_its_scope(db: TestDatabase) {
    let world = World::new(db).await;
    let mut narrow = watch(&world, BOSS, OTHER, "").await;
    let mut foreign = watch(&world, OLGA, ACME, "").await;
    open_for(&world, CARLA, ACME).await;
    open_for(&world, SAM, OTHER).await;
    assert_eq!(next(&mut narrow).await.unwrap().unwrap().client, OTHER);
    world.shut_down();
    assert_eq!(next(&mut foreign).await.ok().flatten(), None, "it saw nothing until the end");
}

async fn a_token_of_no_stream_is_refused(db: TestDatabase) {
    let world = World::new(db).await;
    let ask = async |token: &str| {
        let request = WatchCasesRequest { client: String::new(), resume_token: token.into() };
        world.as_(ANNA).watch_cases(request).await.map(drop)
    };
    assert_eq!(refused(ask("yesterday").await), (Code::InvalidArgument, "BAD_RESUME_TOKEN".into()));
    for elsewhere in ["99-1", "1-99999"] {
        assert_eq!(refused(ask(elsewhere).await), (Code::FailedPrecondition, "RESUME_TOKEN_TOO_OLD".into()));
    }
}

async fn one_whose_access_ended_learns_nothing_more(db: TestDatabase) {
    let world = World::with_recheck(db, Duration::from_millis(50)).await;
    world.registry.put_client(ACME, "calendars/london", 1);
    world.registry.put_calendar(london(1, &[]));
    let mut stream = watch(&world, ANNA, "", "").await;
    world.open(CARLA, CaseKind::Inquiry).await;
    assert_eq!(next(&mut stream).await.unwrap().unwrap().event, "CaseOpened");
    world.roster.strip(ANNA);
    assert_eq!(refused(next(&mut stream).await), (Code::PermissionDenied, "NO_PERMISSION".into()));
    // One who lost a single client of several sees the others.
    world.roster.client(BEN, Role::TeamLead, OTHER);
    let mut stream = watch(&world, BEN, "", "").await;
    world.roster.strip(BEN).client(BEN, Role::TeamLead, OTHER);
    world.quiet().await;
    let asked = world.roster.asked();
    testkit::eventually(SOON, async || world.roster.asked() > asked + 1).await;
    world.open(CARLA, CaseKind::Inquiry).await;
    world.registry.put_client(OTHER, "calendars/london", 1);
    open_for(&world, SAM, OTHER).await;
    assert_eq!(next(&mut stream).await.unwrap().unwrap().client, OTHER);
}

async fn the_stream_ends_at_shutdown(db: TestDatabase) {
    let world = World::new(db).await;
    let mut stream = watch(&world, ANNA, "", "").await;
    world.shut_down();
    assert_eq!(next(&mut stream).await.ok().flatten(), None);
}

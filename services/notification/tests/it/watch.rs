//! Watching deliveries.

use access::Role;
use contracts::notification::v1::{NotificationState, WatchDeliveriesRequest, WatchDeliveriesResponse};
use testkit::{TestDatabase, both_databases};
use tonic::{Code, Streaming};

use crate::support::*;

both_databases!(sets();
    a_watcher_is_told_as_it_happens,
    a_watcher_who_comes_back_misses_nothing,
    a_watcher_sees_their_own_clients_only,
    a_watcher_who_lost_the_permission_is_sent_away,
    a_stream_ends_with_the_service,
);

async fn watch(house: &House, person: &str, request: WatchDeliveriesRequest) -> Streaming<WatchDeliveriesResponse> {
    house.outbound(person).watch_deliveries(request).await.unwrap().into_inner()
}

async fn next(stream: &mut Streaming<WatchDeliveriesResponse>) -> WatchDeliveriesResponse {
    tokio::time::timeout(SOON, stream.message()).await.unwrap().unwrap().unwrap()
}

async fn send_one(house: &House, text: &str) -> String {
    let mut message = reply("", text);
    (message.contact, message.subject) = (CARLA.into(), "x".into());
    let name = house.send(ANNA, message).await.unwrap().name;
    house.quiet().await;
    name
}

async fn a_watcher_is_told_as_it_happens(db: TestDatabase) {
    let house = House::new(db).await;
    send_one(&house, "before").await;
    let mut stream = watch(&house, ANNA, WatchDeliveriesRequest::default()).await;
    let name = send_one(&house, "now").await;
    for state in [NotificationState::Queued, NotificationState::HandedOver] {
        let told = next(&mut stream).await;
        assert_eq!((&told.notification, told.state(), told.client.as_str()), (&name, state, ACME));
    }
}

async fn a_watcher_who_comes_back_misses_nothing(db: TestDatabase) {
    let house = House::new(db).await;
    let mut stream = watch(&house, ANNA, WatchDeliveriesRequest::default()).await;
    send_one(&house, "one").await;
    let resume_token = next(&mut stream).await.resume_token;
    drop(stream);
    let second = send_one(&house, "two").await;
    let mut stream = watch(&house, ANNA, WatchDeliveriesRequest { resume_token, ..Default::default() }).await;
    assert_eq!(next(&mut stream).await.state(), NotificationState::HandedOver, "of the first");
    assert_eq!(next(&mut stream).await.notification, second);
    let wrong = WatchDeliveriesRequest { resume_token: "nonsense".into(), ..Default::default() };
    assert_eq!(refused(house.outbound(ANNA).watch_deliveries(wrong).await.map(drop)).1, "BAD_RESUME_TOKEN");
}

async fn a_watcher_sees_their_own_clients_only(db: TestDatabase) {
    let house = House::new(db).await;
    let mut olgas = watch(&house, OLGA, WatchDeliveriesRequest::default()).await;
    let filter = WatchDeliveriesRequest { client: OTHER.into(), ..Default::default() };
    let mut filtered = watch(&house, BOSS, filter).await;
    send_one(&house, "to acme").await;
    house.take(&letter("x@nowhere.example", "1@nowhere.example", "", "in triage")).await;
    let mut message = reply("", "to other");
    (message.client, message.contact, message.subject) = (OTHER.into(), SAM.into(), "x".into());
    let name = house.send(OLGA, message).await.unwrap().name;
    assert_eq!(next(&mut olgas).await.notification, name);
    assert_eq!(next(&mut filtered).await.notification, name);
    let mut boss =
        watch(&house, BOSS, WatchDeliveriesRequest { resume_token: "1-0".into(), ..Default::default() }).await;
    assert_eq!(next(&mut boss).await.client, ACME);
}

async fn a_watcher_who_lost_the_permission_is_sent_away(db: TestDatabase) {
    let house = House::new(db).await;
    let mut stream = watch(&house, ANNA, WatchDeliveriesRequest::default()).await;
    send_one(&house, "one").await;
    next(&mut stream).await;
    house.roster.strip(ANNA).client(ANNA, Role::ClientContact, ACME);
    house.system.advance("25s".parse().unwrap());
    let ended = loop {
        match tokio::time::timeout(SOON, stream.message()).await.unwrap() {
            Ok(Some(_)) => {}
            other => break other,
        }
    };
    assert_eq!(ended.unwrap_err().code(), Code::PermissionDenied);
}

async fn a_stream_ends_with_the_service(db: TestDatabase) {
    let house = House::new(db).await;
    let mut stream = watch(&house, ANNA, WatchDeliveriesRequest::default()).await;
    house.shut_down();
    // Ended in order, or told that the service goes; either way it does not hang.
    let _ = tokio::time::timeout(SOON, stream.message()).await.unwrap();
}

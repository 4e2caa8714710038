//! Nothing goes wrong.

use database::exec;
use event_log::{EventLog, Position, Replayer, Tuning, outbox};
use uuid::Uuid;

use crate::support::{World, event, until};

pub async fn what_is_told_is_handled_once_and_in_order(world: World) {
    let (_relay, _reader) = (world.relay(), world.reader());
    world.tell_many(&["a", "b", "c"], 10).await;
    world.settle().await;
    world.kept().await;
    assert_eq!(world.effects().await.len(), 30);
    assert_eq!(world.last().await, Position::new(1, 30));
}

pub async fn a_reader_that_comes_late_begins_at_the_beginning(world: World) {
    let _relay = world.relay();
    world.tell_many(&["a", "b"], 20).await;
    world.relayed().await;
    let _reader = world.reader();
    world.settle().await;
    world.kept().await;
}

pub async fn what_is_rolled_back_is_not_told(world: World) {
    let (_relay, _reader) = (world.relay(), world.reader());
    let tx = world.producer.begin().await.unwrap();
    outbox::insert(&tx, event("a", 1)).await.unwrap();
    tx.rollback().await.unwrap();
    world.tell("b").await;
    world.settle().await;
    world.kept().await;
    assert_eq!(world.last().await, Position::new(1, 1));
}

pub async fn the_same_cause_tells_its_event_once(world: World) {
    let cause = Uuid::new_v4();
    let told = event("a", 1).with_id(Uuid::new_v5(&cause, b"effect"));
    for _ in 0..2 {
        let tx = world.producer.begin().await.unwrap();
        outbox::insert(&tx, told.clone()).await.unwrap();
        tx.commit().await.unwrap();
    }
    assert_eq!(world.log.activity().await.unwrap().unrelayed, 1);
    let tx = world.producer.begin().await.unwrap();
    let other = event("b", 1).with_id(told.id);
    assert!(matches!(outbox::insert(&tx, other).await, Err(event_log::Error::IdTaken(id)) if id == told.id));
    tx.rollback().await.unwrap();
}

pub async fn a_relay_finds_what_nobody_woke_it_for(world: World) {
    let _relay = world.relay();
    let other = EventLog::new(
        world.log.service(),
        world.producer.clone(),
        std::sync::Arc::new(business_time::WallClock),
        world.transport.clone(),
    );
    world.tell("a").await;
    world.relayed().await;
    let tx = world.producer.begin().await.unwrap();
    outbox::insert(&tx, event("b", 1)).await.unwrap();
    tx.commit().await.unwrap();
    until("the row has a position", || async { other.activity().await.unwrap().last_position == 2 }).await;
}

pub async fn a_relay_and_a_reader_that_stop_are_followed_at_once(mut world: World) {
    world.tuning = Tuning { lease: std::time::Duration::from_secs(3600), ..world.tuning };
    world.log = world.log.clone().with_tuning(world.tuning.clone());
    for _ in 0..3 {
        let (relay, reader) = (world.relay(), world.reader());
        world.tell_many(&["a", "b"], 3).await;
        world.settle().await;
        relay.stop().await;
        reader.stop().await;
    }
    world.kept().await;
}

pub async fn replay_answers_in_pages_and_with_the_end(world: World) {
    let _relay = world.relay();
    world.tell_many(&["a"], 9).await;
    world.relayed().await;
    let replay = Replayer::replay(&world.log, "escalation", 1, 2, 4).await.unwrap();
    let places: Vec<_> = replay.events.iter().map(|event| event.at.position).collect();
    assert_eq!((places, replay.incarnation, replay.last_position, replay.pruned_through), (vec![3, 4, 5, 6], 1, 9, 0));
    assert_eq!(replay.events[0].predecessor, Some(world.log.replay(1, 1, 1).await.unwrap().events[0].id));
    assert!(world.log.replay(1, 9, 0).await.unwrap().events.is_empty());
    // Another incarnation is answered from the beginning.
    let other = world.log.replay(7, 5, 0).await.unwrap();
    assert_eq!((other.events.len(), other.incarnation), (9, 1));
    assert_eq!(other.events[0].predecessor, None);
}

pub async fn large_events_are_replayed_in_bounded_answers(world: World) {
    let relay = world.relay();
    for revision in 1..=4 {
        let mut large = event("a", revision);
        large.payload.value = vec![0; 600_000];
        let tx = world.producer.begin().await.unwrap();
        outbox::insert(&tx, large).await.unwrap();
        tx.commit().await.unwrap();
    }
    until("all have positions", || async { world.last().await.position == 4 }).await;
    relay.stop().await;
    assert_eq!(world.log.replay(1, 0, 0).await.unwrap().events.len(), 1);
    exec(world.producer.writer(), "INSERT INTO thing (id, revision) VALUES ('a', 4)", vec![]).await.unwrap();
    world.flush().await;
    let _reader = world.reader();
    world.settle().await;
    world.kept().await;
}

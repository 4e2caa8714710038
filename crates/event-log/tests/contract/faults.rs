//! The transport loses, forgets, goes back, or holds what others wrote. The database is the truth.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use business_time::WallClock;
use event_log::{Bus, Error, EventLog, NewEvent, Position, RedisTransport, Replay, Replayer, Transport, Tuning};
use prost::Message;

use crate::support::{KEY, PRODUCER, World, event, until};

pub async fn a_flushed_transport_loses_nothing(world: World) {
    let (relay, _reader) = (world.relay(), world.reader());
    world.tell_many(&["a", "b"], 5).await;
    world.settle().await;
    // While all is quiet: the relay fills it again by itself.
    world.flush().await;
    world.relayed().await;
    // And with events that are numbered and nowhere but in the database.
    relay.stop().await;
    world.tell_many(&["a", "b"], 5).await;
    world.flush().await;
    let _relay = world.relay();
    world.settle().await;
    world.relayed().await;
    assert_eq!(world.entries().await.len(), 20, "the relay begins where the transport ends");
    world.kept().await;
}

pub async fn a_flush_while_events_flow_loses_nothing(world: World) {
    let (_relay, _reader) = (world.relay(), world.reader());
    for _ in 0..10 {
        world.tell_many(&["a", "b", "c"], 2).await;
        world.flush().await;
    }
    world.settle().await;
    world.kept().await;
}

pub async fn a_trimmed_stream_is_filled_up_from_the_producer(mut world: World) {
    world.log = world.log.clone().with_tuning(Tuning { keep: 3, ..world.tuning.clone() });
    let _relay = world.relay();
    world.tell_many(&["a", "b"], 75).await;
    world.relayed().await;
    let kept = world.entries().await;
    assert!(kept.len() < 110, "about three are kept; Redis trims by the hundred, not {} of 150", 150 - kept.len());
    let _reader = world.reader();
    world.settle().await;
    world.kept().await;
}

pub async fn an_empty_transport_gets_no_more_than_it_keeps(mut world: World) {
    let relay = world.relay();
    world.tell_many(&["a"], 40).await;
    world.relayed().await;
    relay.stop().await;
    world.flush().await;
    world.log = world.log.clone().with_tuning(Tuning { keep: 10, ..world.tuning.clone() });
    let (_relay, _reader) = (world.relay(), world.reader());
    world.relayed().await;
    let places: Vec<_> = world.entries().await.iter().map(|(at, _)| at.position).collect();
    assert_eq!(places, (31..=40).collect::<Vec<_>>());
    world.settle().await;
    world.kept().await;
}

pub async fn holes_inside_a_batch_are_filled(world: World) {
    let relay = world.relay();
    world.tell_many(&["a", "b"], 10).await;
    world.relayed().await;
    relay.stop().await;
    world.forget(|at| [2, 3, 5, 11, 20].contains(&at.position)).await;
    let _reader = world.reader();
    world.settle().await;
    world.kept().await;
}

pub async fn a_rewound_transport_is_brought_up_to_date(world: World) {
    let (relay, reader) = (world.relay(), world.reader());
    world.tell_many(&["a", "b"], 5).await;
    world.settle().await;
    world.relayed().await;
    reader.stop().await;
    // A failover to a stale replica, seen by the relay only later: it goes on behind a hole.
    world.rewind(Position::new(1, 4)).await;
    world.tell_many(&["a", "b"], 5).await;
    world.relayed().await;
    let _reader = world.reader();
    world.settle().await;
    relay.stop().await;
    world.rewind(Position::new(1, 12)).await;
    let _relay = world.relay();
    world.relayed().await;
    world.tell("c").await;
    world.settle().await;
    world.kept().await;
}

pub async fn a_top_that_we_never_wrote_is_another_incarnation(world: World) {
    let (_relay, _reader) = (world.relay(), world.reader());
    world.tell_many(&["a", "b"], 5).await;
    world.settle().await;
    world.write(Position::new(1_764_000_000_000, 0), b"by hand").await;
    until("the incarnation has risen above it", || async { world.last().await.incarnation == 1_764_000_000_001 }).await;
    world.tell_many(&["a", "b"], 2).await;
    world.settle().await;
    world.kept_by_snapshots(1).await;
    assert!(world.entries().await.iter().all(|(at, _)| at.incarnation == 1_764_000_000_001), "the stream is rebuilt");
}

pub async fn a_stream_that_was_there_before_us_is_deleted_first(world: World) {
    world.write(Position::new(3, 7), b"of another time").await;
    let (_relay, _reader) = (world.relay(), world.reader());
    world.tell_many(&["a", "b"], 5).await;
    world.settle().await;
    assert_eq!(world.last().await, Position::new(4, 10));
    // Nobody had read anything, so nobody needs a snapshot.
    world.kept().await;
}

pub async fn garbage_at_the_next_place_is_not_taken_for_an_event(world: World) {
    let (relay, reader) = (world.relay(), world.reader());
    world.tell_many(&["a", "b"], 3).await;
    world.settle().await;
    world.relayed().await;
    reader.stop().await;
    relay.stop().await;
    world.write(Position::new(1, 7), b"\xff\xfe garbage").await;
    let _reader = world.reader();
    world.tell_many(&["a", "b"], 3).await;
    let _relay = world.relay();
    until("the relay has noticed", || async { world.last().await.incarnation == 2 }).await;
    world.settle().await;
    world.kept_by_snapshots(1).await;
}

pub async fn a_stranger_at_a_place_that_was_given_already_is_found_out(world: World) {
    let (relay, _reader) = (world.relay(), world.reader());
    world.tell_many(&["a"], 3).await;
    world.settle().await;
    world.relayed().await;
    relay.stop().await;
    // The database has given the place, and the event was not published yet.
    let numbering =
        EventLog::new(PRODUCER, world.producer.clone(), Arc::new(WallClock), Transport::InProcess(Bus::new()))
            .with_tuning(world.tuning.clone());
    world.tell_many(&["a"], 2).await;
    let elsewhere = world.relay_of(numbering);
    until("it is numbered", || async { world.last().await.position == 5 }).await;
    elsewhere.stop().await;
    world.write(Position::new(1, 4), &stranger(Position::new(1, 4))).await;
    let _relay = world.relay();
    until("the relay has noticed", || async { world.last().await.incarnation == 2 }).await;
    world.settle().await;
    world.contract().await.unwrap();
}

pub async fn a_stranger_that_gets_in_the_way_of_the_relay_is_found_out_by_the_refusal(mut world: World) {
    // It looks at the top once, at its start.
    world.log = world.log.clone().with_tuning(Tuning { check: Duration::from_secs(3600), ..world.tuning.clone() });
    let (_relay, _reader) = (world.relay(), world.reader());
    world.tell_many(&["a"], 3).await;
    world.settle().await;
    world.relayed().await;
    world.write(Position::new(1, 4), &stranger(Position::new(1, 4))).await;
    world.tell_many(&["a"], 2).await;
    until("the relay has noticed", || async { world.last().await.incarnation == 2 }).await;
    world.settle().await;
    world.contract().await.unwrap();
}

pub async fn an_event_of_another_history_is_not_handled(world: World) {
    let (relay, reader) = (world.relay(), world.reader());
    world.tell_many(&["a", "b"], 3).await;
    world.settle().await;
    relay.stop().await;
    reader.stop().await;
    // It is well made and stands at the next place, but it does not follow ours.
    world.write(Position::new(1, 7), &stranger(Position::new(1, 7))).await;
    let _reader = world.reader();
    let _relay = world.relay();
    until("the relay has noticed", || async { world.last().await.incarnation == 2 }).await;
    world.tell("a").await;
    world.settle().await;
    world.kept_by_snapshots(1).await;
    assert!(world.effects().await.iter().all(|effect| effect.aggregate != "stranger"));
}

pub async fn a_key_that_is_no_stream_is_replaced(world: World) {
    if !world.profile.on_redis() {
        return;
    }
    world.command(redis::cmd("SET").arg(KEY).arg("a string")).await;
    let (_relay, _reader) = (world.relay(), world.reader());
    world.tell_many(&["a", "b"], 3).await;
    world.settle().await;
    world.relayed().await;
    world.kept().await;
}

pub async fn without_the_transport_events_flow_by_replay(mut world: World) {
    if !world.profile.on_redis() {
        return;
    }
    let (_relay, _reader) = (world.relay(), world.reader());
    world.tell("a").await;
    world.settle().await;
    world.redis.as_mut().unwrap().stop();
    world.tell_many(&["a", "b"], 4).await;
    world.settle().await;
    world.kept().await;
    world.redis.as_mut().unwrap().restart_empty().await;
    world.tell_many(&["a", "b"], 4).await;
    world.settle().await;
    world.relayed().await;
    world.kept().await;
}

pub async fn what_a_producer_published_is_handled_while_it_is_down(world: World) {
    let down = Arc::new(AtomicBool::new(false));
    let replayer = Moody { log: world.log.clone(), down: down.clone() };
    let reader = world.reader_asking(Arc::new(replayer));
    let relay = world.relay();
    world.tell("a").await;
    world.settle().await;
    down.store(true, Ordering::SeqCst);
    world.tell_many(&["a", "b"], 5).await;
    world.settle().await;
    // A gap has to wait for it.
    relay.stop().await;
    reader.stop().await;
    let _reader = world.reader_asking(Arc::new(Moody { log: world.log.clone(), down: down.clone() }));
    let _relay = world.relay();
    world.tell_many(&["a", "b"], 5).await;
    world.relayed().await;
    world.forget(|at| at.position == 14).await;
    world.tell("a").await;
    down.store(false, Ordering::SeqCst);
    world.settle().await;
    world.kept().await;
}

/// A producer that is down at times.
struct Moody {
    log: EventLog,
    down: Arc<AtomicBool>,
}

#[async_trait]
impl Replayer for Moody {
    async fn replay(&self, service: &str, incarnation: u64, after: u64, page: u32) -> Result<Replay, Error> {
        if self.down.load(Ordering::SeqCst) {
            return Err(Error::Replay("down".into()));
        }
        Replayer::replay(&self.log, service, incarnation, after, page).await
    }
}

pub async fn nothing_is_numbered_before_the_transport_was_seen_once(mut world: World) {
    if !world.profile.on_redis() {
        return;
    }
    world.redis.as_mut().unwrap().stop();
    let (_relay, _reader) = (world.relay(), world.reader());
    world.tell("a").await;
    let url = world.redis.as_ref().unwrap().url();
    let asked = RedisTransport::try_new(&url);
    assert!(asked.is_ok(), "a Redis that is down stops nobody from starting");
    let numbered = crate::support::comes(Duration::from_millis(300), || async {
        world.log.activity().await.unwrap().unrelayed == 0
    });
    assert!(!numbered.await);
    world.redis.as_mut().unwrap().restart_empty().await;
    world.settle().await;
    world.kept().await;
}

/// A well-made event that this producer never told.
fn stranger(at: Position) -> Vec<u8> {
    let NewEvent { id, revision, payload, .. } = event("stranger", 1);
    contracts::event::v1::Event {
        id: id.to_string(),
        predecessor: uuid::Uuid::new_v4().to_string(),
        service: PRODUCER.into(),
        incarnation: at.incarnation,
        position: at.position,
        aggregate: "stranger".into(),
        revision,
        time: Some(prost_types::Timestamp::default()),
        traceparent: String::new(),
        payload: Some(payload),
    }
    .encode_to_vec()
}

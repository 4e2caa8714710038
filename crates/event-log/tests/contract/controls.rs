//! The rules on which the promise rests, each switched off once: the same steps with the rule keep the promise, without it
//! they break it. On PostgreSQL; SQLite's one writer hides most of it.

use std::sync::Arc;

use database::{Database, exec, query_one};
use event_log::{Position, Rules, outbox};

use crate::support::{Act, Ledger, NO_LEASES, Profile, World, event, run, until, waiting};

const PROFILE: Profile = Profile::InProcessOnPostgres;

/// Waits until the reader is through or stands still, and says whether the promise was kept.
async fn outcome(world: &World) -> Result<(), String> {
    until("the reader is through, or stands still", || async {
        world.is_settled().await || world.subscription().await.is_some_and(|state| state.stalled.is_some())
    })
    .await;
    if let Some(stalled) = world.subscription().await.unwrap().stalled {
        return Err(stalled);
    }
    world.contract().await
}

/// A command that inserts its event, and locks its aggregate's row before that or after it.
async fn two_commands(world: &World, lock_first: bool) -> Result<(), String> {
    world.tell("a").await;
    let insert = |revision| event("a", revision);
    let slow = world.producer.begin().await.unwrap();
    let mut id = None;
    if !lock_first {
        let told = insert(3);
        id = Some(told.id);
        outbox::insert(&slow, told).await.unwrap();
        world.tell("a").await;
    }
    let lock = "SELECT revision FROM thing WHERE id = 'a' FOR UPDATE";
    let revision: i64 = query_one(&slow, lock, vec![]).await.unwrap().unwrap().try_get("", "revision").unwrap();
    let fast = async {
        if lock_first {
            world.tell("a").await;
        }
    };
    let finish = async {
        match id {
            None => {
                until("the other waits", || async { waiting(&world.producer, "SELECT revision%").await == 1 }).await;
                outbox::insert(&slow, insert(revision.unsigned_abs() + 1)).await.unwrap();
            }
            Some(id) => {
                let sql = "UPDATE outbox SET revision = ? WHERE id = ?";
                exec(&slow, sql, vec![(revision + 1).into(), id.to_string().into()]).await.unwrap();
            }
        }
        exec(&slow, "UPDATE thing SET revision = revision + 1 WHERE id = 'a'", vec![]).await.unwrap();
        slow.commit().await.unwrap();
    };
    tokio::join!(fast, finish);
    let (_relay, _reader) = (world.relay(), world.reader());
    outcome(world).await
}

#[test]
fn a_command_locks_its_aggregate_before_it_inserts() {
    run(PROFILE, |world| async move { two_commands(&world, true).await.unwrap() });
    run(PROFILE, |world| async move {
        let broken = two_commands(&world, false).await.unwrap_err();
        assert!(broken.starts_with("out of order"), "{broken}");
    });
}

/// Two connections tell of one thing in turn.
async fn two_connections(world: &World, cache: u32) -> Result<(), String> {
    let sql = "SELECT pg_get_serial_sequence('outbox', 'seq') AS name";
    let row = query_one(world.producer.reader(), sql, vec![]).await.unwrap().unwrap();
    let name: String = row.try_get("", "name").unwrap();
    exec(world.producer.writer(), &format!("ALTER SEQUENCE {name} CACHE {cache}"), vec![]).await.unwrap();
    let connect = || async { Database::connect_with(world.home.url(), 1).await.unwrap() };
    let (one, other) = (connect().await, connect().await);
    for db in [&one, &other, &one] {
        world.tell_on(db, "a").await;
    }
    let (_relay, _reader) = (world.relay(), world.reader());
    outcome(world).await
}

#[test]
fn the_sequence_hands_out_numbers_one_by_one() {
    run(PROFILE, |world| async move {
        let sql = "SELECT seqcache FROM pg_sequence WHERE seqrelid = pg_get_serial_sequence('outbox', 'seq')::regclass";
        let row = query_one(world.producer.reader(), sql, vec![]).await.unwrap().unwrap();
        assert_eq!(row.try_get::<i64>("", "seqcache").unwrap(), 1, "as the migration makes it");
        two_connections(&world, 1).await.unwrap();
    });
    run(PROFILE, |world| async move {
        let broken = two_connections(&world, 10).await.unwrap_err();
        assert!(broken.starts_with("out of order"), "{broken}");
    });
}

/// Two relays come to the stream's row while somebody else holds it.
async fn two_relays(world: &World, second_statement: bool) -> Result<(), String> {
    let relay = world.relay();
    world.tell("a").await;
    world.relayed().await;
    relay.stop().await;
    let holder = world.producer.begin().await.unwrap();
    exec(&holder, "UPDATE stream SET pruned_through = pruned_through", vec![]).await.unwrap();
    world.tell_many(&["a", "b"], 2).await;
    let log = world.log.clone().with_rules(Rules { second_statement, ..NO_LEASES });
    let (_one, _other) = (world.relay_of(log.clone()), world.relay_of(log));
    until("both wait", || async { waiting(&world.producer, "SELECT %stream%").await == 2 }).await;
    holder.commit().await.unwrap();
    until("everything has a position", || async { world.log.activity().await.unwrap().unrelayed == 0 }).await;
    until("nobody waits", || async { waiting(&world.producer, "%").await == 0 }).await;
    let _reader = world.reader();
    outcome(world).await?;
    match world.last().await {
        last if last == Position::new(1, 5) => Ok(()),
        last => Err(format!("the stream ends at {last}, where others had to come to the rescue")),
    }
}

#[test]
fn a_relay_takes_the_rows_in_a_second_statement() {
    run(PROFILE, |world| async move { two_relays(&world, true).await.unwrap() });
    run(PROFILE, |world| async move { drop(two_relays(&world, false).await.unwrap_err()) });
}

/// A reader that was overtaken meets the one that overtook it; answers how many deadlocks came of it.
async fn two_readers(mut world: World, guard_first: bool) -> u64 {
    world.tuning.batch = 2;
    let rules = Rules { guard_first, ..NO_LEASES };
    let relay = world.relay();
    for thing in ["a", "b", "b", "a"] {
        world.tell(thing).await;
    }
    world.relayed().await;
    relay.stop().await;
    let (slow, fast) = (Arc::new(Ledger::new(None)), Arc::new(Ledger::new(None)));
    slow.play(|_, call| if call == 0 { Act::HoldAndDo } else { Act::Do });
    fast.play(|event, call| if event.at.position == 3 && call == 2 { Act::DoAndHold } else { Act::Do });
    let _slow = world.reader_with(rules, slow.clone());
    slow.held.notified().await;
    let _fast = world.reader_with(rules, fast.clone());
    if guard_first {
        until("the other waits at the guard", || async { waiting(&world.consumer, "UPDATE subscription%").await == 1 })
            .await;
        slow.go.add_permits(1);
    } else {
        // It has done the first batch and is in the middle of the second, where the things come in another order.
        fast.held.notified().await;
        slow.go.add_permits(1);
        until("one waits for the other", || async { waiting(&world.consumer, "INSERT INTO mirror%").await == 1 }).await;
    }
    fast.go.add_permits(1);
    world.settle().await;
    slow.deadlocks.load(std::sync::atomic::Ordering::SeqCst) + fast.deadlocks.load(std::sync::atomic::Ordering::SeqCst)
}

#[test]
fn a_reader_begins_with_the_guard() {
    run(PROFILE, |world| async move { assert_eq!(two_readers(world, true).await, 0) });
    run(PROFILE, |world| async move { assert_eq!(two_readers(world, false).await, 1) });
}

async fn holes(world: &World, holes_inside_a_batch: bool) -> Result<(), String> {
    let relay = world.relay();
    world.tell_many(&["a", "b", "c"], 2).await;
    world.relayed().await;
    relay.stop().await;
    let rules = Rules { holes_inside_a_batch, ..Rules::default() };
    // The reader has begun, and then reads a batch with a hole in it.
    world.ledger.play(|event, _| if event.at.position == 1 { Act::DoAndHold } else { Act::Do });
    let first = world.entries().await.remove(0);
    let all = world.entries().await;
    world.flush().await;
    world.write(first.0, &first.1).await;
    let replayer = Arc::new(FirstOnly(world.log.clone().with_rules(rules)));
    let _reader = world.reader_of(rules, world.ledger.clone(), replayer);
    world.ledger.held.notified().await;
    for (at, bytes) in all.iter().filter(|(at, _)| ![1, 3, 5].contains(&at.position)) {
        world.write(*at, bytes).await;
    }
    world.ledger.go.add_permits(1);
    outcome(world).await
}

/// Answers with no more than one event at first, so that the rest comes by the transport.
struct FirstOnly(event_log::EventLog);

#[async_trait::async_trait]
impl event_log::Replayer for FirstOnly {
    async fn replay(
        &self,
        service: &str,
        incarnation: u64,
        after: u64,
        page: u32,
    ) -> event_log::Result<event_log::Replay> {
        let page = if after == 0 { 1 } else { page };
        let mut replay = event_log::Replayer::replay(&self.0, service, incarnation, after, page).await?;
        if after == 0 {
            replay.last_position = replay.last_position.min(1);
        }
        Ok(replay)
    }
}

#[test]
fn a_hole_inside_a_batch_is_a_gap() {
    run(PROFILE, |world| async move { holes(&world, true).await.unwrap() });
    run(PROFILE, |world| async move {
        let broken = holes(&world, false).await.unwrap_err();
        assert!(broken.ends_with("is lost"), "{broken}");
    });
}

async fn pruned(world: &World, pruned_through: bool) -> Result<(), String> {
    let (relay, reader) = (world.relay(), world.reader());
    world.tell_many(&["a", "b"], 1).await;
    world.settle().await;
    reader.stop().await;
    world.tell_many(&["a", "b"], 3).await;
    world.relayed().await;
    relay.stop().await;
    world.prune(5).await;
    world.flush().await;
    let _reader = world.reader_with(Rules { pruned_through, ..Rules::default() }, world.ledger.clone());
    outcome(world).await
}

#[test]
fn replay_tells_what_is_pruned() {
    run(PROFILE, |world| async move { pruned(&world, true).await.unwrap() });
    run(PROFILE, |world| async move {
        let broken = pruned(&world, false).await.unwrap_err();
        assert_eq!(broken, "replay has a hole", "it waits for ever for what is gone");
    });
}

async fn restored(world: &World, raise_before_numbering: bool) -> Result<(), String> {
    let (relay, _reader) = (world.relay(), world.reader());
    world.tell_many(&["a"], 3).await;
    world.settle().await;
    world.back_up_producer().await;
    world.tell_many(&["a", "b"], 2).await;
    world.settle().await;
    world.relayed().await;
    relay.stop().await;
    world.restore_producer().await;
    world.tell_many(&["a", "b"], 4).await;
    let log = world.log.clone().with_rules(Rules { raise_before_numbering, ..Rules::default() });
    let _relay = world.relay_of(log);
    until("everything has a position", || async { world.last().await.position == 11 }).await;
    world.settle().await;
    world.contract().await
}

#[test]
fn the_incarnation_rises_before_anything_is_numbered() {
    run(PROFILE, |world| async move { restored(&world, true).await.unwrap() });
    run(PROFILE, |world| async move {
        let broken = restored(&world, false).await.unwrap_err();
        assert!(broken.contains("was used for"), "{broken}");
    });
}

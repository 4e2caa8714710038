//! Somebody is restored from an older backup, or history is gone.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use database::{exec, query_one};
use event_log::Position;

use crate::support::{Ledger, World, comes, until};

pub async fn a_restored_producer_gets_a_new_incarnation_before_it_numbers(world: World) {
    let (relay, _reader) = (world.relay(), world.reader());
    world.tell_many(&["a", "b"], 3).await;
    world.settle().await;
    world.back_up_producer().await;
    world.tell_many(&["a", "b"], 4).await;
    world.settle().await;
    world.relayed().await;
    relay.stop().await;
    world.restore_producer().await;
    // Committed before the relay runs again, and enough to pass the old top.
    world.tell_many(&["a", "b", "c"], 5).await;
    let _relay = world.relay();
    world.settle().await;
    assert_eq!(world.last().await, Position::new(2, 21));
    world.tell_many(&["a", "c"], 2).await;
    world.settle().await;
    world.kept_by_snapshots(1).await;
    assert_eq!(world.ledger.snapshots()[0].incarnation, 2);
    assert_eq!(world.subscription().await.unwrap().forks, 0);
}

pub async fn a_producer_restored_twice_uses_no_incarnation_again(world: World) {
    let (mut relay, _reader) = (world.relay(), world.reader());
    world.tell_many(&["a"], 3).await;
    world.settle().await;
    world.back_up_producer().await;
    for incarnation in [2, 3] {
        world.tell_many(&["a", "b"], 3).await;
        world.settle().await;
        world.relayed().await;
        relay.stop().await;
        world.restore_producer().await;
        relay = world.relay();
        until("the incarnation has risen", || async { world.last().await.incarnation == incarnation }).await;
    }
    world.tell_many(&["a", "b"], 1).await;
    world.settle().await;
    world.contract().await.unwrap();
}

pub async fn a_producer_behind_its_reader_is_a_fork(world: World) {
    let (relay, _reader) = (world.relay(), world.reader());
    world.tell_many(&["a", "b"], 3).await;
    world.settle().await;
    world.back_up_producer().await;
    world.tell_many(&["a", "b"], 4).await;
    world.settle().await;
    relay.stop().await;
    // The transport, which would have told, is lost as well.
    world.restore_producer().await;
    world.flush().await;
    let _relay = world.relay();
    until("the reader has noticed", || async { world.subscription().await.unwrap().forks == 1 }).await;
    world.settle().await;
    assert_eq!(world.last().await, Position::new(1, 6));
    // What the alarm calls for: a person raises the incarnation, and the snapshot after it overrules what was undone.
    assert_eq!(world.log.new_incarnation().await.unwrap(), 2);
    world.tell_many(&["a", "b"], 1).await;
    world.settle().await;
    world.kept_by_snapshots(2).await;
}

pub async fn a_producer_that_has_caught_up_with_its_reader_is_a_fork_too(world: World) {
    let (relay, reader) = (world.relay(), world.reader());
    world.tell_many(&["a", "b"], 3).await;
    world.settle().await;
    world.back_up_producer().await;
    world.tell_many(&["a", "b"], 4).await;
    world.settle().await;
    relay.stop().await;
    reader.stop().await;
    world.restore_producer().await;
    world.flush().await;
    world.tell_many(&["a", "b"], 6).await;
    let _relay = world.relay();
    until("it has passed the reader", || async { world.last().await == Position::new(1, 18) }).await;
    let _reader = world.reader();
    until("the reader has noticed", || async { world.subscription().await.unwrap().forks == 1 }).await;
    world.settle().await;
    assert_eq!(world.ledger.snapshots(), [Position::new(1, 18)]);
    let known = "SELECT last_event_id AS id FROM subscription";
    let known = query_one(world.consumer.reader(), known, vec![]).await.unwrap().unwrap();
    let id: Option<String> = known.try_get("", "id").unwrap();
    assert!(id.is_some(), "the next event's predecessor can be checked");
    let handled = world.effects().await.len();
    world.tell("a").await;
    world.settle().await;
    assert_eq!(world.effects().await.len(), handled + 1, "it goes on from there");
}

pub async fn a_restored_reader_does_again_what_its_restore_undid(world: World) {
    let (_relay, reader) = (world.relay(), world.reader());
    world.tell_many(&["a", "b"], 3).await;
    world.settle().await;
    world.back_up_consumer().await;
    world.tell_many(&["a", "b", "c"], 4).await;
    world.settle().await;
    reader.stop().await;
    world.restore_consumer().await;
    let _reader = world.reader();
    world.settle().await;
    world.kept().await;
    assert_eq!(world.effects().await.len(), 18);
}

pub async fn a_reader_restored_to_before_what_is_pruned_takes_a_snapshot(world: World) {
    let (_relay, reader) = (world.relay(), world.reader());
    world.tell_many(&["a", "b"], 2).await;
    world.settle().await;
    world.back_up_consumer().await;
    world.tell_many(&["a", "b", "c"], 4).await;
    world.settle().await;
    reader.stop().await;
    world.prune(9).await;
    // Even though the transport could still tell the most of it, what is pruned is not to be had in full.
    world.flush().await;
    world.restore_consumer().await;
    let _reader = world.reader();
    world.settle().await;
    world.tell_many(&["a", "c"], 2).await;
    world.settle().await;
    world.kept_by_snapshots(1).await;
}

pub async fn a_new_reader_of_a_pruned_outbox_takes_a_snapshot_first(world: World) {
    let relay = world.relay();
    world.tell_many(&["a", "b"], 5).await;
    world.relayed().await;
    relay.stop().await;
    world.prune(10).await;
    world.flush().await;
    let _relay = world.relay();
    let _reader = world.reader();
    world.settle().await;
    world.tell_many(&["a", "b"], 2).await;
    world.settle().await;
    world.kept_by_snapshots(1).await;
    assert_eq!(world.ledger.snapshots(), [Position::new(1, 10)]);
    assert_eq!(world.effects().await.len(), 4, "no more than what came after the position");
}

pub async fn what_a_snapshot_has_seen_is_not_undone_by_the_events_behind_it(world: World) {
    let relay = world.relay();
    world.tell_many(&["a"], 3).await;
    world.relayed().await;
    relay.stop().await;
    world.prune(3).await;
    // Numbered only later: the snapshot's rows are ahead of its position.
    world.tell_many(&["a", "b"], 3).await;
    let reader = world.reader();
    until("the snapshot is taken", || async { world.subscription().await.is_some_and(|state| state.snapshots == 1) })
        .await;
    assert_eq!(world.ledger.snapshots(), [Position::new(1, 3)]);
    let _relay = world.relay();
    world.settle().await;
    world.kept_by_snapshots(1).await;
    assert_eq!(world.effects().await.len(), 6);
    reader.stop().await;
}

pub async fn the_admin_verb_makes_every_reader_take_a_snapshot(world: World) {
    let (_relay, _reader) = (world.relay(), world.reader());
    world.tell_many(&["a", "b"], 3).await;
    world.settle().await;
    assert_eq!(world.log.new_incarnation().await.unwrap(), 2);
    world.tell_many(&["a", "b"], 3).await;
    world.settle().await;
    world.kept_by_snapshots(1).await;
    assert_eq!(world.last().await, Position::new(2, 12));
}

pub async fn a_reader_without_a_snapshot_stands_still_and_says_why(world: World) {
    let bare = Arc::new(Ledger::new(None));
    let (_relay, _reader) = (world.relay(), world.reader_with(Default::default(), bare));
    world.tell_many(&["a"], 3).await;
    world.settle().await;
    world.log.new_incarnation().await.unwrap();
    until("it says so", || async { world.subscription().await.unwrap().stalled.is_some() }).await;
    let state = world.subscription().await.unwrap();
    assert_eq!(state.stalled.unwrap(), "new incarnation, and the snapshot failed: no snapshot");
    assert_eq!((state.incarnation, state.position), (1, 3));
}

pub async fn a_snapshot_that_is_cut_short_is_taken_again(world: World) {
    let relay = world.relay();
    world.tell_many(&["a", "b"], 3).await;
    world.relayed().await;
    relay.stop().await;
    world.prune(6).await;
    world.flush().await;
    // The mirror cannot be written for a while.
    exec(world.consumer.writer(), "ALTER TABLE mirror RENAME TO hidden", vec![]).await.unwrap();
    let _reader = world.reader();
    until("it stalls", || async { world.subscription().await.is_some_and(|state| state.stalled.is_some()) }).await;
    assert_eq!(world.subscription().await.unwrap().position, 0, "the position waits for the snapshot");
    exec(world.consumer.writer(), "ALTER TABLE hidden RENAME TO mirror", vec![]).await.unwrap();
    let _relay = world.relay();
    world.settle().await;
    world.kept_by_snapshots(1).await;
}

pub async fn a_snapshot_may_take_longer_than_the_lease(mut world: World) {
    world.tuning.lease = Duration::from_millis(30);
    let _relay = world.relay();
    world.tell_many(&["a", "b"], 3).await;
    world.relayed().await;
    world.prune(6).await;
    world.ledger.slow.store(true, Ordering::SeqCst);
    let _reader = world.reader();
    world.ledger.held.notified().await;
    // Its lease, which is renewed meanwhile, has to be written where the snapshot is writing.
    comes(world.tuning.lease * 4, || async { false }).await;
    world.ledger.go.add_permits(1);
    until("it is taken", || async { world.subscription().await.unwrap().snapshots == 1 }).await;
    world.settle().await;
    world.kept_by_snapshots(1).await;
    assert_eq!(world.ledger.snapshots().len(), 1);
}

pub async fn a_dump_older_than_the_last_incarnation_does_not_use_that_one_again(mut world: World) {
    if !world.profile.on_postgres() {
        return;
    }
    let (relay, reader) = (world.relay(), world.reader());
    world.tell_many(&["a", "b"], 3).await;
    world.settle().await;
    let dump = world.home.backup().await;
    assert_eq!(world.log.new_incarnation().await.unwrap(), 2);
    world.tell_many(&["a", "b"], 2).await;
    world.settle().await;
    world.relayed().await;
    relay.stop().await;
    reader.stop().await;
    // Two reasons at once: the database is another one, and the transport holds the incarnation that the dump has not seen.
    let restored = dump.restore().await;
    world.move_to(restored.database());
    let (relay, reader) = (world.relay(), world.reader());
    world.tell_many(&["a", "b"], 2).await;
    world.settle().await;
    assert_eq!(world.last().await, Position::new(3, 10));
    relay.stop().await;
    reader.stop().await;
}

pub async fn a_dump_that_is_put_into_another_database_is_a_new_incarnation(mut world: World) {
    if !world.profile.on_postgres() {
        return;
    }
    let (relay, reader) = (world.relay(), world.reader());
    world.tell_many(&["a", "b"], 3).await;
    world.settle().await;
    let dump = world.home.backup().await;
    // Neither the transport nor the reader is ahead of the dump; only its origin gives it away.
    relay.stop().await;
    reader.stop().await;
    let restored = dump.restore().await;
    world.move_to(restored.database());
    let (relay, reader) = (world.relay(), world.reader());
    world.tell_many(&["a", "b"], 2).await;
    world.settle().await;
    assert_eq!(world.last().await, Position::new(2, 10));
    world.kept_by_snapshots(1).await;
    relay.stop().await;
    reader.stop().await;
}

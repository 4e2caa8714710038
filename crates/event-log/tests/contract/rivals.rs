//! Two at once, and one that is killed.

use std::time::Duration;

use database::{DbErr, exec};
use event_log::Tuning;
use futures_util::future::join_all;
use sea_orm::RuntimeErr;

use crate::support::{Act, NO_LEASES, World, comes, until, waiting};

pub async fn two_relays_at_once_do_no_harm(mut world: World) {
    world.log = world.log.clone().with_rules(NO_LEASES);
    let (_one, _other) = (world.relay(), world.relay());
    let _reader = world.reader();
    let writers = ["a", "b", "c", "a"].map(|thing| {
        let world = &world;
        async move { world.tell_many(&[thing], 12).await }
    });
    join_all(writers).await;
    world.settle().await;
    world.kept().await;
    assert_eq!(world.last().await.position, 48);
}

pub async fn two_readers_at_once_do_everything_once(world: World) {
    let _relay = world.relay();
    let (_one, _other) =
        (world.reader_with(NO_LEASES, world.ledger.clone()), world.reader_with(NO_LEASES, world.ledger.clone()));
    world.tell_many(&["a", "b", "c"], 15).await;
    world.settle().await;
    world.kept().await;
    assert_eq!(world.ledger.calls(), 45, "a reader that was overtaken leaves before it does anything");
}

pub async fn a_second_relay_and_reader_wait_for_the_lease(mut world: World) {
    world.tuning = Tuning { lease: Duration::from_secs(3600), ..world.tuning };
    world.log = world.log.clone().with_tuning(world.tuning.clone());
    let (relay, reader) = (world.relay(), world.reader());
    world.tell("a").await;
    world.settle().await;
    let (second_relay, second_reader) = (world.relay(), world.reader());
    world.tell("a").await;
    world.settle().await;
    relay.kill().await;
    reader.kill().await;
    world.tell("a").await;
    assert!(!comes(Duration::from_millis(200), || world.is_settled()).await, "the lease is not over");
    second_relay.stop().await;
    second_reader.stop().await;
}

pub async fn the_lease_of_one_that_was_killed_ends_by_itself(world: World) {
    let (relay, reader) = (world.relay(), world.reader());
    world.tell("a").await;
    world.settle().await;
    relay.kill().await;
    reader.kill().await;
    let (_relay, _reader) = (world.relay(), world.reader());
    world.tell("a").await;
    world.settle().await;
    world.kept().await;
}

pub async fn a_reader_killed_between_effects_and_commit_does_them_once(world: World) {
    let _relay = world.relay();
    world.ledger.play(|_, call| if call == 4 { Act::DoAndHold } else { Act::Do });
    let reader = world.reader();
    world.tell_many(&["a", "b", "c"], 2).await;
    world.ledger.held.notified().await;
    reader.kill().await;
    let _reader = world.reader();
    world.settle().await;
    world.kept().await;
    assert!(world.ledger.calls() > 6, "something was done again");
}

pub async fn a_relay_killed_at_any_moment_loses_and_doubles_nothing(world: World) {
    let _reader = world.reader();
    let log = &world.log;
    for round in 0..12_u64 {
        let relay = world.relay_of(log.clone().with_rules(NO_LEASES));
        world.tell_many(&["a", "b"], 2).await;
        // A different moment each time, somewhere between the commit and the last publication.
        comes(Duration::from_millis(round * 2), || async { false }).await;
        relay.kill().await;
    }
    let _relay = world.relay_of(log.clone().with_rules(NO_LEASES));
    world.settle().await;
    world.kept().await;
}

pub async fn writers_of_one_thing_are_told_in_the_order_of_their_commits(world: World) {
    let (_relay, _reader) = (world.relay(), world.reader());
    let writers = (0..6).map(|_| async { world.tell_many(&["a"], 8).await });
    join_all(writers).await;
    world.settle().await;
    world.kept().await;
}

pub async fn a_conflict_or_an_outage_blames_no_event(world: World) {
    let _relay = world.relay();
    world.ledger.play(|_, call| match call {
        0..20 => Act::Fail(DbErr::Conn(RuntimeErr::Internal("the database is away".into()))),
        _ => Act::Do,
    });
    let _reader = world.reader();
    world.tell_many(&["a"], 2).await;
    world.settle().await;
    world.kept().await;
    assert!(world.ledger.calls() >= 22);
}

pub async fn a_reader_that_was_overtaken_leaves_without_a_touch(world: World) {
    let _relay = world.relay();
    world.tell_many(&["a"], 3).await;
    world.relayed().await;
    // The first holds its transaction open; on PostgreSQL the second waits at the guard, not behind it.
    world.ledger.play(|_, call| if call == 0 { Act::DoAndHold } else { Act::Do });
    let one = world.reader_with(NO_LEASES, world.ledger.clone());
    world.ledger.held.notified().await;
    let other = world.reader_with(NO_LEASES, world.ledger.clone());
    if world.profile.on_postgres() {
        let waits = || async { waiting(&world.consumer, "UPDATE subscription%").await == 1 };
        until("the second waits for the subscription's row", waits).await;
    }
    assert_eq!(world.ledger.calls(), 1);
    world.ledger.go.add_permits(1);
    world.settle().await;
    one.stop().await;
    other.stop().await;
    world.kept().await;
    assert_eq!(world.ledger.calls(), 3);
}

pub async fn a_command_that_is_still_open_holds_nobody_up(world: World) {
    if !world.profile.on_postgres() {
        return;
    }
    let (_relay, _reader) = (world.relay(), world.reader());
    let open = world.producer.begin().await.unwrap();
    event_log::outbox::insert(&open, crate::support::event("open", 1)).await.unwrap();
    world.tell("b").await;
    world.settle().await;
    exec(&open, "INSERT INTO thing (id, revision) VALUES ('open', 1)", vec![]).await.unwrap();
    open.commit().await.unwrap();
    world.settle().await;
    world.kept().await;
    let order: Vec<_> = world.effects().await.into_iter().map(|effect| effect.aggregate).collect();
    assert_eq!(order, ["b", "open"]);
}

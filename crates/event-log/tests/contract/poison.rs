//! Events that cannot be handled.

use database::{DbErr, query_all};
use event_log::HandlerError;

use crate::support::{Act, World};

pub async fn a_hopeless_event_is_laid_aside_with_those_behind_it(world: World) {
    let _relay = world.relay();
    world.ledger.play(|event, _| match (event.aggregate.as_str(), event.revision) {
        ("a", 2) => Act::Permanent("no such clock"),
        _ => Act::Do,
    });
    world.tell_many(&["a", "b"], 4).await;
    world.relayed().await;
    // It and those behind it are in one batch.
    let _reader = world.reader();
    world.settle().await;
    assert_eq!(
        dead(&world).await,
        [
            ("a".to_owned(), 3, "no such clock".to_owned()),
            ("a".to_owned(), 5, "behind an earlier event of its aggregate".to_owned()),
            ("a".to_owned(), 7, "behind an earlier event of its aggregate".to_owned()),
        ]
    );
    let state = world.subscription().await.unwrap();
    assert_eq!((state.dead_letters, state.position), (3, 8));
    let done: Vec<_> = world.effects().await.iter().map(|effect| (effect.aggregate.clone(), effect.revision)).collect();
    let expected = [("a", 1), ("b", 1), ("b", 2), ("b", 3), ("b", 4)].map(|(thing, at)| (thing.to_owned(), at));
    assert_eq!(done, expected);
    // Also in later batches.
    world.ledger.play(|_, _| Act::Do);
    world.tell_many(&["a", "b"], 1).await;
    world.settle().await;
    assert_eq!(world.subscription().await.unwrap().dead_letters, 4);
    world.contract().await.unwrap();
}

pub async fn an_event_that_fails_for_a_while_is_handled_in_the_end(world: World) {
    let (_relay, _reader) = (world.relay(), world.reader());
    world.ledger.play(|_, call| if (1..3).contains(&call) { Act::Retry } else { Act::Do });
    world.tell_many(&["a", "b"], 3).await;
    world.settle().await;
    world.kept().await;
}

pub async fn an_event_that_fails_too_often_is_laid_aside(world: World) {
    let relay = world.relay();
    world.ledger.play(|event, _| if event.aggregate == "bad" { Act::Retry } else { Act::Do });
    world.tell_many(&["a", "bad", "b"], 1).await;
    world.relayed().await;
    let _reader = world.reader();
    world.settle().await;
    assert_eq!(dead(&world).await, [("bad".to_owned(), 2, "not now".to_owned())]);
    assert_eq!(world.effects().await.len(), 2);
    relay.stop().await;
}

pub async fn a_handler_that_panics_is_one_that_fails(world: World) {
    let (_relay, _reader) = (world.relay(), world.reader());
    world.ledger.play(|event, _| if event.aggregate == "bad" { Act::Panic } else { Act::Do });
    world.tell_many(&["a", "bad", "b"], 1).await;
    world.settle().await;
    assert_eq!(dead(&world).await, [("bad".to_owned(), 2, "the handler panicked".to_owned())]);
    world.contract().await.unwrap();
}

pub async fn a_statement_that_fails_is_the_events_own_fault(world: World) {
    let (_relay, _reader) = (world.relay(), world.reader());
    world.ledger.play(|event, _| match event.aggregate.as_str() {
        "bad" => Act::Fail(DbErr::RecordNotFound("case".into())),
        _ => Act::Do,
    });
    world.tell_many(&["a", "bad", "b"], 1).await;
    world.settle().await;
    assert_eq!(world.subscription().await.unwrap().dead_letters, 1);
    world.contract().await.unwrap();
}

pub async fn a_type_that_this_release_does_not_know_is_laid_aside(world: World) {
    let (_relay, _reader) = (world.relay(), world.reader());
    world.tell("a").await;
    world.settle().await;
    let event = world.log.replay(1, 0, 1).await.unwrap().events.remove(0);
    let HandlerError::Permanent(reason) = HandlerError::unknown(&event) else { panic!("it is hopeless") };
    assert_eq!(reason, "unknown type test.v1.Happened");
}

/// Aggregate, position and reason of the dead letters, in order.
async fn dead(world: &World) -> Vec<(String, i64, String)> {
    let sql = "SELECT aggregate, position, reason FROM dead_letter ORDER BY seq";
    let rows = query_all(world.consumer.reader(), sql, vec![]).await.unwrap();
    rows.iter()
        .map(|row| {
            (
                row.try_get("", "aggregate").unwrap(),
                row.try_get("", "position").unwrap(),
                row.try_get("", "reason").unwrap(),
            )
        })
        .collect()
}

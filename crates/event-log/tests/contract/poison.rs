//! Events that cannot be handled.

use std::time::Duration;

use database::{DbErr, query_all};
use event_log::{HandlerError, dead_letters, redrive};

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

pub async fn dead_letters_that_are_asked_for_are_handled_in_their_order(world: World) {
    let (_relay, _reader) = (world.relay(), world.reader());
    world.ledger.play(|event, _| match (event.aggregate.as_str(), event.revision) {
        ("a" | "c", 2) => Act::Permanent("no such clock"),
        _ => Act::Do,
    });
    world.tell_many(&["a", "b", "c"], 3).await;
    world.settle().await;
    let letters = dead_letters(&world.consumer, 0, 10).await.unwrap();
    let told: Vec<_> = letters.iter().map(|letter| (letter.event.aggregate.as_str(), letter.event.revision)).collect();
    assert_eq!(told, [("a", 2), ("c", 2), ("a", 3), ("c", 3)]);
    assert!(letters.iter().all(|letter| !letter.redrive_pending));

    world.ledger.play(|_, _| Act::Do);
    assert_eq!(world.redrive(Some("a")).await, 2);
    world.until_dead_letters_are(2).await;
    assert_eq!(world.revisions_of("a").await, [1, 2, 3]);
    assert_eq!(world.revisions_of("c").await, [1]);
    // What comes behind them is no dead letter any more.
    world.tell_many(&["a", "c"], 1).await;
    world.settle().await;
    assert_eq!(world.revisions_of("a").await, [1, 2, 3, 4]);

    assert_eq!(world.redrive(None).await, 3);
    world.until_dead_letters_are(0).await;
    assert_eq!(world.revisions_of("c").await, [1, 2, 3, 4]);
    assert_eq!(world.redrive(None).await, 0);
    world.kept().await;
}

pub async fn a_dead_letter_that_fails_again_stays_one_with_its_new_reason(world: World) {
    let (_relay, _reader) = (world.relay(), world.reader());
    world.ledger.play(|event, _| if event.revision == 2 { Act::Permanent("no such clock") } else { Act::Do });
    world.tell_many(&["a"], 3).await;
    world.settle().await;
    world.ledger.play(|event, _| if event.revision == 2 { Act::Permanent("still none") } else { Act::Do });
    assert_eq!(world.redrive(None).await, 2);
    testkit::eventually(Duration::from_secs(20), async || {
        let letters = dead_letters(&world.consumer, 0, 10).await.unwrap();
        letters.len() == 2 && letters[0].reason == "still none" && letters.iter().all(|letter| !letter.redrive_pending)
    })
    .await;
    assert_eq!(world.revisions_of("a").await, [1], "nothing overtakes it");
    assert_eq!(world.subscription().await.unwrap().dead_letters, 2);
}

impl World {
    async fn redrive(&self, aggregate: Option<&str>) -> u64 {
        let state = self.subscription().await.unwrap();
        let tx = self.consumer.begin().await.unwrap();
        assert_eq!(redrive(&tx, "nobody", aggregate).await.unwrap(), None);
        let asked = redrive(&tx, &state.subscription, aggregate).await.unwrap().unwrap();
        tx.commit().await.unwrap();
        asked
    }

    async fn until_dead_letters_are(&self, count: u64) {
        testkit::eventually(Duration::from_secs(20), async || self.subscription().await.unwrap().dead_letters == count)
            .await;
        assert_eq!(dead(self).await.len() as u64, count);
    }

    async fn revisions_of(&self, aggregate: &str) -> Vec<u64> {
        let effects = self.effects().await;
        effects.iter().filter(|effect| effect.aggregate == aggregate).map(|effect| effect.revision).collect()
    }
}

//! Two connections on PostgreSQL; SQLite's one writer hides these.

use std::time::Duration;

use database::{Database, query_one};
use keyring::{DataKey, Error, Keyring, MIGRATIONS, Owner, Purpose, Result};
use testkit::{TestDatabase, eventually};
use tokio::task::JoinHandle;

use crate::{clock, keyring};

/// Asks for the key in a transaction of its own, which then commits.
fn ask(db: &Database, keys: &Keyring, owner: &Owner, purpose: Purpose) -> JoinHandle<Result<DataKey>> {
    let (db, keys, owner) = (db.clone(), keys.clone(), owner.clone());
    tokio::spawn(async move {
        let tx = db.begin().await?;
        let key = keys.key(&tx, &owner, purpose).await;
        tx.commit().await?;
        key
    })
}

/// Returns when some transaction waits for another's lock.
async fn until_somebody_waits(db: &Database) {
    let sql = "SELECT 1 AS one FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
    eventually(Duration::from_secs(30), async || query_one(db.reader(), sql, vec![]).await.unwrap().is_some()).await;
}

#[tokio::test]
async fn two_transactions_that_use_a_key_first_get_the_same_one() {
    let test = TestDatabase::postgres(&[MIGRATIONS]).await;
    let db = test.database();
    for purpose in [Purpose::Retained, Purpose::Erasable] {
        // Two replicas, so that no memory is shared.
        let (one, two) = (keyring(&db, &clock()), keyring(&db, &clock()));
        let owner = Owner::new(format!("clients/{purpose}"));
        let tx = db.begin().await.unwrap();
        let first = one.key(&tx, &owner, purpose).await.unwrap();
        let second = ask(&db, &two, &owner, purpose);
        until_somebody_waits(&db).await;
        tx.commit().await.unwrap();
        assert_eq!(second.await.unwrap().unwrap().id(), first.id());
    }
}

#[tokio::test]
async fn of_eight_first_users_at_once_all_get_one_key() {
    let test = TestDatabase::postgres(&[MIGRATIONS]).await;
    let db = test.database();
    let owner = Owner::client("acme");
    let replicas: Vec<_> = (0..8).map(|_| keyring(&db, &clock())).collect();
    let asked: Vec<_> = replicas
        .iter()
        .enumerate()
        .map(|(at, keys)| ask(&db, keys, &owner, if at % 2 == 0 { Purpose::Erasable } else { Purpose::Retained }))
        .collect();
    let mut ids = std::collections::BTreeSet::new();
    for key in asked {
        let key = key.await.unwrap().unwrap();
        ids.insert((key.purpose(), key.id()));
    }
    assert_eq!(ids.len(), 2, "one of each purpose: {ids:?}");
}

#[tokio::test]
async fn a_first_user_whose_rival_rolls_back_makes_the_key_itself() {
    let test = TestDatabase::postgres(&[MIGRATIONS]).await;
    let db = test.database();
    let (one, two) = (keyring(&db, &clock()), keyring(&db, &clock()));
    let owner = Owner::client("acme");
    let tx = db.begin().await.unwrap();
    let lost = one.key(&tx, &owner, Purpose::Erasable).await.unwrap();
    let second = ask(&db, &two, &owner, Purpose::Erasable);
    until_somebody_waits(&db).await;
    tx.rollback().await.unwrap();
    assert_ne!(second.await.unwrap().unwrap().id(), lost.id());
}

#[tokio::test]
async fn a_first_use_during_an_erasure_gets_no_key() {
    let test = TestDatabase::postgres(&[MIGRATIONS]).await;
    let db = test.database();
    let (one, two) = (keyring(&db, &clock()), keyring(&db, &clock()));
    for purpose in [Purpose::Erasable, Purpose::Retained] {
        let owner = Owner::new(format!("clients/{purpose}"));
        let tx = db.begin().await.unwrap();
        one.erase(&tx, &owner).await.unwrap();
        let late = ask(&db, &two, &owner, purpose);
        until_somebody_waits(&db).await;
        tx.commit().await.unwrap();
        assert!(matches!(late.await.unwrap(), Err(Error::Erased { .. })), "{purpose}");
    }
}

#[tokio::test]
async fn an_erasure_during_a_first_use_waits_and_then_destroys_the_key() {
    let test = TestDatabase::postgres(&[MIGRATIONS]).await;
    let db = test.database();
    let (one, two) = (keyring(&db, &clock()), keyring(&db, &clock()));
    let owner = Owner::client("acme");
    let tx = db.begin().await.unwrap();
    one.key(&tx, &owner, Purpose::Retained).await.unwrap();
    let erasure = {
        let (db, owner) = (db.clone(), owner.clone());
        tokio::spawn(async move {
            let tx = db.begin().await.unwrap();
            two.erase(&tx, &owner).await.unwrap();
            tx.commit().await.unwrap();
        })
    };
    until_somebody_waits(&db).await;
    tx.commit().await.unwrap();
    erasure.await.unwrap();
    let fresh = keyring(&db, &clock());
    let erasable = fresh.key(db.writer(), &owner, Purpose::Erasable).await;
    assert!(matches!(erasable, Err(Error::Erased { .. })));
    assert!(fresh.key(db.writer(), &owner, Purpose::Retained).await.is_ok(), "made before the erasure");
}

#[tokio::test]
async fn an_erasure_waits_for_the_first_use_of_the_retained_key_of_a_known_owner() {
    let test = TestDatabase::postgres(&[MIGRATIONS]).await;
    let db = test.database();
    let (one, two) = (keyring(&db, &clock()), keyring(&db, &clock()));
    let owner = Owner::client("acme");
    one.key(db.writer(), &owner, Purpose::Erasable).await.unwrap();
    let tx = db.begin().await.unwrap();
    let retained = one.key(&tx, &owner, Purpose::Retained).await.unwrap();
    let erasure = {
        let (db, owner) = (db.clone(), owner.clone());
        tokio::spawn(async move { two.erase(db.writer(), &owner).await })
    };
    until_somebody_waits(&db).await;
    tx.commit().await.unwrap();
    erasure.await.unwrap().unwrap();
    assert_eq!(one.key(db.writer(), &owner, Purpose::Retained).await.unwrap().id(), retained.id());
}

use database::query_one;
use jiff::SignedDuration;
use keyring::{Error, Owner, Purpose, Retention};
use testkit::{TestDatabase, both_databases};

use crate::{EMAIL, clock, keyring};

both_databases!(&[keyring::MIGRATIONS];
    what_was_erased_opens_nowhere_and_a_late_event_makes_no_new_key,
    an_owner_erased_before_any_use_gets_no_key_of_either_kind,
    an_erasure_done_twice_keeps_its_first_time_and_one_rolled_back_did_nothing,
    a_retained_key_has_its_legal_basis_and_ends_with_its_date,
);

async fn what_was_erased_opens_nowhere_and_a_late_event_makes_no_new_key(test: TestDatabase) {
    let db = test.database();
    let keys = keyring(&db, &clock());
    let owner = Owner::client("acme");
    let tx = db.begin().await.unwrap();
    let stored = keys.seal(&tx, &owner, Purpose::Erasable, EMAIL, "anna").await.unwrap();
    let kept = keys.seal(&tx, &owner, Purpose::Retained, EMAIL, "invoice").await.unwrap();
    tx.commit().await.unwrap();

    let tx = db.begin().await.unwrap();
    keys.erase(&tx, &owner).await.unwrap();
    tx.commit().await.unwrap();

    let conn = db.writer();
    let opened = keys.open(conn, &owner, Purpose::Erasable, EMAIL, &stored).await;
    assert!(matches!(opened, Err(Error::Erased { .. })), "at once in the process that erased");
    let late = keys.seal(conn, &owner, Purpose::Erasable, EMAIL, "late").await;
    assert!(matches!(late, Err(Error::Erased { .. })));
    let opened = keys.open(conn, &owner, Purpose::Retained, EMAIL, &kept).await;
    assert_eq!(opened.unwrap(), "invoice", "what law requires to keep is kept");

    let sql = "SELECT COUNT(*) AS live FROM data_key WHERE purpose = 'erasable' AND wrapped IS NOT NULL";
    let live: i64 = query_one(conn, sql, vec![]).await.unwrap().unwrap().try_get("", "live").unwrap();
    assert_eq!(live, 0);
}

async fn an_owner_erased_before_any_use_gets_no_key_of_either_kind(test: TestDatabase) {
    let db = test.database();
    let conn = db.writer();
    let keys = keyring(&db, &clock());
    let owner = Owner::client("acme");
    keys.erase(conn, &owner).await.unwrap();
    for purpose in [Purpose::Erasable, Purpose::Retained] {
        assert!(matches!(keys.key(conn, &owner, purpose).await, Err(Error::Erased { .. })), "{purpose}");
    }
    assert!(keys.key(conn, &Owner::client("bolt"), Purpose::Erasable).await.is_ok());
}

async fn an_erasure_done_twice_keeps_its_first_time_and_one_rolled_back_did_nothing(test: TestDatabase) {
    let db = test.database();
    let clock = clock();
    let keys = keyring(&db, &clock);
    let (acme, bolt) = (Owner::client("acme"), Owner::client("bolt"));
    let conn = db.writer();
    let destroyed = async || -> i64 {
        let sql = "SELECT destroyed_time FROM data_key WHERE owner = 'clients/acme'";
        query_one(db.reader(), sql, vec![]).await.unwrap().unwrap().try_get("", "destroyed_time").unwrap()
    };
    keys.erase(conn, &acme).await.unwrap();
    let first = destroyed().await;
    clock.advance(SignedDuration::from_hours(1));
    keys.erase(conn, &acme).await.unwrap();
    assert_eq!(destroyed().await, first);

    let stored = keys.seal(conn, &bolt, Purpose::Erasable, EMAIL, "bert").await.unwrap();
    let tx = db.begin().await.unwrap();
    keys.erase(&tx, &bolt).await.unwrap();
    tx.rollback().await.unwrap();
    assert_eq!(keys.open(conn, &bolt, Purpose::Erasable, EMAIL, &stored).await.unwrap(), "bert");
}

async fn a_retained_key_has_its_legal_basis_and_ends_with_its_date(test: TestDatabase) {
    let db = test.database();
    let clock = clock();
    let keys = keyring(&db, &clock);
    let (acme, bolt) = (Owner::client("acme"), Owner::client("bolt"));
    let conn = db.writer();
    assert_eq!(keys.retention(conn, &acme).await.unwrap(), None);
    let until = "2036-12-31T23:00:00Z".parse().unwrap();
    let stored = keys.seal(conn, &acme, Purpose::Retained, EMAIL, "invoice").await.unwrap();
    keys.retain(conn, &acme, "HGB section 257", until).await.unwrap();
    keys.key(conn, &bolt, Purpose::Retained).await.unwrap();
    keys.erase(conn, &acme).await.unwrap();
    let mut expected = Retention { legal_basis: "HGB section 257".into(), until: Some(until), ended: false };
    assert_eq!(keys.retention(conn, &acme).await.unwrap().unwrap(), expected);

    let before = until - SignedDuration::from_micros(1);
    assert!(keys.end_retentions(conn, before, 10).await.unwrap().is_empty());
    assert_eq!(keys.open(conn, &acme, Purpose::Retained, EMAIL, &stored).await.unwrap(), "invoice");
    assert_eq!(keys.end_retentions(conn, until, 10).await.unwrap(), std::slice::from_ref(&acme));
    assert!(keys.end_retentions(conn, until, 10).await.unwrap().is_empty());
    expected.ended = true;
    assert_eq!(keys.retention(conn, &acme).await.unwrap().unwrap(), expected);
    let opened = keys.open(conn, &acme, Purpose::Retained, EMAIL, &stored).await;
    assert!(matches!(opened, Err(Error::Erased { .. })));
    let late = keys.retain(conn, &acme, "another", until).await;
    assert!(matches!(late, Err(Error::Erased { .. })));
}

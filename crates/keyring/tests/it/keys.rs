use database::{exec, query_one};
use jiff::SignedDuration;
use keyring::{Error, Kek, Keyring, MIGRATIONS, Owner, Place, Purpose};
use testkit::{TestDatabase, both_databases};

use crate::{EMAIL, clock, keyring};

both_databases!(&[keyring::MIGRATIONS];
    a_key_is_made_on_first_use_and_stays_the_same,
    text_is_sealed_and_opened_in_one_step_and_only_in_its_own_place,
    a_key_made_in_a_transaction_that_was_rolled_back_is_never_used_again,
    a_wrong_key_encryption_key_is_told_as_such,
    a_wrapped_key_that_was_altered_or_given_to_another_owner_is_refused,
);

const ACME: &str = "clients/acme";

async fn a_key_is_made_on_first_use_and_stays_the_same(test: TestDatabase) {
    let db = test.database();
    let keys = keyring(&db, &clock());
    let owner = Owner::client("acme");
    let missing = keys.existing_key(db.reader(), &owner, Purpose::Erasable).await;
    assert!(matches!(missing, Err(Error::NoKey { .. })));

    let tx = db.begin().await.unwrap();
    let first = keys.key(&tx, &owner, Purpose::Erasable).await.unwrap();
    let again = keys.key(&tx, &owner, Purpose::Erasable).await.unwrap();
    let retained = keys.key(&tx, &owner, Purpose::Retained).await.unwrap();
    let other = keys.key(&tx, &Owner::staff(), Purpose::Erasable).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(first.id(), again.id());
    assert_ne!(first.id(), retained.id());
    assert_ne!(first.id(), other.id());

    let later = keyring(&db, &clock()).existing_key(db.reader(), &owner, Purpose::Erasable).await.unwrap();
    assert_eq!(later.id(), first.id());
    let stored = keys.encrypt_text(&first, EMAIL, "anna@acme.example").unwrap();
    assert_eq!(keys.decrypt_text(&later, EMAIL, &stored).unwrap(), "anna@acme.example");
}

async fn text_is_sealed_and_opened_in_one_step_and_only_in_its_own_place(test: TestDatabase) {
    let db = test.database();
    let keys = keyring(&db, &clock());
    let (acme, bolt) = (Owner::from(ACME), Owner::client("bolt"));
    let tx = db.begin().await.unwrap();
    let stored = keys.seal(&tx, &acme, Purpose::Erasable, EMAIL, "anna@acme.example").await.unwrap();
    keys.key(&tx, &acme, Purpose::Retained).await.unwrap();
    keys.key(&tx, &bolt, Purpose::Erasable).await.unwrap();
    tx.commit().await.unwrap();
    assert!(!stored.windows(4).any(|bytes| bytes == b"anna"));

    let conn = db.reader();
    assert_eq!(keys.open(conn, &acme, Purpose::Erasable, EMAIL, &stored).await.unwrap(), "anna@acme.example");
    for place in [Place { row: "2", ..EMAIL }, Place { column: "phone", ..EMAIL }, Place { table: "x", ..EMAIL }] {
        let moved = keys.open(conn, &acme, Purpose::Erasable, place, &stored).await;
        assert!(matches!(moved, Err(Error::Refused { .. })), "{place}");
    }
    for (owner, purpose) in [(&acme, Purpose::Retained), (&bolt, Purpose::Erasable)] {
        let moved = keys.open(conn, owner, purpose, EMAIL, &stored).await;
        assert!(matches!(moved, Err(Error::Refused { .. })), "{owner} {purpose}");
    }
    let never = keys.open(conn, &Owner::client("none"), Purpose::Erasable, EMAIL, &stored).await;
    assert!(matches!(never, Err(Error::NoKey { .. })));
    for bytes in [&b""[..], b"\x02anna", b"\x01short"] {
        let malformed = keys.open(conn, &acme, Purpose::Erasable, EMAIL, bytes).await;
        assert!(matches!(malformed, Err(Error::Malformed(_))));
    }
    let no_text = keys.seal_bytes(conn, &acme, Purpose::Erasable, EMAIL, &[0xff, 0xfe]).await.unwrap();
    assert!(matches!(keys.open(conn, &acme, Purpose::Erasable, EMAIL, &no_text).await, Err(Error::Malformed(_))));
    let bytes = keys.open_bytes(conn, &acme, Purpose::Erasable, EMAIL, &no_text).await.unwrap();
    assert_eq!(bytes, [0xff, 0xfe]);
}

async fn a_key_made_in_a_transaction_that_was_rolled_back_is_never_used_again(test: TestDatabase) {
    let db = test.database();
    let keys = keyring(&db, &clock());
    let owner = Owner::from(ACME);
    let tx = db.begin().await.unwrap();
    let lost = keys.key(&tx, &owner, Purpose::Erasable).await.unwrap();
    assert_eq!(lost.id(), keys.key(&tx, &owner, Purpose::Erasable).await.unwrap().id());
    tx.rollback().await.unwrap();

    let tx = db.begin().await.unwrap();
    let stored = keys.seal(&tx, &owner, Purpose::Erasable, EMAIL, "anna").await.unwrap();
    tx.commit().await.unwrap();
    let fresh = keyring(&db, &clock());
    assert_eq!(fresh.open(db.reader(), &owner, Purpose::Erasable, EMAIL, &stored).await.unwrap(), "anna");
    let kept = keys.existing_key(db.reader(), &owner, Purpose::Erasable).await.unwrap();
    assert_ne!(kept.id(), lost.id());
}

#[tokio::test]
async fn an_unwrapped_key_is_kept_for_sixty_seconds_and_not_longer() {
    let test = TestDatabase::sqlite(&[MIGRATIONS]).await;
    let db = test.database();
    let clock = clock();
    let (here, elsewhere) = (keyring(&db, &clock), keyring(&db, &clock));
    let owner = Owner::from(ACME);
    let conn = db.writer();
    let stored = here.seal(conn, &owner, Purpose::Erasable, EMAIL, "anna").await.unwrap();
    assert_eq!(here.keys_in_memory(), 1);
    elsewhere.erase(conn, &owner).await.unwrap();

    clock.advance(SignedDuration::from_millis(59_999));
    assert_eq!(here.open(conn, &owner, Purpose::Erasable, EMAIL, &stored).await.unwrap(), "anna");
    assert!(
        matches!(here.key(conn, &owner, Purpose::Erasable).await, Err(Error::Erased { .. })),
        "nothing new is encrypted under a key that was destroyed elsewhere"
    );
    clock.advance(SignedDuration::from_millis(1));
    let opened = here.open(conn, &owner, Purpose::Erasable, EMAIL, &stored).await;
    assert!(matches!(opened, Err(Error::Erased { .. })), "use does not lengthen its life");
    assert_eq!(here.keys_in_memory(), 0);
}

#[tokio::test]
async fn an_idle_process_forgets_its_keys_too() {
    let test = TestDatabase::sqlite(&[MIGRATIONS]).await;
    let db = test.database();
    let clock = clock();
    let keys = keyring(&db, &clock);
    keys.key(db.writer(), &Owner::from(ACME), Purpose::Erasable).await.unwrap();
    assert_eq!(keys.keys_in_memory(), 1);
    // The task that wipes has not run yet: it finds one millisecond left, and waits for that.
    clock.advance(SignedDuration::from_millis(59_999));
    tokio::task::yield_now().await;
    assert_eq!(keys.keys_in_memory(), 1);
    clock.advance(SignedDuration::from_millis(1));
    testkit::eventually(std::time::Duration::from_secs(10), async || keys.keys_in_memory() == 0).await;
}

async fn a_wrong_key_encryption_key_is_told_as_such(test: TestDatabase) {
    let db = test.database();
    let clock = clock();
    let right = keyring(&db, &clock);
    right.check().await.unwrap();
    let owner = Owner::from(ACME);
    right.key(db.writer(), &owner, Purpose::Erasable).await.unwrap();
    right.check().await.unwrap();

    let kek = Kek::generate().unwrap();
    let fingerprint = kek.fingerprint().to_owned();
    let wrong = Keyring::new(kek, db.clone(), std::sync::Arc::new(clock));
    for error in
        [wrong.check().await.unwrap_err(), wrong.key(db.writer(), &owner, Purpose::Erasable).await.unwrap_err()]
    {
        let said = error.to_string();
        assert!(matches!(error, Error::WrongKek { .. }), "{said}");
        assert!(said.contains(&fingerprint) && said.contains(crate::kek().fingerprint()), "{said}");
    }
}

async fn a_wrapped_key_that_was_altered_or_given_to_another_owner_is_refused(test: TestDatabase) {
    let db = test.database();
    let conn = db.writer();
    let keys = keyring(&db, &clock());
    for owner in [ACME, "clients/bolt"] {
        keys.key(conn, &Owner::from(owner), Purpose::Erasable).await.unwrap();
    }
    let sql = "SELECT key_id, wrapped FROM data_key WHERE owner = ?";
    let row = query_one(conn, sql, vec![ACME.into()]).await.unwrap().unwrap();
    let (id, mut wrapped): (String, Vec<u8>) =
        (row.try_get("", "key_id").unwrap(), row.try_get("", "wrapped").unwrap());
    let swap = "UPDATE data_key SET key_id = ?, wrapped = ? WHERE owner = 'clients/bolt'";
    exec(conn, swap, vec![id.into(), wrapped.clone().into()]).await.unwrap();
    wrapped[20] ^= 1;
    exec(conn, "UPDATE data_key SET wrapped = ? WHERE owner = ?", vec![wrapped.into(), ACME.into()]).await.unwrap();

    let fresh = keyring(&db, &clock());
    for owner in [ACME, "clients/bolt"] {
        let refused = fresh.key(conn, &Owner::from(owner), Purpose::Erasable).await;
        assert!(matches!(refused, Err(Error::AlteredKey { .. })), "{owner}");
    }
}

#[tokio::test]
async fn no_secret_shows_in_debug_output_or_in_the_database() {
    let test = TestDatabase::sqlite(&[MIGRATIONS]).await;
    let db = test.database();
    let keys = keyring(&db, &clock());
    let owner = Owner::from(ACME);
    let key = keys.key(db.writer(), &owner, Purpose::Erasable).await.unwrap();
    let stored = keys.encrypt_text(&key, EMAIL, "anna@acme.example").unwrap();
    let refused = keys.decrypt(&key, Place { row: "2", ..EMAIL }, &stored).unwrap_err();
    for text in [format!("{keys:?}"), format!("{key:?}"), format!("{refused:?} {refused}")] {
        for secret in [crate::KEK, "KKKKKKKK", &"4b".repeat(8), "75, 75, 75", "anna@acme"] {
            assert!(!text.contains(secret), "{text}");
        }
    }
    let sql = "SELECT wrapped FROM data_key";
    let wrapped: Vec<u8> = query_one(db.reader(), sql, vec![]).await.unwrap().unwrap().try_get("", "wrapped").unwrap();
    assert_eq!(wrapped.len(), 12 + 32 + 16, "nonce, key and tag, nothing in the clear");
}

#[tokio::test]
async fn a_blind_index_is_the_same_in_every_process_with_the_same_key() {
    let test = TestDatabase::sqlite(&[MIGRATIONS]).await;
    let db = test.database();
    let (one, two) = (keyring(&db, &clock()), keyring(&db, &clock()));
    let index = one.blind_index("email", "anna@acme.example");
    assert_eq!(index, two.blind_index("email", "anna@acme.example"));
    assert_ne!(index, two.blind_index("email", "bert@acme.example"));
    assert!(index.len() == 64 && index.bytes().all(|digit| digit.is_ascii_hexdigit()));
}

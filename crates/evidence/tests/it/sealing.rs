use std::{collections::BTreeSet, sync::Arc, time::Duration};

use business_time::WallClock;
use database::Database;
use evidence::{AuditEntry, MIGRATIONS, Sealer, audit};
use jiff::SignedDuration;
use testkit::{TestDatabase, both_databases, eventually};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::{clock, entry, insert, sealed, sealer};

both_databases!(&[evidence::MIGRATIONS];
    a_committed_row_is_unsealed_until_it_is_sealed_and_one_rolled_back_never_was,
    the_unsealed_tail_is_named_by_a_verification,
    what_eight_writers_commit_at_once_is_sealed_densely_behind_them,
    one_sealer_works_at_a_time_and_another_takes_over_when_its_lease_ran_out,
    a_running_sealer_seals_what_it_is_woken_for,
    a_burst_becomes_few_blocks_and_none_grows_past_its_bounds,
);

async fn a_committed_row_is_unsealed_until_it_is_sealed_and_one_rolled_back_never_was(test: TestDatabase) {
    let db = test.database();
    let tx = db.begin().await.unwrap();
    insert(&tx, &["cases/kept"]).await;
    tx.commit().await.unwrap();
    let tx = db.begin().await.unwrap();
    insert(&tx, &["cases/undone"]).await;
    tx.rollback().await.unwrap();
    insert(db.writer(), &["cases/late"]).await;

    let before = audit::activity(&db).await.unwrap();
    assert_eq!((before.unsealed, before.sealed_through), (2, 0));
    assert_eq!(before.head, evidence::Hash::ZERO);

    let sealer = sealer(&db);
    assert_eq!(sealer.seal_once().await.unwrap(), 2);
    assert_eq!(sealer.seal_once().await.unwrap(), 0);
    let after = audit::activity(&db).await.unwrap();
    assert_eq!((after.unsealed, after.sealed_through), (0, 2));
    let verdict = audit::verify(&db).await.unwrap();
    assert!(verdict.consistent(), "{:?}", verdict.finding);
    assert_eq!((verdict.verified.count, verdict.verified.hash), (2, after.head));
    assert_eq!(sealed(&db).await, ["cases/kept", "cases/late"]);
}

async fn the_unsealed_tail_is_named_by_a_verification(test: TestDatabase) {
    let db = test.database();
    insert(db.writer(), &["cases/1", "cases/2"]).await;
    sealer(&db).seal_once().await.unwrap();
    insert(db.writer(), &["cases/3", "cases/4", "cases/5"]).await;
    let verdict = audit::verify(&db).await.unwrap();
    assert!(verdict.consistent());
    assert_eq!((verdict.verified.count, verdict.unsealed), (2, 3));
}

#[tokio::test]
async fn a_row_with_a_lower_id_that_commits_later_is_numbered_later() {
    let test = TestDatabase::postgres(&[MIGRATIONS]).await;
    let db = test.database();
    let early = db.begin().await.unwrap();
    insert(&early, &["cases/lower-id"]).await;
    insert(db.writer(), &["cases/higher-id"]).await;
    let sealer = sealer(&db);
    assert_eq!(sealer.seal_once().await.unwrap(), 1);
    early.commit().await.unwrap();
    assert_eq!(sealer.seal_once().await.unwrap(), 1);
    assert_eq!(sealed(&db).await, ["cases/higher-id", "cases/lower-id"]);
    assert!(audit::verify(&db).await.unwrap().consistent());
}

/// Eight writers, each with 40 transactions of which every fifth is rolled back; returns what was committed.
async fn write(db: &Database) -> BTreeSet<String> {
    let mut writers = JoinSet::new();
    for writer in 0..8 {
        let db = db.clone();
        writers.spawn(async move {
            let mut committed = Vec::new();
            for at in 0..40 {
                let tx = db.begin().await.unwrap();
                let name = format!("cases/{writer}-{at}");
                insert(&tx, &[&name]).await;
                if at % 5 == 4 {
                    tx.rollback().await.unwrap();
                } else {
                    tx.commit().await.unwrap();
                    committed.push(name);
                }
            }
            committed
        });
    }
    writers.join_all().await.into_iter().flatten().collect()
}

async fn all_is_sealed_once(db: &Database, committed: BTreeSet<String>) {
    let rows = sealed(db).await;
    assert_eq!(rows.len(), committed.len());
    assert_eq!(rows.into_iter().collect::<BTreeSet<_>>(), committed);
    let verdict = audit::verify(db).await.unwrap();
    assert!(verdict.consistent(), "{:?}", verdict.finding);
    assert_eq!(verdict.unsealed, 0);
}

async fn what_eight_writers_commit_at_once_is_sealed_densely_behind_them(test: TestDatabase) {
    let db = test.database();
    let sealer = Sealer::new(db.clone(), Arc::new(WallClock));
    let stop = CancellationToken::new();
    let running = tokio::spawn({
        let (sealer, stop) = (sealer.clone(), stop.clone());
        async move { sealer.run(stop).await }
    });
    let committed = write(&db).await;
    assert_eq!(committed.len(), 8 * 32);
    stop.cancel();
    running.await.unwrap();
    all_is_sealed_once(&db, committed).await;
}

#[tokio::test]
async fn two_sealers_at_once_do_no_harm_even_without_a_lease_between_them() {
    let test = TestDatabase::postgres(&[MIGRATIONS]).await;
    let db = test.database();
    // Each believes that the other's lease ran out an hour ago, in turn: only the seal's row lock is left.
    let clocks = [clock(), clock()];
    let sealers = clocks.clone().map(|clock| Sealer::new(db.clone(), Arc::new(clock)));
    let stop = CancellationToken::new();
    let mut running = JoinSet::new();
    for (sealer, clock) in sealers.into_iter().zip(clocks) {
        let stop = stop.clone();
        running.spawn(async move {
            let mut rows = 0;
            while !stop.is_cancelled() {
                clock.advance(SignedDuration::from_hours(1));
                rows += sealer.seal_once().await.unwrap();
            }
            rows
        });
    }
    let committed = write(&db).await;
    eventually(Duration::from_secs(30), async || audit::activity(&db).await.unwrap().unsealed == 0).await;
    stop.cancel();
    let rows = running.join_all().await;
    assert_eq!(rows.iter().sum::<u64>(), committed.len() as u64, "no row was sealed twice: {rows:?}");
    all_is_sealed_once(&db, committed).await;
}

async fn one_sealer_works_at_a_time_and_another_takes_over_when_its_lease_ran_out(test: TestDatabase) {
    let db = test.database();
    let clock = clock();
    let [one, two] = [(); 2].map(|()| Sealer::new(db.clone(), Arc::new(clock.clone())));
    insert(db.writer(), &["cases/1"]).await;
    assert_eq!(one.seal_once().await.unwrap(), 1);
    insert(db.writer(), &["cases/2"]).await;
    assert_eq!(two.seal_once().await.unwrap(), 0, "the first one's lease holds");
    clock.advance(SignedDuration::from_millis(500));
    assert_eq!(two.seal_once().await.unwrap(), 1);
    insert(db.writer(), &["cases/3"]).await;
    assert_eq!(one.seal_once().await.unwrap(), 0, "it lost its lease");
    // A sealer that is told to stop gives the lease back.
    let stop = CancellationToken::new();
    stop.cancel();
    two.run(stop).await;
    insert(db.writer(), &["cases/4"]).await;
    assert_eq!(one.seal_once().await.unwrap(), 1);
    assert_eq!(sealed(&db).await, ["cases/1", "cases/2", "cases/3", "cases/4"]);
}

async fn a_running_sealer_seals_what_it_is_woken_for(test: TestDatabase) {
    let db = test.database();
    let sealer = Sealer::new(db.clone(), Arc::new(WallClock));
    let stop = CancellationToken::new();
    let running = tokio::spawn({
        let (sealer, stop) = (sealer.clone(), stop.clone());
        async move { sealer.run(stop).await }
    });
    for round in 1..=3 {
        insert(db.writer(), &["cases/1"]).await;
        sealer.wake();
        let sealed = async || audit::activity(&db).await.unwrap().sealed_through == round;
        eventually(Duration::from_secs(30), sealed).await;
    }
    stop.cancel();
    running.await.unwrap();
}

async fn a_burst_becomes_few_blocks_and_none_grows_past_its_bounds(test: TestDatabase) {
    let db = test.database();
    let tx = db.begin().await.unwrap();
    for at in 0..1_201 {
        insert(&tx, &[&format!("cases/{at}")]).await;
    }
    tx.commit().await.unwrap();
    assert_eq!(sealer(&db).seal_once().await.unwrap(), 1_201);
    let blocks = audit::export_all(&db).await.unwrap();
    assert_eq!(blocks.iter().map(|block| block.rows.len()).collect::<Vec<_>>(), [500, 500, 201]);

    // A read of very many resources becomes several rows, and large rows make small blocks.
    let names: Vec<_> = (0..25_000).map(|at| format!("clients/acme/contacts/{at:0>60}")).collect();
    let wide = AuditEntry { resources: names.clone(), ..entry("") };
    audit::insert(db.writer(), &wide).await.unwrap();
    assert_eq!(sealer(&db).seal_once().await.unwrap(), 0, "the first sealer's lease holds");
    let later = clock();
    later.advance(SignedDuration::from_secs(1));
    assert_eq!(Sealer::new(db.clone(), Arc::new(later)).seal_once().await.unwrap(), 25);
    let blocks = audit::export_all(&db).await.unwrap();
    assert_eq!(blocks[3..].iter().map(|block| block.rows.len()).collect::<Vec<_>>(), [12, 12, 1]);
    let told: Vec<_> = blocks[3..].iter().flat_map(|block| &block.rows).flat_map(|row| &row.resources).collect();
    assert!(told.into_iter().eq(&names));
    assert!(audit::verify(&db).await.unwrap().consistent());
}

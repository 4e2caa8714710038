//! What a caller may rely on when somebody gives up, or the server goes away.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use database::{Database, MigrationSet, Step, exec, query_one};
use futures_util::poll;
use testkit::{TestDatabase, both_databases};

const TABLES: MigrationSet = MigrationSet {
    owner: "test",
    steps: &[Step { name: "0001_note", sql: "CREATE TABLE note (id {bigint} PRIMARY KEY);" }],
};

both_databases!(&[TABLES];
    a_begin_that_is_given_up_half_way_leaves_no_transaction_behind,
);

async fn count(db: &Database) -> i64 {
    let row = query_one(db.reader(), "SELECT COUNT(*) AS n FROM note", vec![]).await.unwrap();
    row.unwrap().try_get("", "n").unwrap()
}

async fn a_begin_that_is_given_up_half_way_leaves_no_transaction_behind(test: TestDatabase) {
    let (one, other) = (Database::connect_with(test.url(), 1).await.unwrap(), test.database());
    for id in 1..=60 {
        // Given up a little later each time, so that sometimes the BEGIN is on its way and nobody waits for its answer.
        let mut begun = Box::pin(one.begin());
        for _ in 0..id {
            if poll!(&mut begun).is_ready() {
                break;
            }
            tokio::task::yield_now().await;
        }
        drop(begun);
        exec(one.writer(), "INSERT INTO note (id) VALUES (?)", vec![id.into()]).await.unwrap();
        assert_eq!(count(&other).await, id, "what was written is seen by everybody");
    }
}

/// The server ends every connection, as it does when it restarts.
#[test]
fn a_connection_that_the_server_has_ended_costs_no_transaction() {
    testkit::run(async {
        let test = TestDatabase::postgres(&[TABLES]).await;
        let db = Database::connect_with(test.url(), 4).await.unwrap();
        let held = futures_util::future::join_all((0..4).map(|_| db.begin())).await;
        drop(held);
        let end = "SELECT COUNT(pg_terminate_backend(pid)) AS n FROM pg_stat_activity \
                   WHERE datname = current_database() AND pid <> pg_backend_pid()";
        query_one(test.database().reader(), end, vec![]).await.unwrap();
        let tx = db.begin().await.unwrap();
        exec(&tx, "INSERT INTO note (id) VALUES (1)", vec![]).await.unwrap();
        tx.commit().await.unwrap();
    });
}

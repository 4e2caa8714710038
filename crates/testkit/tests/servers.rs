//! The servers that tests run on.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use database::{MigrationSet, Step, exec, query_one};
use redis::AsyncCommands;
use testkit::{TestDatabase, TestRedis, both_databases, eventually, eventually_some};

const SETS: &[MigrationSet] = &[MigrationSet {
    owner: "testkit",
    steps: &[Step { name: "0001_note", sql: "CREATE TABLE note (id {serial}, words {text} NOT NULL);" }],
}];

both_databases!(
    SETS;
    each_test_has_a_migrated_database_of_its_own,
    a_second_pool_sees_what_the_first_wrote,
    a_backup_is_of_one_moment_and_disturbs_nobody,
);

async fn write(db: &database::Database, words: &str) {
    exec(db.writer(), "INSERT INTO note (words) VALUES (?)", vec![words.into()]).await.unwrap();
}

async fn count(db: &database::Database) -> i64 {
    let row = query_one(db.reader(), "SELECT count(*) AS many FROM note", vec![]).await.unwrap().unwrap();
    row.try_get("", "many").unwrap()
}

async fn each_test_has_a_migrated_database_of_its_own(test: TestDatabase) {
    let other = TestDatabase::new(test.backend(), SETS).await;
    assert_ne!(test.url(), other.url());
    write(&test.database(), "here").await;
    assert_eq!((count(&test.database()).await, count(&other.database()).await), (1, 0));
    assert_eq!(test.database().pending(SETS).await.unwrap(), [""; 0]);
}

async fn a_second_pool_sees_what_the_first_wrote(test: TestDatabase) {
    write(&test.database(), "here").await;
    assert_eq!(count(&test.another().await).await, 1);
}

async fn a_backup_is_of_one_moment_and_disturbs_nobody(test: TestDatabase) {
    let db = test.database();
    write(&db, "before").await;
    let backup = test.backup().await;
    write(&db, "after").await;
    let restored = backup.restore().await;
    assert_eq!((count(&restored.database()).await, count(&db).await), (1, 2));
    write(&restored.database(), "the sequence goes on").await;
}

#[test]
fn a_postgresql_database_is_gone_after_its_test() {
    testkit::run(async {
        let test = TestDatabase::postgres(SETS).await;
        let url = test.url().to_owned();
        drop(test);
        assert!(database::Database::connect_with(&url, 1).await.is_err());
    });
}

#[test]
fn a_redis_is_emptied_stopped_started_and_set_back() {
    testkit::run(async {
        let began = Instant::now();
        let mut redis = TestRedis::start().await;
        assert!(began.elapsed() < Duration::from_secs(2));
        let value = async |redis: &TestRedis| redis.connection().await.get::<_, Option<i64>>("key").await.unwrap();
        let set = async |redis: &TestRedis, to: i64| {
            redis.connection().await.set::<_, _, ()>("key", to).await.unwrap();
        };

        set(&redis, 1).await;
        let dump = redis.dump().await;
        set(&redis, 2).await;
        redis.restart().await;
        assert_eq!(value(&redis).await, Some(2), "a clean restart keeps everything");
        redis.rewind(&dump).await;
        assert_eq!(value(&redis).await, Some(1), "set back to the dump");
        redis.flush().await;
        assert_eq!(value(&redis).await, None);

        let url = redis.url();
        redis.stop();
        assert!(redis.client().get_multiplexed_async_connection().await.is_err());
        redis.restart_empty().await;
        assert_eq!(redis.url(), url);
        assert_eq!(value(&redis).await, None);
        drop(redis);
        assert!(redis::Client::open(url).unwrap().get_multiplexed_async_connection().await.is_err());
    });
}

const STARTS: &str = "LIAISON_TEST_STARTS_A_REDIS";

#[test]
fn a_redis_ends_with_its_test_process_even_where_that_was_killed() {
    if std::env::var_os(STARTS).is_some() {
        return testkit::run(async {
            let redis = TestRedis::start().await;
            println!("redis at {}", redis.url());
            std::future::pending::<()>().await;
        });
    }
    let mut process = Command::new(std::env::current_exe().unwrap())
        .args(["a_redis_ends_with_its_test_process_even_where_that_was_killed", "--exact", "--nocapture"])
        .env(STARTS, "yes")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let url =
        lines.map(|line| line.unwrap()).find_map(|line| line.split("redis at ").nth(1).map(str::to_owned)).unwrap();
    let reachable =
        async || redis::Client::open(url.as_str()).unwrap().get_multiplexed_async_connection().await.is_ok();
    testkit::run(async {
        assert!(reachable().await);
        process.kill().unwrap();
        process.wait().unwrap();
        eventually(Duration::from_secs(5), async || !reachable().await).await;
    });
}

#[test]
fn what_happens_at_last_is_waited_for_and_no_longer() {
    testkit::run(async {
        let mut looked = 0;
        let found = eventually_some(Duration::from_secs(5), async || {
            looked += 1;
            (looked == 3).then_some(looked)
        });
        assert_eq!(found.await, 3);
        eventually(Duration::ZERO, async || true).await;
    });
}

#[test]
#[should_panic(expected = "servers.rs")]
fn what_never_happens_fails_and_names_the_place() {
    testkit::run(eventually(Duration::from_millis(5), async || false));
}

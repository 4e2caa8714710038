//! The built-in scenario.

use database::query_one;
use liaison::settings::{Databases, Settings};
use testkit::{TestDatabase, TestRedis};

use crate::play::{play, rows};

const CLAUSES: [&str; 13] = ["2", "4.2", "4.3", "4.4", "5", "6", "6 meetings", "7", "8.1", "8.2", "8.3", "8.4", "9"];

#[tokio::test(flavor = "multi_thread")]
async fn every_clause_is_exercised_and_kept() {
    let (passed, table) = play(&Settings::default(), None).await;
    assert_eq!(table.rows.iter().map(|row| row.clause).collect::<Vec<_>>(), CLAUSES);
    for row in &table.rows {
        assert_eq!(row.verdict.as_str(), "kept", "{table}");
        assert!(row.population > 0, "{table}");
        assert!(!row.evidence.is_empty(), "{table}");
    }
    assert!(passed && table.passed(), "{table}");
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgresql_and_redis_the_story_gives_the_same_table() {
    let (registry, escalation, notification, reporting, redis) = tokio::join!(
        TestDatabase::postgres(&[]),
        TestDatabase::postgres(&[]),
        TestDatabase::postgres(&[]),
        TestDatabase::postgres(&[]),
        TestRedis::start()
    );
    let server = Settings {
        database: Databases {
            client_registry: Some(registry.url().into()),
            escalation: Some(escalation.url().into()),
            notification: Some(notification.url().into()),
            reporting: Some(reporting.url().into()),
        },
        redis: Some(redis.url().into()),
        ..Settings::default()
    };
    let embedded = Settings::default();
    let ((passed, there), (_, here)) = tokio::join!(play(&server, None), play(&embedded, None));
    assert_eq!(rows(&there), rows(&here), "on the servers:\n{there}\nembedded:\n{here}");
    assert!(passed, "{there}");

    // It did run there.
    for (database, table) in [(&registry, "client"), (&escalation, "client_case"), (&notification, "mail")] {
        let sql = format!("SELECT COUNT(*) AS many FROM {table}");
        let row = query_one(database.database().reader(), &sql, vec![]).await.unwrap().unwrap();
        assert!(row.try_get::<i64>("", "many").unwrap() > 0, "{table} is empty");
    }
    let streams: Vec<String> =
        redis::cmd("KEYS").arg("liaison.*").query_async(&mut redis.connection().await).await.unwrap();
    assert!(streams.len() >= 3, "the events did not travel through Redis: {streams:?}");
}

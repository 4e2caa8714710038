//! A table with clocks, and time by hand.

use std::{future::Future, time::Duration};

use business_time::{ManualClock, Timestamp};
use database::{Database, MigrationSet, Step, exec, query_one};
use testkit::eventually;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub const ALARMS: MigrationSet = MigrationSet {
    owner: "test",
    steps: &[Step {
        name: "0001",
        sql: "
CREATE TABLE alarm (
  alarm_id {text} PRIMARY KEY,
  next_due_time {bigint},
  attempts {bigint} NOT NULL DEFAULT 0,
  set_aside_reason {text},
  epoch {bigint} NOT NULL DEFAULT 1,
  rung {bigint} NOT NULL DEFAULT 0
);
CREATE INDEX alarm_due ON alarm (next_due_time) WHERE next_due_time IS NOT NULL;
CREATE TABLE note (seq {serial}, text {text} NOT NULL);
",
    }],
};

/// The business time at which tests begin.
pub fn start() -> Timestamp {
    Timestamp::from_second(1_764_000_000).unwrap()
}

pub fn seconds(count: i64) -> Timestamp {
    Timestamp::from_second(1_764_000_000 + count).unwrap()
}

pub fn clock() -> ManualClock {
    ManualClock::new(start())
}

pub async fn set(db: &Database, id: &str, due: Option<Timestamp>) {
    let sql = "INSERT INTO alarm (alarm_id, next_due_time) VALUES (?, ?)";
    exec(db.writer(), sql, vec![id.into(), due.map(database::micros).into()]).await.unwrap();
}

pub async fn number(db: &Database, sql: &str) -> i64 {
    query_one(db.reader(), sql, vec![]).await.unwrap().unwrap().try_get("", "n").unwrap()
}

pub async fn text(db: &Database, sql: &str) -> Option<String> {
    query_one(db.reader(), sql, vec![]).await.unwrap().and_then(|row| row.try_get("", "text").unwrap())
}

pub async fn until(condition: impl AsyncFnMut() -> bool) {
    eventually(Duration::from_secs(10), condition).await;
}

/// Something that runs until it is stopped.
pub struct Running {
    shutdown: CancellationToken,
    task: JoinHandle<()>,
}

impl Running {
    pub fn spawn<F: Future<Output = ()> + Send + 'static>(run: impl FnOnce(CancellationToken) -> F) -> Self {
        let shutdown = CancellationToken::new();
        let task = tokio::spawn(run(shutdown.clone()));
        Self { shutdown, task }
    }

    pub async fn stop(self) {
        self.shutdown.cancel();
        self.task.await.unwrap();
    }

    /// As kill -9 does.
    pub async fn kill(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}

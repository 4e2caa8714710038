use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use business_time::Timestamp;
use database::{Database, DatabaseTransaction, DbErr, exec, query_all};
use testkit::TestDatabase;
use timers::{
    Backoff, Due, Ticker,
    claim::{Claims, Clockwork, Failure, Next, Row, Table, next_due, run_due},
};
use tokio::sync::{Notify, Semaphore};

use crate::support::{ALARMS, Running, clock, number, seconds, set, start, text, until};

testkit::both_databases!(&[ALARMS];
    due_rows_ring_in_the_order_of_their_ids_and_others_do_not,
    the_earliest_come_first_when_there_are_more_than_a_batch,
    a_row_is_due_again_when_its_handler_says_so,
    a_missed_period_is_caught_up_once_each_in_order,
    a_failing_row_backs_off_by_itself_and_undoes_only_its_own,
    a_row_that_fails_too_often_is_set_aside_and_told,
    a_hopeless_row_is_set_aside_at_once,
    a_statement_that_fails_takes_no_other_row_along,
    an_outage_counts_against_nobody,
    a_handler_that_raised_the_epoch_has_the_last_word,
    a_ticker_runs_claims,
);

type Ring = Box<dyn Fn(&Row) -> Result<Next, Failure> + Send + Sync>;

/// Notes each ring in the database, then answers as the test says.
struct Alarms {
    ring: Ring,
    rung: Mutex<Vec<Row>>,
    epoch_to: Option<i64>,
}

impl Alarms {
    fn new(ring: impl Fn(&Row) -> Result<Next, Failure> + Send + Sync + 'static) -> Self {
        Self { ring: Box::new(ring), rung: Mutex::default(), epoch_to: None }
    }

    fn rung(&self) -> Vec<String> {
        self.rung.lock().unwrap().iter().map(|row| row.id.clone()).collect()
    }
}

#[async_trait]
impl Clockwork for Alarms {
    fn name(&self) -> &'static str {
        "test.alarms"
    }

    fn table(&self) -> Table {
        Table::new("alarm", "alarm_id").with_epoch("epoch")
    }

    fn backoff(&self) -> Backoff {
        Backoff { first: Duration::from_secs(4), most: Duration::from_secs(60), tries: 3 }
    }

    async fn handle(&self, tx: &DatabaseTransaction, row: &Row, _: Timestamp) -> Result<Next, Failure> {
        self.rung.lock().unwrap().push(row.clone());
        exec(tx, "INSERT INTO note (text) VALUES (?)", vec![row.id.clone().into()]).await?;
        if let Some(epoch) = self.epoch_to {
            let sql = "UPDATE alarm SET epoch = ?, next_due_time = ? WHERE alarm_id = ?";
            exec(tx, sql, vec![epoch.into(), database::micros(seconds(500)).into(), row.id.clone().into()]).await?;
        }
        let answer = (self.ring)(row);
        if matches!(&answer, Err(Failure::Retry(reason)) if reason == "break") {
            exec(tx, "INSERT INTO nowhere (text) VALUES ('x')", vec![]).await?;
        }
        answer
    }

    async fn set_aside(&self, tx: &DatabaseTransaction, row: &Row, reason: &str) -> Result<(), DbErr> {
        exec(tx, "INSERT INTO note (text) VALUES (?)", vec![format!("{} aside: {reason}", row.id).into()]).await?;
        Ok(())
    }
}

async fn notes(db: &Database) -> Vec<String> {
    let rows = query_all(db.reader(), "SELECT text FROM note ORDER BY seq", vec![]).await.unwrap();
    rows.iter().map(|row| row.try_get("", "text").unwrap()).collect()
}

async fn due(db: &Database, id: &str) -> Option<i64> {
    let sql = "SELECT next_due_time FROM alarm WHERE alarm_id = ?";
    let row = database::query_one(db.reader(), sql, vec![id.into()]).await.unwrap().unwrap();
    row.try_get("", "next_due_time").unwrap()
}

async fn due_rows_ring_in_the_order_of_their_ids_and_others_do_not(test: TestDatabase) {
    let db = test.database();
    for (id, due) in [("c", Some(1)), ("a", Some(3)), ("b", Some(2)), ("d", Some(11)), ("e", None)] {
        set(&db, id, due.map(seconds)).await;
    }
    let alarms = Alarms::new(|_| Ok(Next::Never));
    assert_eq!(next_due(&db, alarms.table()).await.unwrap(), Some(seconds(1)));
    assert_eq!(run_due(&db, &alarms, seconds(10), 100).await.unwrap(), 3);
    assert_eq!(notes(&db).await, ["a", "b", "c"]);
    assert_eq!(alarms.rung.lock().unwrap()[0].due_time, seconds(3));
    assert_eq!(run_due(&db, &alarms, seconds(10), 100).await.unwrap(), 0);
    assert_eq!(next_due(&db, alarms.table()).await.unwrap(), Some(seconds(11)));
}

async fn the_earliest_come_first_when_there_are_more_than_a_batch(test: TestDatabase) {
    let db = test.database();
    for (id, due) in [("a", 3), ("b", 2), ("c", 1)] {
        set(&db, id, Some(seconds(due))).await;
    }
    let alarms = Alarms::new(|_| Ok(Next::Never));
    assert_eq!(run_due(&db, &alarms, seconds(10), 2).await.unwrap(), 2);
    assert_eq!(alarms.rung(), ["b", "c"]);
    assert_eq!(run_due(&db, &alarms, seconds(10), 2).await.unwrap(), 1);
}

async fn a_row_is_due_again_when_its_handler_says_so(test: TestDatabase) {
    let db = test.database();
    set(&db, "a", Some(seconds(1))).await;
    let alarms = Alarms::new(|_| Ok(Next::At(seconds(20))));
    run_due(&db, &alarms, seconds(10), 100).await.unwrap();
    assert_eq!(due(&db, "a").await, Some(database::micros(seconds(20))));
}

async fn a_missed_period_is_caught_up_once_each_in_order(test: TestDatabase) {
    let db = test.database();
    set(&db, "a", Some(seconds(10))).await;
    // Each ten seconds, and nobody was there for a minute.
    let alarms = Alarms::new(|row| Ok(Next::At(row.due_time.checked_add(Duration::from_secs(10)).unwrap())));
    while run_due(&db, &alarms, seconds(65), 100).await.unwrap() > 0 {}
    let periods: Vec<_> = alarms.rung.lock().unwrap().iter().map(|row| row.due_time).collect();
    assert_eq!(periods, [10, 20, 30, 40, 50, 60].map(seconds));
    assert_eq!(due(&db, "a").await, Some(database::micros(seconds(70))));
}

async fn a_failing_row_backs_off_by_itself_and_undoes_only_its_own(test: TestDatabase) {
    let db = test.database();
    for id in ["a", "bad", "c"] {
        set(&db, id, Some(seconds(1))).await;
    }
    let alarms = Alarms::new(|row| match row.id.as_str() {
        "bad" => Err(Failure::Retry("not now".into())),
        _ => Ok(Next::Never),
    });
    assert_eq!(run_due(&db, &alarms, seconds(10), 100).await.unwrap(), 3);
    assert_eq!(notes(&db).await, ["a", "c"]);
    let first = Timestamp::from_microsecond(due(&db, "bad").await.unwrap()).unwrap();
    assert!((seconds(13)..=seconds(15)).contains(&first), "{first}");
    assert_eq!(run_due(&db, &alarms, seconds(12), 100).await.unwrap(), 0);
    assert_eq!(run_due(&db, &alarms, seconds(15), 100).await.unwrap(), 1);
    let second = Timestamp::from_microsecond(due(&db, "bad").await.unwrap()).unwrap();
    assert!((seconds(21)..=seconds(25)).contains(&second), "{second}");
    let healed = Alarms::new(|_| Ok(Next::At(seconds(99))));
    run_due(&db, &healed, seconds(30), 100).await.unwrap();
    assert_eq!(healed.rung.lock().unwrap()[0].attempts, 2);
    assert_eq!(number(&db, "SELECT attempts AS n FROM alarm WHERE alarm_id = 'bad'").await, 0);
}

async fn a_row_that_fails_too_often_is_set_aside_and_told(test: TestDatabase) {
    let db = test.database();
    set(&db, "bad", Some(seconds(1))).await;
    let alarms = Alarms::new(|_| Err(Failure::Retry("never".into())));
    for round in 1..=10 {
        run_due(&db, &alarms, seconds(100 * round), 100).await.unwrap();
    }
    assert_eq!(alarms.rung().len(), 3);
    assert_eq!(due(&db, "bad").await, None);
    assert_eq!(text(&db, "SELECT set_aside_reason AS text FROM alarm").await.as_deref(), Some("never"));
    assert_eq!(notes(&db).await, ["bad aside: never"]);
}

async fn a_hopeless_row_is_set_aside_at_once(test: TestDatabase) {
    let db = test.database();
    set(&db, "bad", Some(seconds(1))).await;
    let alarms = Alarms::new(|_| Err(Failure::SetAside("no calendar".into())));
    run_due(&db, &alarms, seconds(2), 100).await.unwrap();
    assert_eq!(notes(&db).await, ["bad aside: no calendar"]);
    assert_eq!(next_due(&db, alarms.table()).await.unwrap(), None);
}

async fn a_statement_that_fails_takes_no_other_row_along(test: TestDatabase) {
    let db = test.database();
    for id in ["a", "bad", "c"] {
        set(&db, id, Some(seconds(1))).await;
    }
    let alarms = Alarms::new(|row| match row.id.as_str() {
        "bad" => Err(Failure::Retry("break".into())),
        _ => Ok(Next::Never),
    });
    run_due(&db, &alarms, seconds(2), 100).await.unwrap();
    assert_eq!(notes(&db).await, ["a", "c"]);
    assert_eq!(number(&db, "SELECT attempts AS n FROM alarm WHERE alarm_id = 'bad'").await, 1);
}

async fn an_outage_counts_against_nobody(test: TestDatabase) {
    let db = test.database();
    for id in ["a", "b"] {
        set(&db, id, Some(seconds(1))).await;
    }
    let away = || DbErr::Conn(sea_orm::RuntimeErr::Internal("the database is away".into()));
    let alarms = Alarms::new(move |row| if row.id == "b" { Err(away().into()) } else { Ok(Next::Never) });
    assert!(run_due(&db, &alarms, seconds(2), 100).await.is_err());
    assert!(notes(&db).await.is_empty(), "the whole batch is undone");
    let alarms = Alarms::new(|_| Ok(Next::Never));
    assert_eq!(run_due(&db, &alarms, seconds(2), 100).await.unwrap(), 2);
    assert!(alarms.rung.lock().unwrap().iter().all(|row| row.attempts == 0));
}

async fn a_handler_that_raised_the_epoch_has_the_last_word(test: TestDatabase) {
    let db = test.database();
    set(&db, "a", Some(seconds(1))).await;
    let alarms = Alarms { epoch_to: Some(2), ..Alarms::new(|_| Ok(Next::Never)) };
    run_due(&db, &alarms, seconds(2), 100).await.unwrap();
    assert_eq!(alarms.rung.lock().unwrap()[0].epoch, 1);
    assert_eq!(due(&db, "a").await, Some(database::micros(seconds(500))));
}

async fn a_ticker_runs_claims(test: TestDatabase) {
    let (db, clock) = (test.database(), clock());
    set(&db, "a", Some(seconds(5))).await;
    let claims: Arc<dyn Due> = Arc::new(Claims::new(db.clone(), Arc::new(Alarms::new(|_| Ok(Next::Never)))));
    let ticker = Ticker::new(db.clone(), Arc::new(clock.clone()), claims);
    let running = Running::spawn(|shutdown| ticker.run(shutdown));
    clock.set(seconds(6));
    until(async || notes(&db).await == ["a"]).await;
    running.stop().await;
}

/// Holds each ring until it is let go.
struct Held {
    held: Notify,
    go: Semaphore,
    rung: Mutex<Vec<String>>,
}

#[async_trait]
impl Clockwork for Held {
    fn name(&self) -> &'static str {
        "test.held"
    }

    fn table(&self) -> Table {
        Table::new("alarm", "alarm_id")
    }

    async fn handle(&self, _: &DatabaseTransaction, row: &Row, _: Timestamp) -> Result<Next, Failure> {
        self.rung.lock().unwrap().push(row.id.clone());
        self.held.notify_one();
        self.go.acquire().await.unwrap().forget();
        Ok(Next::Never)
    }
}

#[test]
fn two_claimers_take_different_rows() {
    testkit::run(async {
        let test = TestDatabase::postgres(&[ALARMS]).await;
        let db = test.database();
        for id in ["a", "b", "c"] {
            set(&db, id, Some(start())).await;
        }
        let held = Arc::new(Held { held: Notify::new(), go: Semaphore::new(0), rung: Mutex::default() });
        let first = tokio::spawn({
            let (db, held) = (db.clone(), held.clone());
            async move { run_due(&db, &*held, seconds(1), 2).await.unwrap() }
        });
        held.held.notified().await;
        // The rows of the first are locked; the second takes what is left and waits for nobody.
        let other = test.another().await;
        let alarms = Alarms::new(|_| Ok(Next::Never));
        assert_eq!(run_due(&other, &alarms, seconds(1), 10).await.unwrap(), 1);
        assert_eq!(alarms.rung(), ["c"]);
        held.go.add_permits(2);
        assert_eq!(first.await.unwrap(), 2);
        assert_eq!(*held.rung.lock().unwrap(), ["a", "b"]);
    });
}

#[test]
fn a_claimer_that_is_killed_leaves_its_rows_due() {
    testkit::run(async {
        let test = TestDatabase::postgres(&[ALARMS]).await;
        let db = test.database();
        set(&db, "a", Some(start())).await;
        let held = Arc::new(Held { held: Notify::new(), go: Semaphore::new(0), rung: Mutex::default() });
        let killed = tokio::spawn({
            let (db, held) = (db.clone(), held.clone());
            async move { run_due(&db, &*held, seconds(1), 2).await.unwrap() }
        });
        held.held.notified().await;
        killed.abort();
        let _ = killed.await;
        let other = test.another().await;
        let alarms = Alarms::new(|_| Ok(Next::Never));
        until(async || run_due(&other, &alarms, seconds(1), 10).await.unwrap() == 1).await;
        assert_eq!(alarms.rung(), ["a"]);
    });
}

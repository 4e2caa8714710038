use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use business_time::{ManualClock, SystemClock};
use database::{Database, exec};
use testkit::TestDatabase;
use timers::{
    Backoff, Error,
    work::{self, Job, NewWork, Outcome, Performer, Worker, activity, complete, enqueue, supersede},
};
use tokio::sync::{Notify, Semaphore};
use uuid::Uuid;

use crate::support::{ALARMS, Running, clock, number, seconds, start, text, until};

testkit::both_databases!(&[work::MIGRATIONS, ALARMS];
    work_is_done_when_it_is_due,
    the_same_cause_asks_once,
    effect_and_completion_commit_together,
    a_failure_backs_off_and_after_enough_of_them_the_work_is_set_aside,
    a_performer_may_come_back_later_as_often_as_it_likes,
    what_was_superseded_meanwhile_cannot_complete,
    a_claim_that_ended_without_a_word_is_an_unknown_outcome,
    a_lone_process_ends_the_claims_of_a_dead_one_at_once_and_leaves_those_of_a_neighbour,
    a_performer_that_outlasts_its_claim_completes_nothing,
    a_performer_that_panics_has_failed,
    a_worker_that_stops_lets_what_it_began_end,
    two_workers_do_everything_once,
    several_pieces_are_done_at_once,
);

type Script = Box<dyn Fn(&Job, usize) -> Act + Send + Sync>;

enum Act {
    Answer(Outcome),
    /// Writes a note and completes in one transaction.
    Note,
    /// The same, after a permit.
    HoldAndNote,
    Panic,
}

struct Hand {
    db: Database,
    script: Script,
    calls: AtomicUsize,
    jobs: Mutex<Vec<Job>>,
    aside: Mutex<Vec<String>>,
    held: Notify,
    go: Semaphore,
    lost: AtomicUsize,
}

impl Hand {
    fn new(db: &Database, script: impl Fn(&Job, usize) -> Act + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self {
            db: db.clone(),
            script: Box::new(script),
            calls: AtomicUsize::new(0),
            jobs: Mutex::default(),
            aside: Mutex::default(),
            held: Notify::new(),
            go: Semaphore::new(0),
            lost: AtomicUsize::new(0),
        })
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl Performer for Hand {
    fn kind(&self) -> &'static str {
        "test.note"
    }

    async fn perform(&self, job: &Job) -> Outcome {
        let call = self.calls.fetch_add(1, Ordering::SeqCst);
        self.jobs.lock().unwrap().push(job.clone());
        match (self.script)(job, call) {
            Act::Answer(outcome) => return outcome,
            Act::Panic => panic!("as the script says"),
            Act::HoldAndNote => {
                self.held.notify_one();
                self.go.acquire().await.unwrap().forget();
            }
            Act::Note => {}
        }
        let tx = self.db.begin().await.unwrap();
        exec(&tx, "INSERT INTO note (text) VALUES (?)", vec![job.subject.clone().into()]).await.unwrap();
        match complete(&tx, job).await {
            Ok(()) => tx.commit().await.unwrap(),
            Err(Error::ClaimLost(id)) => {
                assert_eq!(id, job.id);
                self.lost.fetch_add(1, Ordering::SeqCst);
                tx.rollback().await.unwrap();
            }
            Err(error) => panic!("{error}"),
        }
        Outcome::Done
    }

    async fn set_aside(&self, _: &Job, reason: &str) {
        self.aside.lock().unwrap().push(reason.to_owned());
    }
}

fn piece(subject: &str, due: i64) -> NewWork {
    NewWork {
        id: Uuid::new_v4(),
        kind: "test.note".into(),
        subject: subject.into(),
        payload: b"payload".to_vec(),
        epoch: 1,
        due_time: seconds(due),
        traceparent: String::new(),
    }
}

async fn ask(db: &Database, work: NewWork) -> bool {
    let tx = db.begin().await.unwrap();
    let new = enqueue(&tx, work).await.unwrap();
    tx.commit().await.unwrap();
    new
}

fn worker(db: &Database, clock: &ManualClock, hand: &Arc<Hand>) -> Worker {
    let backoff = Backoff { first: Duration::from_secs(4), most: Duration::from_secs(60), tries: 3 };
    Worker::new(db.clone(), Arc::new(clock.clone()), Arc::new(clock.clone()), hand.clone()).with_backoff(backoff)
}

fn spawn(worker: Worker) -> Running {
    Running::spawn(|shutdown| worker.run(shutdown))
}

async fn notes(db: &Database) -> i64 {
    number(db, "SELECT COUNT(*) AS n FROM note").await
}

async fn done(db: &Database) -> i64 {
    number(db, "SELECT COUNT(*) AS n FROM work WHERE done_time IS NOT NULL").await
}

async fn work_is_done_when_it_is_due(test: TestDatabase) {
    let (db, clock) = (test.database(), clock());
    let hand = Hand::new(&db, |_, _| Act::Note);
    assert!(ask(&db, piece("now", 0)).await);
    assert!(ask(&db, piece("later", 100)).await);
    let before = activity(&db, start()).await.unwrap();
    assert_eq!((before.due_now, before.claimed, before.next_due), (1, 0, Some(start())));
    let running = spawn(worker(&db, &clock, &hand));
    until(async || done(&db).await == 1).await;
    let after = activity(&db, start()).await.unwrap();
    assert_eq!((after.due_now, after.claimed, after.next_due), (0, 0, Some(seconds(100))));
    clock.set(seconds(100));
    until(async || done(&db).await == 2).await;
    running.stop().await;
    let after = activity(&db, clock.now()).await.unwrap();
    assert_eq!((after.due_now, after.claimed, after.next_due), (0, 0, None));
    let job = hand.jobs.lock().unwrap()[0].clone();
    assert_eq!((job.payload.as_slice(), job.epoch, job.attempts, job.outcome_unknown), (&b"payload"[..], 1, 0, false));
}

async fn the_same_cause_asks_once(test: TestDatabase) {
    let db = test.database();
    let work = piece("a", 0);
    assert!(ask(&db, work.clone()).await);
    assert!(!ask(&db, work.clone()).await);
    let tx = db.begin().await.unwrap();
    let other = NewWork { subject: "b".into(), ..work };
    assert!(matches!(enqueue(&tx, other).await, Err(Error::IdTaken(_))));
}

async fn effect_and_completion_commit_together(test: TestDatabase) {
    let (db, clock) = (test.database(), clock());
    let hand = Hand::new(&db, |_, _| Act::Note);
    for subject in ["a", "b", "c"] {
        ask(&db, piece(subject, 0)).await;
    }
    let running = spawn(worker(&db, &clock, &hand));
    until(async || done(&db).await == 3).await;
    running.stop().await;
    assert_eq!((notes(&db).await, hand.calls()), (3, 3));
}

async fn a_failure_backs_off_and_after_enough_of_them_the_work_is_set_aside(test: TestDatabase) {
    let (db, clock) = (test.database(), clock());
    let hand = Hand::new(&db, |_, _| Act::Answer(Outcome::Retry { after: None }));
    ask(&db, piece("a", 0)).await;
    let running = spawn(worker(&db, &clock, &hand));
    for tries in 1..=3 {
        until(async || hand.calls() == tries).await;
        until(async || activity(&db, clock.now()).await.unwrap().claimed == 0).await;
        if let Some(next) = activity(&db, clock.now()).await.unwrap().next_due {
            let wait = next.duration_since(clock.now()).as_secs();
            assert!((3..=10).contains(&wait), "backoff goes by business time: {wait}");
            clock.set(next);
        }
    }
    until(async || !hand.aside.lock().unwrap().is_empty()).await;
    running.stop().await;
    assert_eq!(*hand.aside.lock().unwrap(), ["failed 3 times"]);
    let reason = text(&db, "SELECT set_aside_reason AS text FROM work").await;
    assert_eq!(reason.as_deref(), Some("failed 3 times"));
}

async fn a_performer_may_come_back_later_as_often_as_it_likes(test: TestDatabase) {
    let (db, clock) = (test.database(), clock());
    let hand = Hand::new(&db, |_, call| {
        if call < 6 { Act::Answer(Outcome::Retry { after: Some(Duration::from_secs(2)) }) } else { Act::Note }
    });
    ask(&db, piece("a", 0)).await;
    let running = spawn(worker(&db, &clock, &hand));
    for round in 1..=6 {
        until(async || activity(&db, clock.now()).await.unwrap().next_due == Some(seconds(2 * round))).await;
        clock.set(seconds(2 * round));
    }
    until(async || done(&db).await == 1).await;
    running.stop().await;
    assert_eq!(hand.jobs.lock().unwrap().last().unwrap().attempts, 6);
}

async fn what_was_superseded_meanwhile_cannot_complete(test: TestDatabase) {
    let (db, clock) = (test.database(), clock());
    let hand = Hand::new(&db, |_, _| Act::HoldAndNote);
    ask(&db, piece("a", 0)).await;
    ask(&db, piece("a", 900)).await;
    let running = spawn(worker(&db, &clock, &hand));
    hand.held.notified().await;
    let tx = db.begin().await.unwrap();
    assert_eq!(supersede(&tx, "test.note", "a", 2, clock.now()).await.unwrap(), 2);
    tx.commit().await.unwrap();
    hand.go.add_permits(1);
    until(async || hand.lost.load(Ordering::SeqCst) == 1).await;
    running.stop().await;
    assert_eq!((notes(&db).await, done(&db).await), (0, 2));
}

async fn a_claim_that_ended_without_a_word_is_an_unknown_outcome(test: TestDatabase) {
    let (db, clock) = (test.database(), clock());
    let hand = Hand::new(&db, |_, call| if call == 0 { Act::HoldAndNote } else { Act::Note });
    ask(&db, piece("a", 0)).await;
    let killed = spawn(worker(&db, &clock, &hand));
    hand.held.notified().await;
    killed.kill().await;
    let running = spawn(worker(&db, &clock, &hand));
    assert_eq!(activity(&db, clock.now()).await.unwrap().claimed, 1);
    // By the system's clock, which is the same one here.
    clock.set(seconds(61));
    until(async || done(&db).await == 1).await;
    running.stop().await;
    let jobs = hand.jobs.lock().unwrap().clone();
    assert_eq!(jobs.iter().map(|job| job.outcome_unknown).collect::<Vec<_>>(), [false, true]);
    assert_eq!(notes(&db).await, 1);
}

async fn a_lone_process_ends_the_claims_of_a_dead_one_at_once_and_leaves_those_of_a_neighbour(test: TestDatabase) {
    let (db, clock) = (test.database(), clock());
    let hand = Hand::new(&db, |_, call| if call < 2 { Act::HoldAndNote } else { Act::Note });
    ask(&db, piece("dead", 0)).await;
    ask(&db, piece("neighbour", 0)).await;
    let killed = spawn(worker(&db, &clock, &hand));
    until(async || hand.calls() == 2).await;
    killed.kill().await;
    let sql = "UPDATE work SET claim_token = 'another-process/1' WHERE subject = 'dead'";
    exec(db.writer(), sql, vec![]).await.unwrap();
    let heir = spawn(worker(&db, &clock, &hand).alone());
    until(async || done(&db).await == 1).await;
    heir.stop().await;
    let last = hand.jobs.lock().unwrap().last().unwrap().clone();
    assert_eq!((last.subject.as_str(), last.outcome_unknown), ("dead", true));
    assert_eq!(activity(&db, clock.now()).await.unwrap().claimed, 1, "the neighbour's");
}

async fn a_performer_that_outlasts_its_claim_completes_nothing(test: TestDatabase) {
    let (db, clock) = (test.database(), clock());
    let hand = Hand::new(&db, |_, call| if call == 0 { Act::HoldAndNote } else { Act::Note });
    ask(&db, piece("a", 0)).await;
    let slow = spawn(worker(&db, &clock, &hand));
    hand.held.notified().await;
    clock.set(seconds(61));
    let other = spawn(worker(&db, &clock, &hand));
    until(async || done(&db).await == 1).await;
    hand.go.add_permits(1);
    until(async || hand.lost.load(Ordering::SeqCst) == 1).await;
    slow.stop().await;
    other.stop().await;
    assert_eq!(notes(&db).await, 1);
}

async fn a_performer_that_panics_has_failed(test: TestDatabase) {
    let (db, clock) = (test.database(), clock());
    let hand = Hand::new(&db, |_, call| if call == 0 { Act::Panic } else { Act::Note });
    ask(&db, piece("a", 0)).await;
    let running = spawn(worker(&db, &clock, &hand));
    until(async || hand.calls() == 1 && activity(&db, clock.now()).await.unwrap().claimed == 0).await;
    clock.set(seconds(10));
    until(async || done(&db).await == 1).await;
    running.stop().await;
    assert_eq!(hand.jobs.lock().unwrap()[1].attempts, 1);
}

async fn a_worker_that_stops_lets_what_it_began_end(test: TestDatabase) {
    let (db, clock) = (test.database(), clock());
    let hand = Hand::new(&db, |_, _| Act::HoldAndNote);
    ask(&db, piece("a", 0)).await;
    let running = spawn(worker(&db, &clock, &hand));
    hand.held.notified().await;
    let stopping = tokio::spawn(running.stop());
    hand.go.add_permits(1);
    stopping.await.unwrap();
    assert_eq!((notes(&db).await, done(&db).await), (1, 1));
}

async fn two_workers_do_everything_once(test: TestDatabase) {
    let (db, clock) = (test.database(), clock());
    let other = if db.backend() == database::DbBackend::Postgres { test.another().await } else { db.clone() };
    let hand = Hand::new(&db, |_, _| Act::Note);
    for count in 0..40 {
        ask(&db, piece(&format!("{count}"), 0)).await;
    }
    let (one, two) = (spawn(worker(&db, &clock, &hand)), spawn(worker(&other, &clock, &hand)));
    until(async || done(&db).await == 40).await;
    one.stop().await;
    two.stop().await;
    assert_eq!((notes(&db).await, hand.calls()), (40, 40));
}

async fn several_pieces_are_done_at_once(test: TestDatabase) {
    let (db, clock) = (test.database(), clock());
    let hand = Hand::new(&db, |_, _| Act::HoldAndNote);
    for count in 0..10 {
        ask(&db, piece(&format!("{count}"), 0)).await;
    }
    let running = spawn(worker(&db, &clock, &hand).with_parallel(4));
    until(async || hand.calls() == 4).await;
    assert_eq!(activity(&db, clock.now()).await.unwrap().claimed, 4);
    hand.go.add_permits(10);
    until(async || done(&db).await == 10).await;
    running.stop().await;
    let _ = SystemClock::now(&clock);
}

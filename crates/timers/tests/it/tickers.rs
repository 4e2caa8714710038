use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use async_trait::async_trait;
use business_time::{BusinessClock, ManualClock, Timestamp, WallClock};
use database::Database;
use testkit::TestDatabase;
use timers::{Due, Error, Result, Ticker};

use crate::support::{Running, clock, seconds, until};

/// Due at times that the test sets.
#[derive(Default)]
struct Bell {
    due: Mutex<Vec<Timestamp>>,
    rung: Mutex<Vec<Instant>>,
    looks: AtomicU32,
    broken: AtomicU32,
}

impl Bell {
    fn add(&self, time: Timestamp) {
        let mut due = self.due.lock().unwrap();
        due.push(time);
        due.sort();
    }

    fn rung(&self) -> usize {
        self.rung.lock().unwrap().len()
    }
}

#[async_trait]
impl Due for Bell {
    fn name(&self) -> &'static str {
        "test.bell"
    }

    async fn next_due(&self, _: &Database) -> Result<Option<Timestamp>> {
        self.looks.fetch_add(1, Ordering::SeqCst);
        if self.broken.load(Ordering::SeqCst) > 0 {
            self.broken.fetch_sub(1, Ordering::SeqCst);
            return Err(Error::Other("as the test says".into()));
        }
        Ok(self.due.lock().unwrap().first().copied())
    }

    async fn run_due(&self, now: Timestamp, limit: u32) -> Result<u32> {
        let mut due = self.due.lock().unwrap();
        let taken = due.iter().take_while(|time| **time <= now).count().min(limit as usize);
        due.drain(..taken);
        self.rung.lock().unwrap().extend(vec![Instant::now(); taken]);
        Ok(u32::try_from(taken).unwrap())
    }
}

async fn ticking(clock: Arc<dyn BusinessClock>, bell: &Arc<Bell>) -> (TestDatabase, timers::Waker, Running) {
    let db = TestDatabase::sqlite(&[]).await;
    let ticker = Ticker::new(db.database(), clock, bell.clone());
    let wake = ticker.wake();
    (db, wake, Running::spawn(|shutdown| ticker.run(shutdown)))
}

#[test]
fn a_row_rings_when_it_is_due_and_not_before() {
    testkit::run(async {
        let (clock, bell): (ManualClock, Arc<Bell>) = (clock(), Arc::default());
        bell.add(seconds(60));
        let (_db, _, running) = ticking(Arc::new(clock.clone()), &bell).await;
        let looks = bell.looks.load(Ordering::SeqCst);
        until(async || bell.looks.load(Ordering::SeqCst) > looks + 3).await;
        assert_eq!(bell.rung(), 0);
        clock.set(seconds(59));
        let looks = bell.looks.load(Ordering::SeqCst);
        until(async || bell.looks.load(Ordering::SeqCst) > looks + 3).await;
        assert_eq!(bell.rung(), 0);
        clock.set(seconds(60));
        until(async || bell.rung() == 1).await;
        running.stop().await;
    });
}

#[test]
fn many_rows_at_once_are_done_batch_after_batch() {
    testkit::run(async {
        let (clock, bell): (ManualClock, Arc<Bell>) = (clock(), Arc::default());
        (0..450).for_each(|_| bell.add(seconds(1)));
        clock.set(seconds(2));
        let (_db, _, running) = ticking(Arc::new(clock), &bell).await;
        until(async || bell.rung() == 450).await;
        running.stop().await;
    });
}

#[test]
fn by_the_real_clock_it_sleeps_until_the_row_and_wakes_when_told() {
    testkit::run(async {
        let bell: Arc<Bell> = Arc::default();
        let now = WallClock.now();
        bell.add(now.checked_add(Duration::from_millis(300)).unwrap());
        let begun = Instant::now();
        let (_db, wake, running) = ticking(Arc::new(WallClock), &bell).await;
        until(async || bell.rung() == 1).await;
        let late = (bell.rung.lock().unwrap()[0] - begun).saturating_sub(Duration::from_millis(300));
        assert!(late < Duration::from_millis(200), "{late:?} late");
        assert!(bell.looks.load(Ordering::SeqCst) <= 4, "it sleeps in between");
        bell.add(WallClock.now());
        wake.wake();
        let told = Instant::now();
        until(async || bell.rung() == 2).await;
        assert!(told.elapsed() < Duration::from_millis(500), "woken, not found by the way");
        // Unannounced it is found all the same.
        bell.add(WallClock.now());
        until(async || bell.rung() == 3).await;
        running.stop().await;
    });
}

#[test]
fn trouble_is_tried_again() {
    testkit::run(async {
        let (clock, bell): (ManualClock, Arc<Bell>) = (clock(), Arc::default());
        bell.broken.store(4, Ordering::SeqCst);
        bell.add(seconds(0));
        let (_db, _, running) = ticking(Arc::new(clock), &bell).await;
        until(async || bell.rung() == 1).await;
        running.stop().await;
    });
}

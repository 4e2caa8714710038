//! Clocks. Whoever needs the time is handed one; nobody calls `Timestamp::now()`.
//!
//! [`BusinessClock`] gives due times and recorded times; a demo or a test moves it by hand. [`SystemClock`] gives the
//! time that outside parties share with us (tokens, leases, permits, timeouts); a binary builds only [`WallClock`] for
//! it. [`ManualClock`] is both, for tests.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::Instant;

use jiff::{SignedDuration, Timestamp};

/// The clock that due times and recorded times come from.
pub trait BusinessClock: Send + Sync + 'static {
    /// The business time now, in whole microseconds: what the databases can store.
    fn now(&self) -> Timestamp;

    /// True when this time is made up. Such a clock is accepted only over trial databases.
    fn simulated(&self) -> bool {
        false
    }
}

/// The clock of the outside world: tokens, leases, permits, timeouts.
pub trait SystemClock: Send + Sync + 'static {
    /// The wall clock now, in whole microseconds.
    fn now(&self) -> Timestamp;

    /// A clock that never goes back, for spans of time.
    fn monotonic(&self) -> Instant;
}

/// A business clock as it is passed around.
pub type Clock = Arc<dyn BusinessClock>;

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct WallClock;

impl WallClock {
    /// The time now, in whole microseconds.
    pub fn now(&self) -> Timestamp {
        whole_microseconds(Timestamp::now())
    }
}

impl BusinessClock for WallClock {
    fn now(&self) -> Timestamp {
        WallClock::now(self)
    }
}

impl SystemClock for WallClock {
    fn now(&self) -> Timestamp {
        WallClock::now(self)
    }

    fn monotonic(&self) -> Instant {
        Instant::now()
    }
}

/// A clock that stands still until somebody moves it. Clones show the same time.
#[derive(Clone, Debug)]
pub struct ManualClock {
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    now: Timestamp,
    monotonic: Instant,
    changes: u64,
    waiting: Vec<Waker>,
}

impl ManualClock {
    /// A clock that shows `now`.
    pub fn new(now: Timestamp) -> Self {
        let now = whole_microseconds(now);
        let state = State { now, monotonic: Instant::now(), changes: 0, waiting: Vec::new() };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    /// The time it shows, in whole microseconds.
    pub fn now(&self) -> Timestamp {
        self.lock().now
    }

    /// Moves it to `to`, cut to whole microseconds. Backwards is allowed; the monotonic clock then stays where it is.
    pub fn set(&self, to: Timestamp) {
        let to = whole_microseconds(to);
        let mut state = self.lock();
        if let Ok(forward) = std::time::Duration::try_from(to.duration_since(state.now))
            && let Some(later) = state.monotonic.checked_add(forward)
        {
            state.monotonic = later;
        }
        state.now = to;
        state.changes += 1;
        let waiting = std::mem::take(&mut state.waiting);
        // A waker may poll at once, on this thread, and ask for the time.
        drop(state);
        waiting.into_iter().for_each(Waker::wake);
    }

    /// Moves it by `by`. It stops at the end of representable time.
    pub fn advance(&self, by: SignedDuration) {
        let now = self.now();
        self.set(now.checked_add(by).unwrap_or(if by.is_negative() { Timestamp::MIN } else { Timestamp::MAX }));
    }

    /// Tells of each move from now on. Needs no runtime: any executor may await it.
    pub fn subscribe(&self) -> ClockChanges {
        let seen = self.lock().changes;
        ClockChanges { clock: self.clone(), seen }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Every change under the lock is complete before anything can panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl BusinessClock for ManualClock {
    fn now(&self) -> Timestamp {
        ManualClock::now(self)
    }

    fn simulated(&self) -> bool {
        true
    }
}

impl SystemClock for ManualClock {
    fn now(&self) -> Timestamp {
        ManualClock::now(self)
    }

    fn monotonic(&self) -> Instant {
        self.lock().monotonic
    }
}

/// What [`ManualClock::subscribe`] gives: waits for the clock to be moved.
#[derive(Debug)]
pub struct ClockChanges {
    clock: ManualClock,
    seen: u64,
}

impl ClockChanges {
    /// Returns once the clock was moved since the last return (or since the subscription). Moves in between are told
    /// once. Dropping the future loses nothing.
    pub async fn changed(&mut self) {
        self.seen = poll_fn(|context| {
            let mut state = self.clock.lock();
            if state.changes != self.seen {
                return Poll::Ready(state.changes);
            }
            if !state.waiting.iter().any(|waker| waker.will_wake(context.waker())) {
                state.waiting.push(context.waker().clone());
            }
            Poll::Pending
        })
        .await;
    }
}

/// Both databases keep microseconds; a finer time would not equal itself once read back.
fn whole_microseconds(time: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(time.as_microsecond()).unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Context, Wake};
    use std::time::Duration;

    use super::*;

    struct Wakes(AtomicUsize);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::constant(second, 0)
    }

    #[test]
    fn clones_of_a_manual_clock_move_together() {
        let clock = ManualClock::new(at(100));
        let clone = clock.clone();
        clock.advance(SignedDuration::from_secs(5));
        assert_eq!(clone.now(), at(105));
        clone.set(at(7));
        assert_eq!(clock.now(), at(7));
    }

    #[test]
    fn the_monotonic_clock_moves_with_it_but_never_back() {
        let clock = ManualClock::new(at(100));
        let start = clock.monotonic();
        clock.advance(SignedDuration::from_secs(5));
        assert_eq!(clock.monotonic() - start, Duration::from_secs(5));
        clock.set(at(0));
        assert_eq!(clock.monotonic() - start, Duration::from_secs(5));
        clock.advance(SignedDuration::from_secs(2));
        assert_eq!(clock.monotonic() - start, Duration::from_secs(7));
    }

    #[test]
    fn a_manual_clock_stops_at_the_end_of_time() {
        let clock = ManualClock::new(at(100));
        clock.advance(SignedDuration::MAX);
        assert_eq!(clock.now(), whole_microseconds(Timestamp::MAX));
        clock.advance(SignedDuration::MIN);
        assert_eq!(clock.now(), whole_microseconds(Timestamp::MIN));
    }

    #[test]
    fn only_the_manual_clock_is_simulated() {
        let manual: Clock = Arc::new(ManualClock::new(at(0)));
        let wall: Clock = Arc::new(WallClock);
        assert!(manual.simulated());
        assert!(!wall.simulated());
    }

    #[test]
    fn both_clocks_show_whole_microseconds() {
        let fine = Timestamp::constant(100, 123_456_789);
        assert_eq!(ManualClock::new(fine).now(), Timestamp::constant(100, 123_456_000));
        assert_eq!(WallClock.now().subsec_nanosecond() % 1_000, 0);
    }

    #[test]
    fn who_waits_for_a_change_is_woken_once_and_misses_none() {
        let wakes = Arc::new(Wakes(AtomicUsize::new(0)));
        let waker = Waker::from(wakes.clone());
        let mut context = Context::from_waker(&waker);
        let clock = ManualClock::new(at(0));
        let mut changes = clock.subscribe();
        {
            let mut changed = pin!(changes.changed());
            assert!(changed.as_mut().poll(&mut context).is_pending());
            assert!(changed.as_mut().poll(&mut context).is_pending());
            clock.advance(SignedDuration::from_secs(1));
            assert_eq!(wakes.0.load(Ordering::SeqCst), 1);
            assert!(changed.as_mut().poll(&mut context).is_ready());
        }
        clock.advance(SignedDuration::from_secs(1));
        clock.advance(SignedDuration::from_secs(1));
        assert!(pin!(changes.changed()).poll(&mut context).is_ready(), "moves between two waits are told");
        assert!(pin!(changes.changed()).poll(&mut context).is_pending(), "and told once");
    }
}

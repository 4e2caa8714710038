//! Asking what a principal may, and keeping the answer for a short while.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use business_time::SystemClock;

use crate::{Grants, Principal, recent::Recent};

/// Why there is no decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecisionError {
    /// Whoever decides does not answer; the same call may succeed later.
    #[error("nobody answers who may do this")]
    Unavailable,
    /// The registry knows nobody of this name.
    #[error("the registry does not know this person")]
    Unknown,
}

/// Tells what a principal may do. The registry answers from its own tables, others ask it ([`crate::RemoteDecisions`]).
#[async_trait]
pub trait Decisions: Send + Sync + 'static {
    /// What the principal may, at most 30 seconds old.
    ///
    /// # Errors
    /// Where nobody answers, or nobody knows the principal.
    async fn grants(&self, principal: &Principal) -> Result<Arc<Grants>, DecisionError>;

    /// What the principal may at this moment, past every cache.
    ///
    /// # Errors
    /// As [`Decisions::grants`].
    async fn fresh(&self, principal: &Principal) -> Result<Arc<Grants>, DecisionError> {
        self.grants(principal).await
    }
}

#[async_trait]
impl<D: Decisions + ?Sized> Decisions for Arc<D> {
    async fn grants(&self, principal: &Principal) -> Result<Arc<Grants>, DecisionError> {
        (**self).grants(principal).await
    }

    async fn fresh(&self, principal: &Principal) -> Result<Arc<Grants>, DecisionError> {
        (**self).fresh(principal).await
    }
}

/// How long a decision may be used, from before it was asked for.
pub const LONGEST: Duration = Duration::from_secs(30);

const BOUND: usize = 10_000;

/// Keeps positive answers for [`LONGEST`]. Refusals and failures are asked anew each time; one who was just given a role
/// is not turned away by an old answer, since the permission layer asks afresh before it denies.
pub struct CachedDecisions<D> {
    ask: D,
    clock: Arc<dyn SystemClock>,
    kept: Mutex<Kept>,
}

struct Kept {
    answers: Recent<Principal, (Arc<Grants>, Instant)>,
    /// Raised by each forgetting, so that an answer that was under way does not outlive it.
    forgotten: u64,
}

impl<D: Decisions> CachedDecisions<D> {
    /// A cache in front of `ask`.
    pub fn new(ask: D, clock: Arc<dyn SystemClock>) -> Self {
        let kept = Kept { answers: Recent::new(BOUND), forgotten: 0 };
        Self { ask, clock, kept: Mutex::new(kept) }
    }

    /// Forgets every answer, for example when an assignment changed.
    pub fn forget_all(&self) {
        let mut kept = self.lock();
        kept.answers.clear();
        kept.forgotten += 1;
    }

    /// Forgets what is known of one principal.
    pub fn forget(&self, principal: &Principal) {
        let mut kept = self.lock();
        kept.answers.remove(principal);
        kept.forgotten += 1;
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl<D: Decisions> Decisions for CachedDecisions<D> {
    async fn grants(&self, principal: &Principal) -> Result<Arc<Grants>, DecisionError> {
        let now = self.clock.monotonic();
        let known = self.lock().answers.get(principal);
        if let Some((grants, asked)) = known
            && now.saturating_duration_since(asked) < LONGEST
        {
            return Ok(grants);
        }
        self.fresh(principal).await
    }

    async fn fresh(&self, principal: &Principal) -> Result<Arc<Grants>, DecisionError> {
        let (asked, forgotten) = (self.clock.monotonic(), self.lock().forgotten);
        let answer = self.ask.fresh(principal).await;
        let mut kept = self.lock();
        match &answer {
            Ok(grants) if grants.active => {
                if kept.forgotten == forgotten {
                    kept.answers.insert(principal.clone(), (grants.clone(), asked));
                }
            }
            Ok(_) | Err(DecisionError::Unknown) => kept.answers.remove(principal),
            // The last answer still holds for the rest of its time.
            Err(DecisionError::Unavailable) => {}
        }
        answer
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use business_time::{ManualClock, Timestamp};

    use super::*;
    use crate::{HeldRole, Role};

    struct Scripted(Mutex<(u32, Result<Arc<Grants>, DecisionError>)>);

    #[async_trait]
    impl Decisions for Scripted {
        async fn grants(&self, _: &Principal) -> Result<Arc<Grants>, DecisionError> {
            let mut script = self.0.lock().unwrap();
            script.0 += 1;
            script.1.clone()
        }
    }

    struct House {
        cache: CachedDecisions<Arc<Scripted>>,
        registry: Arc<Scripted>,
        clock: ManualClock,
        anna: Principal,
    }

    impl House {
        fn new(answer: Result<Arc<Grants>, DecisionError>) -> Self {
            let clock = ManualClock::new(Timestamp::UNIX_EPOCH);
            let registry = Arc::new(Scripted(Mutex::new((0, answer))));
            let cache = CachedDecisions::new(registry.clone(), Arc::new(clock.clone()));
            Self { cache, registry, clock, anna: Principal::parse("staff/anna").unwrap() }
        }

        fn asked(&self) -> u32 {
            self.registry.0.lock().unwrap().0
        }

        fn answer_from_now_on(&self, answer: Result<Arc<Grants>, DecisionError>) {
            self.registry.0.lock().unwrap().1 = answer;
        }
    }

    fn manager() -> Arc<Grants> {
        Arc::new(Grants::of_roles([HeldRole { role: Role::Management, client: None }]))
    }

    #[tokio::test]
    async fn a_positive_answer_lives_30_seconds() {
        let house = House::new(Ok(manager()));
        house.cache.grants(&house.anna).await.unwrap();
        house.clock.advance("29s".parse().unwrap());
        house.cache.grants(&house.anna).await.unwrap();
        assert_eq!(house.asked(), 1);
        house.clock.advance("1s".parse().unwrap());
        house.cache.grants(&house.anna).await.unwrap();
        assert_eq!(house.asked(), 2);
    }

    #[tokio::test]
    async fn neither_a_stranger_nor_one_who_left_nor_a_failure_is_kept() {
        for answer in [Err(DecisionError::Unknown), Err(DecisionError::Unavailable), Ok(Arc::new(Grants::inactive()))] {
            let house = House::new(answer.clone());
            for _ in 0..2 {
                assert_eq!(house.cache.grants(&house.anna).await, answer);
            }
            assert_eq!(house.asked(), 2);
        }
    }

    #[tokio::test]
    async fn what_was_learnt_afresh_replaces_what_was_kept() {
        let house = House::new(Ok(manager()));
        house.cache.grants(&house.anna).await.unwrap();
        house.answer_from_now_on(Ok(Arc::new(Grants::inactive())));
        assert!(house.cache.grants(&house.anna).await.unwrap().active, "at most 30 seconds old");
        assert!(!house.cache.fresh(&house.anna).await.unwrap().active);
        assert!(!house.cache.grants(&house.anna).await.unwrap().active);
    }

    #[tokio::test]
    async fn an_answer_holds_out_its_time_while_nobody_answers_and_no_longer() {
        let house = House::new(Ok(manager()));
        house.cache.grants(&house.anna).await.unwrap();
        house.answer_from_now_on(Err(DecisionError::Unavailable));
        assert!(house.cache.fresh(&house.anna).await.is_err());
        assert!(house.cache.grants(&house.anna).await.is_ok());
        house.clock.advance("30s".parse().unwrap());
        assert_eq!(house.cache.grants(&house.anna).await, Err(DecisionError::Unavailable));
    }

    #[tokio::test]
    async fn forgetting_asks_anew() {
        let house = House::new(Ok(manager()));
        house.cache.grants(&house.anna).await.unwrap();
        house.cache.forget_all();
        house.cache.grants(&house.anna).await.unwrap();
        house.cache.forget(&house.anna);
        house.cache.grants(&house.anna).await.unwrap();
        assert_eq!(house.asked(), 3);
    }

    /// Answers once it is let, with what it knew when it was asked.
    struct Slow {
        asked: tokio::sync::Notify,
        go_on: tokio::sync::Notify,
        inner: Arc<Scripted>,
    }

    #[async_trait]
    impl Decisions for Slow {
        async fn grants(&self, principal: &Principal) -> Result<Arc<Grants>, DecisionError> {
            let answer = self.inner.grants(principal).await;
            self.asked.notify_one();
            self.go_on.notified().await;
            answer
        }
    }

    #[tokio::test]
    async fn an_answer_that_was_under_way_does_not_outlive_the_forgetting() {
        let house = House::new(Ok(manager()));
        let slow = Slow { asked: Default::default(), go_on: Default::default(), inner: house.registry.clone() };
        let slow = Arc::new(slow);
        let cache = Arc::new(CachedDecisions::new(slow.clone(), Arc::new(house.clock.clone())));
        let (asking, anna) = (cache.clone(), house.anna.clone());
        let first = tokio::spawn(async move { asking.grants(&anna).await });
        slow.asked.notified().await;
        house.answer_from_now_on(Ok(Arc::new(Grants::inactive())));
        cache.forget_all();
        slow.go_on.notify_one();
        assert!(first.await.unwrap().unwrap().active);
        slow.go_on.notify_one();
        assert!(!cache.grants(&house.anna).await.unwrap().active, "asked anew");
    }
}

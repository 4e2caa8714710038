use std::{
    hash::{DefaultHasher, Hash, Hasher},
    time::Duration,
};

/// How long to wait after a failure, and how often to try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// After the first failure; it doubles with each further one.
    pub first: Duration,
    /// Never more than this, before jitter.
    pub most: Duration,
    /// After this many failures nothing is tried any more.
    pub tries: u32,
}

impl Default for Backoff {
    /// One second, doubling up to ten minutes, ten tries.
    fn default() -> Self {
        Self { first: Duration::from_secs(1), most: Duration::from_secs(600), tries: 10 }
    }
}

impl Backoff {
    /// The wait after the `failures`th failure of what `id` names, a quarter up or down. The jitter spreads rows that failed
    /// together; it is drawn from the id, so that a run can be repeated.
    pub fn after(&self, failures: u32, id: &str) -> Duration {
        let wait = self.first.saturating_mul(1 << failures.saturating_sub(1).min(20)).min(self.most);
        let mut hasher = DefaultHasher::new();
        (id, failures).hash(&mut hasher);
        let percent = u32::try_from(hasher.finish() % 51).unwrap_or_default() + 75;
        wait.saturating_mul(percent) / 100
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_to_a_bound_with_a_quarter_of_jitter() {
        let backoff = Backoff { first: Duration::from_secs(4), most: Duration::from_secs(60), tries: 5 };
        for (failures, base) in [(1, 4), (2, 8), (3, 16), (4, 32), (5, 60), (40, 60)] {
            for id in ["a", "b", "c"] {
                let wait = backoff.after(failures, id).as_secs_f64() / f64::from(base);
                assert!((0.75..=1.25).contains(&wait), "{failures} {id}: {wait}");
            }
        }
        assert_ne!(backoff.after(1, "a"), backoff.after(1, "b"));
    }
}

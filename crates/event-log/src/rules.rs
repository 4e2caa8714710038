use std::time::Duration;

/// How fast and how much. The defaults are those of production; tests shorten the waits.
#[derive(Clone, Debug)]
pub struct Tuning {
    /// How long the relay and a reader hold their lease without renewing it (by the system clock).
    pub lease: Duration,
    /// How often the relay looks for committed rows when nobody wakes it.
    pub poll: Duration,
    /// How often the relay reads the transport's own top, idle or not.
    pub check: Duration,
    /// At most this many events are numbered, published or handled at once.
    pub batch: u32,
    /// How many events the transport keeps of each stream; the rest is asked from the producer.
    pub keep: u64,
    /// A reader that has heard nothing for this long asks the producer.
    pub quiet: Duration,
    /// How often one event is tried before it becomes a dead letter.
    pub tries: u32,
    /// The wait after the first failure; it doubles up to [`Tuning::backoff_most`].
    pub backoff: Duration,
    /// The longest wait after a failure.
    pub backoff_most: Duration,
}

impl Default for Tuning {
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(5),
            poll: Duration::from_millis(10),
            check: Duration::from_secs(1),
            batch: 500,
            keep: 100_000,
            quiet: Duration::from_secs(3),
            tries: 6,
            backoff: Duration::from_millis(50),
            backoff_most: Duration::from_secs(2),
        }
    }
}

impl Tuning {
    pub(crate) fn backoff_after(&self, failures: u32) -> Duration {
        self.backoff.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(self.backoff_most)
    }
}

/// The rules on which the log's promises rest, each with a switch, so that a test can show that the promise falls with
/// the rule. All are on outside this crate's own tests.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// The relay locks the stream's row, and takes the rows to number in a second statement.
    pub second_statement: bool,
    /// A top ahead of the database raises the incarnation before anything is numbered.
    pub raise_before_numbering: bool,
    /// The reader's transaction begins with the guard.
    pub guard_first: bool,
    /// A hole is looked for inside a batch too, not only at its beginning.
    pub holes_inside_a_batch: bool,
    /// Replay tells what was pruned.
    pub pruned_through: bool,
    /// One relay and one reader at a time.
    pub leases: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            second_statement: true,
            raise_before_numbering: true,
            guard_first: true,
            holes_inside_a_batch: true,
            pruned_through: true,
            leases: true,
        }
    }
}

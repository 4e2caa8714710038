use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// The span within which rows are counted.
const SPAN: Duration = Duration::from_secs(60);

/// How many rows strangers write within it.
const ROWS: u64 = 60;

/// Bounds what callers without a valid token write into the audit: whoever can reach the port could fill it otherwise. What
/// is over the bound is counted, and told in one row.
#[derive(Default)]
pub(crate) struct Strangers(Mutex<Option<Span>>);

struct Span {
    began: Instant,
    refused: u64,
}

/// What becomes of one refused stranger.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Written {
    /// A row; before it one that tells how many went without in an earlier span, where any did.
    Row { without: u64 },
    /// Counted.
    No,
}

impl Strangers {
    pub fn refused(&self, now: Instant) -> Written {
        let mut span = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *span {
            Some(span) if now.saturating_duration_since(span.began) < SPAN => {
                span.refused += 1;
                if span.refused <= ROWS { Written::Row { without: 0 } } else { Written::No }
            }
            span => {
                let earlier = span.replace(Span { began: now, refused: 1 });
                Written::Row { without: earlier.map_or(0, |earlier| earlier.refused.saturating_sub(ROWS)) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sixty_a_minute_are_written_and_the_others_told_by_their_number() {
        let (strangers, begin) = (Strangers::default(), Instant::now());
        let written = (0..100).filter(|_| strangers.refused(begin) != Written::No).count();
        assert_eq!(written, 60);
        assert_eq!(strangers.refused(begin + SPAN), Written::Row { without: 40 });
        assert_eq!(strangers.refused(begin + SPAN), Written::Row { without: 0 });
    }
}

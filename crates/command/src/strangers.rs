use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use business_time::Timestamp;

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
    since: Timestamp,
    refused: u64,
}

/// What becomes of one refused stranger.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Written {
    /// A row.
    Row,
    /// A row, and before it one that tells how many went without in an earlier span, and when that began.
    RowAfter { without: u64, since: Timestamp },
    /// Counted.
    No,
}

impl Strangers {
    pub fn refused(&self, now: Instant, time: Timestamp) -> Written {
        let mut span = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *span {
            Some(span) if now.saturating_duration_since(span.began) < SPAN => {
                span.refused += 1;
                if span.refused <= ROWS { Written::Row } else { Written::No }
            }
            span => {
                let earlier = span.replace(Span { began: now, since: time, refused: 1 });
                match earlier {
                    Some(Span { refused, since, .. }) if refused > ROWS => {
                        Written::RowAfter { without: refused - ROWS, since }
                    }
                    _ => Written::Row,
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sixty_a_minute_are_written_and_the_others_told_by_their_number() {
        let (strangers, begin, since) = (Strangers::default(), Instant::now(), Timestamp::UNIX_EPOCH);
        let written = (0..100).filter(|_| strangers.refused(begin, since) != Written::No).count();
        assert_eq!(written, 60);
        let later = Timestamp::from_second(60).unwrap_or(since);
        assert_eq!(strangers.refused(begin + SPAN, later), Written::RowAfter { without: 40, since });
        assert_eq!(strangers.refused(begin + SPAN, later), Written::Row);
    }
}

//! Times of a folder come from anybody: what is added to them ends at the ends of representable time.

use business_time::Timestamp;
use jiff::SignedDuration;

use super::SLACK_SECONDS;

/// Business time within which Liaison must have done what was due.
pub(super) const SLACK: SignedDuration = SignedDuration::from_secs(SLACK_SECONDS);

pub(super) fn later(time: Timestamp, by: SignedDuration) -> Timestamp {
    time.checked_add(by).unwrap_or(Timestamp::MAX)
}

pub(super) fn earlier(time: Timestamp, by: SignedDuration) -> Timestamp {
    time.checked_sub(by).unwrap_or(Timestamp::MIN)
}

/// The latest moment at which something due at `time` is in time.
pub(super) fn with_slack(time: Timestamp) -> Timestamp {
    later(time, SLACK)
}

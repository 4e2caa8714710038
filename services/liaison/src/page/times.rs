//! Times as somebody's clocks show them.

use business_time::{Timestamp, Zone};
use serde::Serialize;

/// A time in a zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Shown {
    /// RFC 3339 in UTC, for machines.
    pub utc: String,
    /// `Monday 30 March 2026`.
    pub day: String,
    /// `Mon 30 Mar 2026`.
    pub date: String,
    /// `16:00`, with seconds where there are any.
    pub time: String,
    /// `UTC+1`.
    pub offset: String,
}

/// Shows a time; in UTC where the zone is not known.
pub(super) fn show(time: Timestamp, zone: Option<&Zone>) -> Shown {
    let utc = Zone::try_new("UTC").ok();
    let wall_in = |zone: Option<&Zone>| zone.map(|zone| zone.wall(time));
    let here = wall_in(zone).or(wall_in(utc.as_ref())).unwrap_or_default();
    let there = wall_in(utc.as_ref()).unwrap_or_default();
    let seconds = if here.second() == 0 { "%H:%M" } else { "%H:%M:%S" };
    Shown {
        utc: time.to_string(),
        day: here.strftime("%A %-d %B %Y").to_string(),
        date: here.strftime("%a %-d %b %Y").to_string(),
        time: here.strftime(seconds).to_string(),
        offset: offset(here.duration_since(there).as_mins()),
    }
}

fn offset(minutes: i64) -> String {
    let (sign, ahead) = if minutes < 0 { ('−', -minutes) } else { ('+', minutes) };
    match (ahead / 60, ahead % 60) {
        (0, 0) => "UTC".to_owned(),
        (hours, 0) => format!("UTC{sign}{hours}"),
        (hours, minutes) => format!("UTC{sign}{hours}:{minutes:02}"),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn a_time_is_shown_as_the_clients_clocks_show_it() {
        let zone = Zone::try_new("Europe/London").unwrap();
        let shown = show("2026-03-30T15:00:00Z".parse().unwrap(), Some(&zone));
        assert_eq!(
            (shown.day.as_str(), shown.time.as_str(), shown.offset.as_str()),
            ("Monday 30 March 2026", "16:00", "UTC+1")
        );
        let zone = Zone::try_new("Asia/Kathmandu").unwrap();
        let shown = show("2026-03-30T20:00:07Z".parse().unwrap(), Some(&zone));
        assert_eq!(
            (shown.date.as_str(), shown.time.as_str(), shown.offset.as_str()),
            ("Tue 31 Mar 2026", "01:45:07", "UTC+5:45")
        );
        let zone = Zone::try_new("America/New_York").unwrap();
        assert_eq!(show("2026-03-30T20:00:00Z".parse().unwrap(), Some(&zone)).offset, "UTC−4");
        assert_eq!(show("2026-03-30T20:00:00Z".parse().unwrap(), None).offset, "UTC");
    }
}

//! A calendar as it is written down: in a request, in an event, in the evidence folder.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A working calendar, unchecked. Its JSON is part of the evidence, so the names of its fields do not change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CalendarSpec {
    /// The last segment of `calendars/{calendar}`.
    pub id: String,
    /// Raised by its owner with each change; due times name the one they were computed from.
    pub revision: u64,
    /// A zone of the IANA database, such as `Europe/London`.
    pub time_zone: String,
    /// The usual hours, in any order; several for one day make a lunch break, none make it a free day.
    pub week: Vec<WeekHours>,
    /// Regions whose public holidays are free, such as `GB-ENG`.
    #[serde(default)]
    pub holidays: Vec<String>,
    /// Dates on which it is closed although the week says otherwise.
    #[serde(default)]
    pub closures: Vec<Closure>,
    /// Dates with hours of their own, which replace the week's and overrule a holiday.
    #[serde(default)]
    pub openings: Vec<Opening>,
}

/// Hours on one day of each week.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WeekHours {
    /// The day.
    pub day: Weekday,
    /// `HH:MM`, from `00:00` to `23:59`.
    pub open: String,
    /// `HH:MM`, to `24:00`; this minute is not open any more.
    pub close: String,
}

/// A date on which the calendar is closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Closure {
    /// `YYYY-MM-DD`.
    pub date: String,
    /// Why, for people.
    #[serde(default)]
    pub label: String,
}

/// Hours on one date; several with the same date make a lunch break.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Opening {
    /// `YYYY-MM-DD`.
    pub date: String,
    /// As in [`WeekHours::open`].
    pub open: String,
    /// As in [`WeekHours::close`].
    pub close: String,
    /// Why, for people.
    #[serde(default)]
    pub label: String,
}

/// A day of the week; in JSON `monday` to `sunday`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the days need no explanation")]
pub enum Weekday {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

impl Weekday {
    /// The days in order, Monday first.
    pub const ALL: [Self; 7] =
        [Self::Monday, Self::Tuesday, Self::Wednesday, Self::Thursday, Self::Friday, Self::Saturday, Self::Sunday];

    /// By ISO 8601's number, 1 for Monday to 7 for Sunday; `None` for any other. `google.type.DayOfWeek` counts the
    /// same way.
    pub fn from_iso_number(number: i32) -> Option<Self> {
        let index = usize::try_from(number.checked_sub(1)?).ok()?;
        Self::ALL.get(index).copied()
    }

    /// ISO 8601's number, 1 for Monday to 7 for Sunday.
    pub fn iso_number(self) -> i32 {
        self as i32 + 1
    }
}

impl fmt::Display for Weekday {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Monday => "monday",
            Self::Tuesday => "tuesday",
            Self::Wednesday => "wednesday",
            Self::Thursday => "thursday",
            Self::Friday => "friday",
            Self::Saturday => "saturday",
            Self::Sunday => "sunday",
        })
    }
}

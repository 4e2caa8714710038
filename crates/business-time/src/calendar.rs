//! Working calendars: [`CalendarSpec`] is what somebody wrote, [`Calendar`] is what passed the checks.
//!
//! **Hours** are readings of the wall clock: the calendar is open whenever the clocks in its zone show a time within
//! the hours of the date they show (opening included, close not). So an hour shown twice is open twice, and of hours
//! that the clock jumps over only the rest is open.
//!
//! **A date's hours** are, first match: its exceptional openings; none if it is an exceptional closure; none if it is a
//! holiday in one of the regions; else those of its weekday. A **business day** is a date on which the calendar is
//! open for a while at all: a date that the zone skipped is none.
//!
//! Hours do not reach over midnight: a night shift is `22:00`-`24:00` and `00:00`-`06:00` of the day after, and those
//! are two business days.

mod check;
mod error;
mod spec;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use serde::{Deserialize, Serialize};

pub use error::CalendarError;
pub use spec::{CalendarSpec, Closure, Opening, WeekHours, Weekday};

use crate::holidays::{self, Region};
use crate::zone::{self, Zone};

/// A working calendar that is known to be sound. In JSON it is its [`CalendarSpec`], and reading it checks it again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "CalendarSpec", try_from = "CalendarSpec")]
pub struct Calendar {
    spec: CalendarSpec,
    zone: Zone,
    /// Monday first; each day's hours in order, without overlap.
    week: [Vec<Hours>; 7],
    regions: Vec<&'static Region>,
    closures: BTreeSet<Date>,
    openings: BTreeMap<Date, Vec<Hours>>,
}

/// From `open` to before `close`, in minutes since midnight, `open < close <= 1440`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Hours {
    open: u16,
    close: u16,
}

/// What a computed due time rests on. Where one of the three differs, the due time may differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// [`CalendarSpec::revision`].
    pub calendar_revision: u64,
    /// [`crate::tzdb_version`], such as `2026f`.
    pub tzdb_version: String,
    /// [`crate::holidays_version`], such as `holidays 0.109, 2024-2035`.
    pub holidays_version: String,
}

impl Calendar {
    /// Checks `spec`.
    ///
    /// # Errors
    /// The first thing wrong in it, with the path of the field. [`Calendar::check`] finds them all.
    pub fn try_new(spec: CalendarSpec) -> Result<Self, CalendarError> {
        check::checked(spec).map_err(|errors| errors.first)
    }

    /// Everything that is wrong in `spec`, in the order of its fields; empty when it makes a calendar.
    pub fn check(spec: &CalendarSpec) -> Vec<CalendarError> {
        match check::checked(spec.clone()) {
            Ok(_) => Vec::new(),
            Err(errors) => errors.into_vec(),
        }
    }

    /// The calendar as it was written.
    pub fn spec(&self) -> &CalendarSpec {
        &self.spec
    }

    /// Its id: the last segment of `calendars/{calendar}`.
    pub fn id(&self) -> &str {
        &self.spec.id
    }

    /// Its revision.
    pub fn revision(&self) -> u64 {
        self.spec.revision
    }

    /// The zone whose clocks it goes by.
    pub fn zone(&self) -> &Zone {
        &self.zone
    }

    /// What due times computed from this calendar, in this binary, rest on.
    pub fn provenance(&self) -> Provenance {
        Provenance {
            calendar_revision: self.spec.revision,
            tzdb_version: zone::tzdb_version().to_owned(),
            holidays_version: holidays::holidays_version().to_owned(),
        }
    }

    /// Is it open at `time`?
    pub fn is_open(&self, time: Timestamp) -> bool {
        self.is_open_on_the_wall(self.zone.wall(time))
    }

    /// The first instant, `time` itself included, at which it is open: `time` when it is open then. `None` only past
    /// the end of representable time.
    pub fn next_opening(&self, time: Timestamp) -> Option<Timestamp> {
        let mut time = time;
        loop {
            let wall = self.zone.wall(time);
            if self.is_open_on_the_wall(wall) {
                return Some(time);
            }
            // Until the clock is next set, it runs evenly from here to the opening.
            let change = self.zone.next_change(time);
            let opening = self
                .next_opening_on_the_wall(wall)
                .and_then(|opening| time.checked_add(opening.duration_since(wall)).ok());
            match (opening, change) {
                (Some(opening), Some(change)) if change <= opening => time = change,
                (None, Some(change)) => time = change,
                (opening, _) => return opening,
            }
        }
    }

    /// Is it open for a while on `date`, by the clocks in its zone?
    pub fn is_business_day(&self, date: Date) -> bool {
        !self.open_spans(date).is_empty()
    }

    /// The spans for which it is open on `date`, as the clocks show them: none begins or ends inside a gap, and one
    /// that lies wholly in a gap is left out. `24:00` shows as midnight of the day after.
    pub(crate) fn open_spans(&self, date: Date) -> Vec<OpenSpan> {
        self.hours_of(date)
            .iter()
            .map(|hours| OpenSpan {
                open: self.zone.end_of_gap(minute_of(date, hours.open)),
                close: self.zone.end_of_gap(minute_of(date, hours.close)),
            })
            .filter(|span| span.open < span.close)
            .collect()
    }

    fn hours_of(&self, date: Date) -> &[Hours] {
        if let Some(exceptional) = self.openings.get(&date) {
            return exceptional;
        }
        if self.closures.contains(&date) || self.regions.iter().any(|region| region.find_holiday(date).is_some()) {
            return &[];
        }
        &self.week[usize::from(date.weekday().to_monday_zero_offset().unsigned_abs())]
    }

    fn is_open_on_the_wall(&self, wall: DateTime) -> bool {
        let minute = u16::from(wall.hour().unsigned_abs()) * 60 + u16::from(wall.minute().unsigned_abs());
        self.hours_of(wall.date()).iter().any(|hours| (hours.open..hours.close).contains(&minute))
    }

    /// The first opening after `wall`, as if the clock were never set.
    fn next_opening_on_the_wall(&self, wall: DateTime) -> Option<DateTime> {
        let mut date = wall.date();
        loop {
            let opening = self.hours_of(date).iter().map(|hours| minute_of(date, hours.open)).find(|open| *open > wall);
            if opening.is_some() {
                return opening;
            }
            date = date.tomorrow().ok()?;
        }
    }
}

/// See [`Calendar::open_spans`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct OpenSpan {
    pub(crate) open: DateTime,
    pub(crate) close: DateTime,
}

/// `minute` is at most 1440, which is midnight of the day after.
fn minute_of(date: Date, minute: u16) -> DateTime {
    let midnight = date.at(0, 0, 0, 0);
    midnight.checked_add(jiff::SignedDuration::from_mins(minute.into())).unwrap_or(DateTime::MAX)
}

impl TryFrom<CalendarSpec> for Calendar {
    type Error = CalendarError;

    fn try_from(spec: CalendarSpec) -> Result<Self, Self::Error> {
        Self::try_new(spec)
    }
}

impl From<Calendar> for CalendarSpec {
    fn from(calendar: Calendar) -> Self {
        calendar.spec
    }
}

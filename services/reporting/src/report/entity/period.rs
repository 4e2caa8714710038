//! What a report is about: a week, a month, an issue of an incident's report.

use jiff::{
    ToSpan,
    civil::{Date, ISOWeekDate, Weekday},
};
use serde::{Deserialize, Serialize};

use crate::matrix::ReportType;

/// A period in its one spelling, which is what makes it unique.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Period {
    /// An ISO week: `2026-W11`.
    Week {
        /// The year that the week belongs to.
        year: i16,
        /// From 1 to 53.
        week: i8,
    },
    /// A month: `2026-03`.
    Month {
        /// The year.
        year: i16,
        /// From 1 to 12.
        month: i8,
    },
    /// `cases/{case}#INITIAL`, `#UPDATE-1`, `#UPDATE-2` …, `#FINAL`.
    Incident {
        /// The case.
        case: String,
        /// Which issue.
        issue: Issue,
    },
}

/// Which issue of an incident's report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Issue {
    /// The first.
    Initial,
    /// A further one, from 1 upwards.
    Update(u32),
    /// The last.
    Final,
}

/// A text that names no period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is no period of this kind of report")]
pub struct PeriodError;

impl Period {
    /// The period of this name, where this kind of report has such periods.
    ///
    /// # Errors
    /// Where it has not, or there is no such week or month.
    pub fn of(kind: ReportType, name: &str) -> Result<Self, PeriodError> {
        let period = Self::try_from(name.to_owned())?;
        let fits = matches!(
            (kind, &period),
            (ReportType::StatusUpdate, Self::Week { .. })
                | (ReportType::ProgressReport, Self::Month { .. })
                | (ReportType::IncidentReport, Self::Incident { .. })
        );
        if fits { Ok(period) } else { Err(PeriodError) }
    }

    /// The week that a status update which is due on `date` is about: from Monday to Wednesday the week before, which is over;
    /// from Thursday on the week itself.
    pub fn week_due_on(date: Date) -> Option<Self> {
        let early = matches!(date.weekday(), Weekday::Monday | Weekday::Tuesday | Weekday::Wednesday);
        let within = if early { date.checked_sub(7.days()).ok()? } else { date };
        let week = within.iso_week_date();
        Some(Self::Week { year: week.year(), week: week.week() })
    }

    /// The date on which it is due where it is due on this day of the week; the other way round.
    pub fn due_date(&self, weekday: Weekday) -> Option<Date> {
        let Self::Week { year, week } = self else { return None };
        let within = ISOWeekDate::new(*year, *week, weekday).ok()?.date();
        let early = matches!(weekday, Weekday::Monday | Weekday::Tuesday | Weekday::Wednesday);
        if early { within.checked_add(7.days()).ok() } else { Some(within) }
    }

    /// Its first day and its last; none of an incident.
    pub fn days(&self) -> Option<(Date, Date)> {
        match self {
            Self::Week { year, week } => {
                let day = |day| ISOWeekDate::new(*year, *week, day).ok().map(ISOWeekDate::date);
                Some((day(Weekday::Monday)?, day(Weekday::Sunday)?))
            }
            Self::Month { year, month } => {
                let first = Date::new(*year, *month, 1).ok()?;
                Some((first, first.last_of_month()))
            }
            Self::Incident { .. } => None,
        }
    }

    /// The case, where it is an incident's.
    pub fn case(&self) -> Option<&str> {
        match self {
            Self::Incident { case, .. } => Some(case),
            Self::Week { .. } | Self::Month { .. } => None,
        }
    }

    /// For people: `9 to 15 March 2026`.
    pub fn shown(&self) -> String {
        match (self, self.days()) {
            (Self::Month { .. }, Some((first, _))) => first.strftime("%B %Y").to_string(),
            (_, Some((first, last))) if first.year() != last.year() => {
                format!("{} to {}", first.strftime("%-d %B %Y"), last.strftime("%-d %B %Y"))
            }
            (_, Some((first, last))) if first.month() != last.month() => {
                format!("{} to {}", first.strftime("%-d %B"), last.strftime("%-d %B %Y"))
            }
            (_, Some((first, last))) => format!("{} to {}", first.strftime("%-d"), last.strftime("%-d %B %Y")),
            (Self::Incident { issue, .. }, None) => match issue {
                Issue::Initial => "first report".to_owned(),
                Issue::Update(number) => format!("update {number}"),
                Issue::Final => "final report".to_owned(),
            },
            (_, None) => self.name(),
        }
    }

    /// In its one spelling.
    pub fn name(&self) -> String {
        match self {
            Self::Week { year, week } => format!("{year:04}-W{week:02}"),
            Self::Month { year, month } => format!("{year:04}-{month:02}"),
            Self::Incident { case, issue } => match issue {
                Issue::Initial => format!("{case}#INITIAL"),
                Issue::Update(number) => format!("{case}#UPDATE-{number}"),
                Issue::Final => format!("{case}#FINAL"),
            },
        }
    }
}

impl From<Period> for String {
    fn from(period: Period) -> Self {
        period.name()
    }
}

impl TryFrom<String> for Period {
    type Error = PeriodError;

    fn try_from(name: String) -> Result<Self, PeriodError> {
        if let Some((case, issue)) = name.split_once('#') {
            let issue = match issue {
                "INITIAL" => Issue::Initial,
                "FINAL" => Issue::Final,
                other => Issue::Update(
                    other.strip_prefix("UPDATE-").and_then(|number| number.parse().ok()).ok_or(PeriodError)?,
                ),
            };
            return Ok(Self::Incident { case: case.to_owned(), issue });
        }
        let (year, rest) = name.split_once('-').ok_or(PeriodError)?;
        let year = year.parse().map_err(|_| PeriodError)?;
        let period = match rest.strip_prefix('W') {
            Some(week) => Self::Week { year, week: week.parse().map_err(|_| PeriodError)? },
            None => Self::Month { year, month: rest.parse().map_err(|_| PeriodError)? },
        };
        // A year of 52 weeks has no week 53.
        if period.days().is_none() || period.name() != name { Err(PeriodError) } else { Ok(period) }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use jiff::civil::date;

    use super::*;

    #[test]
    fn a_period_has_one_spelling_and_no_week_is_made_up() {
        for name in ["2026-W11", "2026-W53", "2026-03", "cases/c#INITIAL", "cases/c#UPDATE-2", "cases/c#FINAL"] {
            assert_eq!(Period::try_from(name.to_owned()).unwrap().name(), name);
        }
        for wrong in
            ["2027-W53", "2026-W00", "2026-13", "2026-3", "2026-W1", "cases/c#", "cases/c#UPDATE-02x", "", "2026"]
        {
            assert_eq!(Period::try_from(wrong.to_owned()), Err(PeriodError), "{wrong}");
        }
        assert_eq!(Period::of(ReportType::StatusUpdate, "2026-03"), Err(PeriodError));
    }

    #[test]
    fn early_in_a_week_a_status_update_is_about_the_week_before() {
        let of = |day| Period::week_due_on(date(2026, 3, day)).unwrap().name();
        assert_eq!(
            [9, 10, 11, 12, 13, 14, 15].map(of).map(|name| name[6..].to_owned()),
            ["10", "10", "10", "11", "11", "11", "11"]
        );
        assert_eq!(Period::week_due_on(date(2027, 1, 4)).unwrap().name(), "2026-W53");
    }

    #[test]
    fn the_due_date_of_a_period_is_found_back() {
        for offset in 0..800 {
            let day = date(2026, 1, 1).checked_add(offset.days()).unwrap();
            assert_eq!(Period::week_due_on(day).unwrap().due_date(day.weekday()), Some(day));
        }
    }

    #[test]
    fn days_are_told_as_people_say_them() {
        let shown = |name: &str| Period::try_from(name.to_owned()).unwrap().shown();
        assert_eq!(shown("2026-W11"), "9 to 15 March 2026");
        assert_eq!(shown("2026-W09"), "23 February to 1 March 2026");
        assert_eq!(shown("2026-W53"), "28 December 2026 to 3 January 2027");
        assert_eq!(shown("2026-03"), "March 2026");
    }
}

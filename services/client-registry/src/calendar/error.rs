use business_time::CalendarError;
use command::Fault;
use refusal::{FieldFault, Kind, Refusal};

use crate::name;

/// Why something about a calendar is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CalendarFault {
    #[error("calendars/{0} is not there")]
    NotFound(String),
    #[error("a calendar named in the request is not there: calendars/{0}")]
    NamedNotFound(String),
    #[error("calendars/{0} exists already")]
    Exists(String),
    #[error("{} things are wrong in the calendar", .0.len())]
    Unsound(Vec<CalendarError>),
}

impl From<CalendarFault> for Refusal {
    fn from(fault: CalendarFault) -> Self {
        match fault {
            CalendarFault::NotFound(id) => Self::not_found(name::calendar(&id)),
            CalendarFault::NamedNotFound(id) => {
                let name = name::calendar(&id);
                let sentence = format!("{name}, which the request names, is not there");
                Self::new(Kind::NotFound, "CALENDAR_NOT_FOUND", sentence).with("resource", name)
            }
            CalendarFault::Exists(id) => {
                let name = name::calendar(&id);
                Self::new(Kind::Exists, "ALREADY_EXISTS", format!("{name} exists already; choose another id"))
                    .with("resource", name)
            }
            CalendarFault::Unsound(wrong) => {
                let (reason, _) = wrong.first().map_or(("BAD_CALENDAR", ""), told);
                let mut refusal = Self::new(Kind::Invalid, reason, "the calendar is not sound; see the fields");
                refusal.fields = wrong
                    .iter()
                    .map(|error| FieldFault { field: field(error.field()), description: told(error).1.to_owned() })
                    .collect();
                refusal
            }
        }
    }
}

impl From<CalendarFault> for Fault {
    fn from(fault: CalendarFault) -> Self {
        Self::Refused(fault.into())
    }
}

/// The reason that the contract names, and what is wrong.
fn told(error: &CalendarError) -> (&'static str, &'static str) {
    match error {
        CalendarError::UnknownTimeZone { .. } => ("UNKNOWN_TIME_ZONE", "is no zone of the IANA database"),
        CalendarError::NoWorkingDay { .. } => ("NO_WORKING_DAY", "names no hours, so nothing would ever be due"),
        CalendarError::MalformedTime { .. } => ("BAD_HOURS", "is no time of day of the form HH:MM"),
        CalendarError::CloseNotAfterOpen { .. } => ("BAD_HOURS", "is not later than the opening"),
        CalendarError::OverlappingHours { .. } => ("BAD_HOURS", "overlaps other hours of the same day"),
        CalendarError::UnknownRegion { .. } => ("UNKNOWN_HOLIDAY_REGION", "is no region whose holidays are known"),
        CalendarError::MalformedDate { .. } => ("BAD_DATE", "is no date of the form YYYY-MM-DD"),
        CalendarError::ClosedAndOpen { .. } => ("BAD_DATE", "is closed by another entry"),
    }
}

/// A path in the spec as a path in the request.
fn field(path: &str) -> String {
    match path.strip_prefix("holidays") {
        Some(rest) => format!("calendar.holiday_regions{rest}"),
        None => format!("calendar.{path}"),
    }
}

#[cfg(test)]
mod tests {
    use business_time::{CalendarSpec, WeekHours, Weekday};

    use super::*;

    #[test]
    fn everything_wrong_is_told_at_once_by_its_field_in_the_request() {
        let hours =
            |open: &str, close: &str| WeekHours { day: Weekday::Friday, open: open.into(), close: close.into() };
        let spec = CalendarSpec {
            time_zone: "Mars/Olympus".into(),
            week: vec![hours("09:00", "12:00"), hours("11:00", "15:00"), hours("17:00", "16:00")],
            holidays: vec!["GB-ENG".into(), "XX".into()],
            ..CalendarSpec::default()
        };
        let refusal = Refusal::from(CalendarFault::Unsound(business_time::Calendar::check(&spec)));
        assert_eq!((refusal.kind, refusal.reason), (Kind::Invalid, "UNKNOWN_TIME_ZONE"));
        let fields: Vec<_> = refusal.fields.iter().map(|fault| fault.field.as_str()).collect();
        assert_eq!(
            fields,
            ["calendar.time_zone", "calendar.week[1]", "calendar.week[2].close", "calendar.holiday_regions[1]"]
        );
    }

    #[test]
    fn a_calendar_without_hours_has_no_working_day() {
        let spec = CalendarSpec { time_zone: "Europe/London".into(), ..CalendarSpec::default() };
        let refusal = Refusal::from(CalendarFault::Unsound(business_time::Calendar::check(&spec)));
        assert_eq!((refusal.reason, refusal.fields[0].field.as_str()), ("NO_WORKING_DAY", "calendar.week"));
    }
}

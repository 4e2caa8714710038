//! A working calendar: what business-time checks, with a life of its own.

use business_time::{CalendarError, CalendarSpec, Timestamp};

use super::error::CalendarFault;

/// A calendar that passed the checks.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Calendar {
    /// Its id and revision stand in the spec.
    pub spec: CalendarSpec,
    pub create_time: Timestamp,
    pub update_time: Timestamp,
}

impl Calendar {
    /// A new calendar from what somebody wrote; the spec's own id and revision are set here.
    pub fn try_new(id: &str, spec: CalendarSpec, now: Timestamp) -> Result<Self, CalendarFault> {
        let spec = CalendarSpec { id: id.to_owned(), revision: 1, ..spec };
        check(&spec)?;
        Ok(Self { spec, create_time: now, update_time: now })
    }

    /// Replaces all but its id.
    pub fn replace(&mut self, spec: CalendarSpec, now: Timestamp) -> Result<(), CalendarFault> {
        let spec = CalendarSpec { id: self.spec.id.clone(), revision: self.spec.revision + 1, ..spec };
        check(&spec)?;
        self.spec = spec;
        self.update_time = now;
        Ok(())
    }
}

fn check(spec: &CalendarSpec) -> Result<(), CalendarFault> {
    let wrong: Vec<CalendarError> = business_time::Calendar::check(spec);
    if wrong.is_empty() { Ok(()) } else { Err(CalendarFault::Unsound(wrong)) }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use business_time::{WeekHours, Weekday};

    use super::*;

    fn spec() -> CalendarSpec {
        CalendarSpec {
            time_zone: "Europe/London".into(),
            week: vec![WeekHours { day: Weekday::Monday, open: "09:00".into(), close: "17:00".into() }],
            ..CalendarSpec::default()
        }
    }

    #[test]
    fn a_change_raises_the_revision_and_a_refused_one_changes_nothing() {
        let mut calendar = Calendar::try_new("firm", spec(), Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!((calendar.spec.id.as_str(), calendar.spec.revision), ("firm", 1));
        calendar.replace(spec(), Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(calendar.spec.revision, 2);
        let before = calendar.clone();
        let unworked = CalendarSpec { week: vec![], ..spec() };
        assert!(calendar.replace(unworked, Timestamp::UNIX_EPOCH).is_err());
        assert_eq!(calendar, before);
    }
}

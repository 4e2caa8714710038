//! What can be wrong in a [`super::CalendarSpec`].

/// One thing wrong in a calendar. `field` is the path inside the spec, such as `week[2].close`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CalendarError {
    /// The zone is not in the database.
    #[error("{field}: there is no time zone {value:?}")]
    UnknownTimeZone {
        /// `time_zone`
        field: String,
        /// The name as it was given.
        value: String,
    },
    /// The week has no hours at all, so nothing would ever be due.
    #[error("{field}: a calendar needs at least one working day")]
    NoWorkingDay {
        /// `week`
        field: String,
    },
    /// No time of day of the form `HH:MM`; `24:00` is a close only.
    #[error("{field}: {value:?} is not a time of day, such as 09:00")]
    MalformedTime {
        /// `week[i].open`, `openings[i].close` and the like.
        field: String,
        /// The text as it was given.
        value: String,
    },
    /// Hours that end where they begin, or before.
    #[error("{field}: {close} is not after the opening at {open}")]
    CloseNotAfterOpen {
        /// `week[i].close` or `openings[i].close`
        field: String,
        /// The opening.
        open: String,
        /// The close.
        close: String,
    },
    /// Two hours of one day share a minute. Hours that only touch are fine.
    #[error("{field}: these hours overlap those of {other}")]
    OverlappingHours {
        /// `week[i]` or `openings[i]`, the later of the two in the list.
        field: String,
        /// The other one.
        other: String,
    },
    /// The holiday table has no such region.
    #[error("{field}: no holidays are known for a region {value:?}")]
    UnknownRegion {
        /// `holidays[i]`
        field: String,
        /// The code as it was given.
        value: String,
    },
    /// No date of the form `YYYY-MM-DD`.
    #[error("{field}: {value:?} is not a date, such as 2026-12-24")]
    MalformedDate {
        /// `closures[i].date` or `openings[i].date`
        field: String,
        /// The text as it was given.
        value: String,
    },
    /// A date is an exceptional closure and an exceptional opening.
    #[error("{field}: {date} is closed by {closure}")]
    ClosedAndOpen {
        /// `openings[i].date`
        field: String,
        /// The date.
        date: String,
        /// `closures[i]`
        closure: String,
    },
}

impl CalendarError {
    /// The path of the wrong field inside the spec, such as `week[2].close`.
    pub fn field(&self) -> &str {
        match self {
            Self::UnknownTimeZone { field, .. }
            | Self::NoWorkingDay { field }
            | Self::MalformedTime { field, .. }
            | Self::CloseNotAfterOpen { field, .. }
            | Self::OverlappingHours { field, .. }
            | Self::UnknownRegion { field, .. }
            | Self::MalformedDate { field, .. }
            | Self::ClosedAndOpen { field, .. } => field,
        }
    }

    /// The cause as a constant name, for `ErrorInfo.reason` and the like.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::UnknownTimeZone { .. } => "UNKNOWN_TIME_ZONE",
            Self::NoWorkingDay { .. } => "NO_WORKING_DAY",
            Self::MalformedTime { .. } => "MALFORMED_TIME",
            Self::CloseNotAfterOpen { .. } => "CLOSE_NOT_AFTER_OPEN",
            Self::OverlappingHours { .. } => "OVERLAPPING_HOURS",
            Self::UnknownRegion { .. } => "UNKNOWN_REGION",
            Self::MalformedDate { .. } => "MALFORMED_DATE",
            Self::ClosedAndOpen { .. } => "CLOSED_AND_OPEN",
        }
    }
}

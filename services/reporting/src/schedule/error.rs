use refusal::{Kind, Refusal};

/// Why a schedule does not do what is asked of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// No day of the week.
    #[error("is no day of the week")]
    NoDay,
    /// No time of day.
    #[error("is no time of day")]
    NoTime,
    /// Its engagement or type is another one.
    #[error("a schedule keeps its engagement and its type; make another one")]
    Fixed,
    /// There is one.
    #[error("this engagement has a schedule for this type of report already")]
    Exists,
}

impl From<ScheduleError> for Refusal {
    fn from(error: ScheduleError) -> Self {
        let message = error.to_string();
        match error {
            ScheduleError::NoDay => Refusal::field("BAD_WEEKDAY", "schedule.weekday", message),
            ScheduleError::NoTime => Refusal::field("BAD_TIME", "schedule.local_time", message),
            ScheduleError::Fixed => Refusal::field("SCHEDULE_FIXED", "schedule.engagement", message),
            ScheduleError::Exists => Refusal::new(Kind::Exists, "SCHEDULE_EXISTS", message),
        }
    }
}

impl From<ScheduleError> for command::Fault {
    fn from(error: ScheduleError) -> Self {
        Self::Refused(error.into())
    }
}

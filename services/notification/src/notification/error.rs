use refusal::{Kind, Refusal};

/// Why something about a notification is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotificationError {
    /// It was handed over, given up, cancelled, or is being handed over at this moment.
    #[error("the notification is not queued")]
    NotQueued,
    /// It did not leave, so it cannot come back.
    #[error("the notification was not handed over")]
    NotHandedOver,
    /// It is an alert of a critical incident, or tells of one that reached nobody (SOP 8.2).
    #[error("an alert is owed and cannot be taken back")]
    AlertIsOwed,
}

impl From<NotificationError> for Refusal {
    fn from(error: NotificationError) -> Self {
        match error {
            NotificationError::NotHandedOver => {
                Self::new(Kind::State, "NOT_HANDED_OVER", "it did not leave, so it cannot come back")
            }
            NotificationError::NotQueued => Self::new(
                Kind::State,
                "NOT_QUEUED",
                "it can be taken back only before its hand-over has begun; read it again to see what became of it",
            ),
            NotificationError::AlertIsOwed => Self::new(
                Kind::State,
                "ALERT_IS_OWED",
                "client and management are told of a critical incident at once; nobody can take that back",
            ),
        }
    }
}

impl From<NotificationError> for command::Fault {
    fn from(error: NotificationError) -> Self {
        Self::Refused(error.into())
    }
}

use refusal::{Kind, Refusal};

use super::parse::NotAMail;

/// Why something about a mail is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MailError {
    /// The bytes are none.
    #[error(transparent)]
    NotAMail(#[from] NotAMail),
    /// It was received later than now, by more than clocks differ.
    #[error("the mail was received in the future")]
    ReceivedInFuture,
    /// It does not lie in triage.
    #[error("the mail does not lie in triage")]
    NotInTriage,
}

impl From<MailError> for Refusal {
    fn from(error: MailError) -> Self {
        match error {
            MailError::NotAMail(NotAMail::TooLarge) => {
                Self::new(Kind::Exhausted, "MAIL_TOO_LARGE", "a mail is 25 MiB at most")
            }
            MailError::NotAMail(why) => Self::field("NOT_A_MAIL", "raw", why.to_string()),
            MailError::ReceivedInFuture => Self::field(
                "RECEIVED_IN_FUTURE",
                "receive_time",
                "lies in the future; the clocks of the servers differ",
            ),
            MailError::NotInTriage => {
                Self::new(Kind::State, "NOT_IN_TRIAGE", "this mail does not lie in triage; read it again")
            }
        }
    }
}

impl From<MailError> for command::Fault {
    fn from(error: MailError) -> Self {
        Self::Refused(error.into())
    }
}

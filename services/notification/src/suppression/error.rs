use refusal::{Kind, Refusal};

/// Why something about a suppression is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SuppressionError {
    /// It does not hold any more.
    #[error("the suppression was lifted before")]
    AlreadyLifted,
}

impl From<SuppressionError> for Refusal {
    fn from(error: SuppressionError) -> Self {
        match error {
            SuppressionError::AlreadyLifted => {
                Self::new(Kind::State, "ALREADY_LIFTED", "it was lifted before; the address takes mail")
            }
        }
    }
}

impl From<SuppressionError> for command::Fault {
    fn from(error: SuppressionError) -> Self {
        Self::Refused(error.into())
    }
}

use refusal::Refusal;

/// Why something about a call is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// There is none of this id.
    #[error("no such call")]
    NotFound(String),
}

impl From<CallError> for Refusal {
    fn from(error: CallError) -> Self {
        match error {
            CallError::NotFound(name) => Self::not_found(name),
        }
    }
}

impl From<CallError> for command::Fault {
    fn from(error: CallError) -> Self {
        Self::Refused(error.into())
    }
}

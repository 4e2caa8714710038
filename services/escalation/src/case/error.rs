use refusal::{Kind, Refusal};

/// Why a case does not do what is asked of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CaseError {
    /// An inquiry has no resolution.
    #[error("this is an inquiry; raise it as an issue first")]
    NotAnIssue,
    /// It is one already, also where it is closed.
    #[error("this is an issue already")]
    AlreadyAnIssue,
    /// Once declared, for good.
    #[error("this is a critical incident already")]
    AlreadyCritical,
    /// Both sides confirmed it.
    #[error("both sides confirmed this case as resolved; it is closed")]
    Closed,
    /// Every step of its policy was taken.
    #[error("every escalation step of this case's policy was taken")]
    NoStepLeft,
    /// Its policy is being fetched.
    #[error("the policy of this case is not here yet; try again in a moment")]
    NoPolicyYet,
    /// The clock was not late.
    #[error("this clock was not late")]
    NotLate,
    /// Nothing is proposed, or not this revision.
    #[error("no such proposal waits for a confirmation")]
    NoProposal,
    /// A newer proposal stands.
    #[error("a newer proposal stands; read it before you answer")]
    ProposalRevised {
        /// Its revision.
        current: u64,
    },
    /// The same person, the same revision.
    #[error("you confirmed this proposal already")]
    AlreadyConfirmed,
    /// Somebody else of the same side did.
    #[error("somebody else confirmed this proposal for the same side")]
    SideAlreadyConfirmed,
    /// One person would stand for both sides.
    #[error("whoever recorded the client's confirmation cannot confirm for the firm")]
    RecorderCannotConfirm,
    /// The contact belongs to another client.
    #[error("this contact is not one of the case's client")]
    ContactOfAnother,
}

impl CaseError {
    /// For programs.
    pub fn reason(self) -> &'static str {
        match self {
            Self::NotAnIssue => "NOT_AN_ISSUE",
            Self::AlreadyAnIssue => "ALREADY_AN_ISSUE",
            Self::AlreadyCritical => "ALREADY_CRITICAL",
            Self::Closed => "CASE_CLOSED",
            Self::NoStepLeft => "NO_STEP_LEFT",
            Self::NoPolicyYet => "POLICY_NOT_HERE",
            Self::NotLate => "NOT_LATE",
            Self::NoProposal => "NO_PROPOSAL",
            Self::ProposalRevised { .. } => "PROPOSAL_REVISED",
            Self::AlreadyConfirmed => "ALREADY_CONFIRMED",
            Self::SideAlreadyConfirmed => "SIDE_ALREADY_CONFIRMED",
            Self::RecorderCannotConfirm => "RECORDER_CANNOT_CONFIRM",
            Self::ContactOfAnother => "CONTACT_OF_ANOTHER_CLIENT",
        }
    }
}

impl From<CaseError> for Refusal {
    fn from(error: CaseError) -> Self {
        let (reason, message) = (error.reason(), error.to_string());
        match error {
            CaseError::ContactOfAnother => Refusal::field(reason, "contact", message),
            CaseError::NoPolicyYet => Refusal::new(Kind::Unavailable, reason, message),
            CaseError::ProposalRevised { current } => {
                Refusal::new(Kind::State, reason, message).with("current_revision", current.to_string())
            }
            _ => Refusal::new(Kind::State, reason, message),
        }
    }
}

impl From<CaseError> for command::Fault {
    fn from(error: CaseError) -> Self {
        Self::Refused(error.into())
    }
}

use refusal::{Kind, Refusal};

/// Why a report does not do what is asked of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReportError {
    /// Its draft is still being made.
    #[error("the draft is not here yet; try again in a moment, or write the text yourself")]
    NotDraftedYet,
    /// It is for nobody.
    #[error("nobody is named who gets this report; UpdateReport names them")]
    NoRecipients,
    /// Nothing waits for an approval.
    #[error("no version of this report waits for an approval")]
    NotSubmitted,
    /// It waits for an approval.
    #[error("this report waits for an approval; a new version of the text makes it a draft again")]
    Submitted,
    /// Another version does.
    #[error("another version of this report waits for an approval; read it first")]
    Revised {
        /// Which.
        current: u64,
    },
    /// It is on its way.
    #[error("this report is approved and on its way")]
    Approved,
    /// Everybody got it.
    #[error("this report was delivered")]
    Delivered,
    /// Somebody did not get it.
    #[error("this report did not reach everybody; a new version of the text makes it a draft again")]
    DeliveryFailed,
    /// It was taken back.
    #[error("this report was cancelled")]
    Cancelled,
    /// Too many.
    #[error("this report has as many versions as one may have")]
    TooManyVersions,
    /// Too many.
    #[error("as many people were asked to contribute as may be asked")]
    TooManyContributions,
    /// Nobody was asked for it.
    #[error("no such contribution was asked for")]
    NoContribution,
    /// Somebody else was asked.
    #[error("somebody else was asked for this contribution; only they can give it")]
    NotAsked,
    /// It is there.
    #[error("this contribution was given already")]
    AlreadyGiven,
    /// Whoever is asked has nothing to do with the client.
    #[error("whoever is asked does not work for this client")]
    NotOnTeam,
}

impl ReportError {
    /// For programs.
    pub fn reason(self) -> &'static str {
        match self {
            Self::NotDraftedYet => "NOT_DRAFTED_YET",
            Self::NoRecipients => "NO_RECIPIENTS",
            Self::NotSubmitted => "NOT_SUBMITTED",
            Self::Submitted => "REPORT_SUBMITTED",
            Self::Revised { .. } => "REPORT_REVISED",
            Self::Approved => "REPORT_APPROVED",
            Self::Delivered => "REPORT_DELIVERED",
            Self::DeliveryFailed => "DELIVERY_FAILED",
            Self::Cancelled => "REPORT_CANCELLED",
            Self::TooManyVersions => "TOO_MANY_VERSIONS",
            Self::TooManyContributions => "TOO_MANY_CONTRIBUTIONS",
            Self::NoContribution => "NO_CONTRIBUTION",
            Self::NotAsked => "NOT_ASKED",
            Self::AlreadyGiven => "ALREADY_GIVEN",
            Self::NotOnTeam => "NOT_ON_TEAM",
        }
    }
}

impl From<ReportError> for Refusal {
    fn from(error: ReportError) -> Self {
        let (reason, message) = (error.reason(), error.to_string());
        match error {
            ReportError::NotAsked => Refusal::new(Kind::Denied, reason, message),
            ReportError::NoContribution => Refusal::new(Kind::NotFound, reason, message),
            ReportError::Revised { current } => {
                Refusal::new(Kind::State, reason, message).with("text_version", current.to_string())
            }
            _ => Refusal::new(Kind::State, reason, message),
        }
    }
}

impl From<ReportError> for command::Fault {
    fn from(error: ReportError) -> Self {
        Self::Refused(error.into())
    }
}

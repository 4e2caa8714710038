use command::Fault;
use refusal::{Kind, Refusal};

use crate::name;

/// Why something about a policy is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PolicyError {
    #[error("no policy is published yet")]
    NoPolicy,
    #[error("policies/{0} is not there")]
    NotFound(u64),
    #[error("the service address is not of the official domain")]
    AddressNotOfficial,
    #[error("step {0} comes before the one before it")]
    StepsNotInOrder(usize),
    #[error("a first response takes longer than one business day")]
    LaterThan1BusinessDay,
    #[error("no step goes to the team lead")]
    NoTeamLeadStep,
    #[error("step {0}, the first to the team lead, is later than 24 hours")]
    LaterThan24Hours(usize),
    #[error("no step behind the team lead's goes to management")]
    NoManagementStep,
}

impl From<PolicyError> for Refusal {
    fn from(error: PolicyError) -> Self {
        match error {
            PolicyError::NoPolicy => {
                Self::new(Kind::NotFound, "NO_POLICY", "no policy is published yet; PublishPolicy makes the first")
            }
            PolicyError::NotFound(version) => Self::not_found(name::policy(version)),
            PolicyError::AddressNotOfficial => {
                Self::field("ADDRESS_NOT_OFFICIAL", "policy.service_address", "is not of official_domain")
            }
            PolicyError::StepsNotInOrder(index) => Self::field(
                "STEPS_NOT_IN_ORDER",
                format!("policy.escalation_steps[{index}].after"),
                "is earlier than the step before it",
            ),
            PolicyError::LaterThan1BusinessDay => Self::field(
                "LATER_THAN_1_BUSINESS_DAY",
                "policy.first_response_business_days",
                "is not 1, the business day within which an inquiry is answered",
            ),
            PolicyError::NoTeamLeadStep => Self::field(
                "NO_TEAM_LEAD_STEP",
                "policy.escalation_steps",
                "names no step to the team lead, to whom an unresolved issue goes after 24 hours at the latest",
            ),
            PolicyError::LaterThan24Hours(index) => Self::field(
                "LATER_THAN_24_HOURS",
                format!("policy.escalation_steps[{index}].after"),
                "is later than 24 hours, by which an unresolved issue goes to the team lead",
            ),
            PolicyError::NoManagementStep => Self::field(
                "NO_MANAGEMENT_STEP",
                "policy.escalation_steps",
                "names no step to management behind the team lead's, to whom an unresolved issue goes on",
            ),
        }
    }
}

impl From<PolicyError> for Fault {
    fn from(error: PolicyError) -> Self {
        Self::Refused(error.into())
    }
}

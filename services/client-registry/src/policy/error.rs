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
    #[error("the first step is later than 24 hours")]
    LaterThan24Hours,
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
            PolicyError::LaterThan24Hours => Self::field(
                "LATER_THAN_24_HOURS",
                "policy.escalation_steps[0].after",
                "is later than 24 hours, by which an unresolved issue goes on",
            ),
        }
    }
}

impl From<PolicyError> for Fault {
    fn from(error: PolicyError) -> Self {
        Self::Refused(error.into())
    }
}

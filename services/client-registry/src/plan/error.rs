use command::Fault;
use refusal::{Kind, Refusal};

use crate::name;

/// Why something about a plan is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PlanError {
    #[error("nothing is agreed on clients/{0}/engagements/{1}")]
    NotFound(String, String),
    #[error("{0} is the id of another contact or milestone of the plan")]
    DuplicateId(String),
    #[error("{0} {1}")]
    BadDate(String, &'static str),
    #[error("the plan has no milestone {0}")]
    MilestoneNotFound(String),
    #[error("the milestone {0} was reached")]
    MilestoneReached(String),
}

impl From<PlanError> for Refusal {
    fn from(error: PlanError) -> Self {
        match error {
            PlanError::NotFound(client, engagement) => Self::not_found(name::plan(&client, &engagement)),
            PlanError::DuplicateId(field) => {
                Self::field("DUPLICATE_ID", field, "is the id of another contact or milestone of the plan")
            }
            PlanError::BadDate(field, wrong) => Self::field("BAD_DATE", field, wrong),
            PlanError::MilestoneNotFound(id) => {
                Self::new(Kind::NotFound, "MILESTONE_NOT_FOUND", format!("the plan has no milestone {id}"))
                    .with("milestone", id)
            }
            PlanError::MilestoneReached(id) => {
                let sentence = format!("the milestone {id} was reached, and stays as it was then");
                Self::new(Kind::State, "MILESTONE_REACHED", sentence).with("milestone", id)
            }
        }
    }
}

impl From<PlanError> for Fault {
    fn from(error: PlanError) -> Self {
        Self::Refused(error.into())
    }
}

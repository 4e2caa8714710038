use command::Fault;
use refusal::{Kind, Refusal};

use crate::name;

/// Why something about a person of the firm is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum StaffError {
    #[error("staff/{0} is not there")]
    NotFound(String),
    #[error("a person named in the request is not there: staff/{0}")]
    NamedNotFound(String),
    #[error("staff/{0} has left, or their access has ended")]
    Inactive(String),
    #[error("staff/{id}, whom {field} names, is an auditor")]
    AuditorOnlyReads { id: String, field: &'static str },
    #[error("staff/{0} exists already")]
    Exists(String),
    #[error("staff/{0}/absences/{1} exists already")]
    AbsenceExists(String, String),
    #[error("the access of a contractor needs an end")]
    ContractorWithoutEnd,
    #[error("the access of a new person has ended")]
    EndNotInFuture,
    #[error("an auditor holds no other role")]
    ContradictingRoles,
    #[error("the address is not of the official domain")]
    AddressNotOfficial,
    #[error("nobody stands in for themselves")]
    OwnDeputy,
    #[error("leaving is DeactivateStaff's")]
    UseDeactivateStaff,
    #[error("an absence ends after it starts")]
    EndNotAfterStart,
    #[error("staff/{0} would have no access, and clients or engagements are theirs")]
    StillAssigned(String),
    #[error("staff/{0} would be an auditor, and clients or engagements are theirs")]
    AuditorStillAssigned(String),
    #[error("nobody takes over")]
    NobodyTakesOver,
    #[error("nobody would be left in management")]
    LastInManagement,
    #[error("there are members of staff already")]
    NotEmpty,
}

impl From<StaffError> for Refusal {
    fn from(error: StaffError) -> Self {
        match error {
            StaffError::NotFound(id) => Self::not_found(name::staff(&id)),
            StaffError::NamedNotFound(id) => {
                let name = name::staff(&id);
                Self::new(Kind::NotFound, "STAFF_NOT_FOUND", format!("{name}, whom the request names, is not there"))
                    .with("resource", name)
            }
            StaffError::Inactive(id) => {
                let name = name::staff(&id);
                let sentence = format!("{name} has left, or their access has ended; name somebody else");
                Self::new(Kind::State, "STAFF_INACTIVE", sentence).with("resource", name)
            }
            StaffError::AuditorOnlyReads { id, field } => {
                let name = name::staff(&id);
                let sentence = format!("{name} is an auditor, who changes nothing; name somebody else");
                Self::new(Kind::State, "AUDITOR_ONLY_READS", sentence)
                    .and_field(field, "names an auditor, who changes nothing")
                    .with("resource", name)
            }
            StaffError::Exists(id) => {
                let name = name::staff(&id);
                Self::new(Kind::Exists, "ALREADY_EXISTS", format!("{name} exists already; choose another id"))
                    .with("resource", name)
            }
            StaffError::AbsenceExists(staff, id) => {
                let name = name::absence(&staff, &id);
                Self::new(Kind::Exists, "ALREADY_EXISTS", format!("{name} exists already; choose another id"))
                    .with("resource", name)
            }
            StaffError::ContractorWithoutEnd => Self::field(
                "CONTRACTOR_WITHOUT_END",
                "staff.access_expire_time",
                "is required for a contractor, whose access ends then",
            ),
            StaffError::EndNotInFuture => Self::field(
                "END_NOT_IN_FUTURE",
                "staff.access_expire_time",
                "is not in the future, so the person would never have access",
            ),
            StaffError::ContradictingRoles => Self::field(
                "CONTRADICTING_ROLES",
                "staff.roles",
                "name an auditor, who changes nothing, together with management or intake",
            ),
            StaffError::AddressNotOfficial => Self::field(
                "ADDRESS_NOT_OFFICIAL",
                "staff.email",
                "is not of the official domain that the present policy names",
            ),
            StaffError::OwnDeputy => {
                Self::field("OWN_DEPUTY", "staff.deputy", "is the person itself; name somebody else")
            }
            StaffError::UseDeactivateStaff => Self::field(
                "USE_DEACTIVATE_STAFF",
                "staff.inactive",
                "is set by DeactivateStaff alone, and not taken back",
            ),
            StaffError::EndNotAfterStart => {
                Self::field("END_NOT_AFTER_START", "absence.end_time", "is not later than start_time")
            }
            StaffError::StillAssigned(id) => {
                let name = name::staff(&id);
                let sentence = format!(
                    "is not in the future, and clients or engagements are still {name}'s; DeactivateStaff hands them over and \
                     ends the access, TransferAccount and UpdateEngagement hand them over before"
                );
                Self::field("STILL_ASSIGNED", "staff.access_expire_time", sentence).with("resource", name)
            }
            StaffError::AuditorStillAssigned(id) => {
                let name = name::staff(&id);
                let sentence = format!(
                    "name an auditor, who changes nothing, and clients or engagements are still {name}'s; TransferAccount and \
                     UpdateEngagement hand them over before"
                );
                Self::field("STILL_ASSIGNED", "staff.roles", sentence).with("resource", name)
            }
            StaffError::NobodyTakesOver => Self::new(
                Kind::State,
                "NOBODY_TAKES_OVER",
                "nobody takes over, or nobody would be left in management whose access has no end; name a deputy, or give \
                 somebody else the role, first",
            ),
            StaffError::LastInManagement => Self::new(
                Kind::State,
                "LAST_IN_MANAGEMENT",
                "nobody would be left in management, at once or when the access of the others has ended; give the role to \
                 somebody whose access has no end first",
            ),
            StaffError::NotEmpty => Self::new(
                Kind::State,
                "NOT_EMPTY",
                "there are members of staff already; whoever is in management among them adds others",
            ),
        }
    }
}

impl From<StaffError> for Fault {
    fn from(error: StaffError) -> Self {
        Self::Refused(error.into())
    }
}

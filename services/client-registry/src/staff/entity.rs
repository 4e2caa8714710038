//! A person of the firm: state and transitions, no I/O.

use business_time::Timestamp;

use super::StaffError;
use crate::address;

/// A person of the firm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Staff {
    pub id: String,
    pub profile: Profile,
    pub inactive: bool,
    pub revision: u64,
    pub create_time: Timestamp,
    pub update_time: Timestamp,
}

/// What CreateStaff and UpdateStaff set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Profile {
    pub display_name: String,
    pub email: String,
    /// Tried in this order.
    pub phones: Vec<String>,
    pub department: String,
    pub kind: Kind,
    pub roles: Roles,
    pub deputy: Option<String>,
    pub access_expire_time: Option<Timestamp>,
}

/// How a person belongs to the firm (SOP 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Employee,
    Contractor,
}

/// What a person is for the whole firm (SOP 9).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Roles {
    pub management: bool,
    pub intake: bool,
    pub auditor: bool,
}

impl Staff {
    /// A new person. `official_domain` is the present policy's, where there is one.
    pub fn hire(id: &str, profile: Profile, official_domain: Option<&str>, now: Timestamp) -> Result<Self, StaffError> {
        profile.check(id, official_domain)?;
        if profile.access_expire_time.is_some_and(|end| end <= now) {
            return Err(StaffError::EndNotInFuture);
        }
        Ok(Self { id: id.to_owned(), profile, inactive: false, revision: 1, create_time: now, update_time: now })
    }

    /// Replaces the profile. The address of one who left is not held against a policy any more.
    pub fn replace(
        &mut self,
        profile: Profile,
        official_domain: Option<&str>,
        now: Timestamp,
    ) -> Result<(), StaffError> {
        profile.check(&self.id, official_domain.filter(|_| !self.inactive))?;
        self.profile = profile;
        self.changed(now);
        Ok(())
    }

    /// The person leaves. False where they had left before, and nothing changes.
    pub fn leave(&mut self, now: Timestamp) -> bool {
        if self.inactive {
            return false;
        }
        self.inactive = true;
        self.changed(now);
        true
    }

    /// Neither left nor past the end of their access.
    pub fn is_active(&self, now: Timestamp) -> bool {
        !self.inactive && self.profile.access_expire_time.is_none_or(|end| now < end)
    }

    /// When what is theirs goes to somebody else by itself: at the end of their access, if that was still to come when they
    /// were last changed. One who left has handed over already, and nothing is given to one whose access has ended.
    pub fn next_due_time(&self) -> Option<Timestamp> {
        self.profile.access_expire_time.filter(|end| !self.inactive && *end > self.update_time)
    }

    fn changed(&mut self, now: Timestamp) {
        self.revision += 1;
        self.update_time = now;
    }
}

impl Roles {
    /// An auditor changes nothing (SOP 9), and whoever holds another role does.
    fn contradict(self) -> bool {
        self.auditor && (self.management || self.intake)
    }
}

impl Profile {
    fn check(&self, id: &str, official_domain: Option<&str>) -> Result<(), StaffError> {
        if self.kind == Kind::Contractor && self.access_expire_time.is_none() {
            return Err(StaffError::ContractorWithoutEnd);
        }
        if self.roles.contradict() {
            return Err(StaffError::ContradictingRoles);
        }
        if self.deputy.as_deref() == Some(id) {
            return Err(StaffError::OwnDeputy);
        }
        match official_domain {
            Some(domain) if !address::is_of_domain(&self.email, domain) => Err(StaffError::AddressNotOfficial),
            _ => Ok(()),
        }
    }
}

/// A time in which a person is not there: `start` included, `end` not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Absence {
    pub id: String,
    pub staff: String,
    pub start: Timestamp,
    pub end: Timestamp,
}

impl Absence {
    /// An absence that lasts.
    pub fn try_new(id: &str, staff: &str, start: Timestamp, end: Timestamp) -> Result<Self, StaffError> {
        if end <= start {
            return Err(StaffError::EndNotAfterStart);
        }
        Ok(Self { id: id.to_owned(), staff: staff.to_owned(), start, end })
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn profile() -> Profile {
        Profile {
            display_name: "Anna Meyer".into(),
            email: "anna@firm.example".into(),
            phones: Vec::new(),
            department: String::new(),
            kind: Kind::Employee,
            roles: Roles::default(),
            deputy: None,
            access_expire_time: None,
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_contractor_needs_an_end_of_access_and_is_not_active_from_then_on() {
        let contractor = Profile { kind: Kind::Contractor, ..profile() };
        assert_eq!(Staff::hire("bo", contractor.clone(), None, at(0)), Err(StaffError::ContractorWithoutEnd));
        let bo = Staff::hire("bo", Profile { access_expire_time: Some(at(10)), ..contractor }, None, at(0)).unwrap();
        assert!(bo.is_active(at(9)));
        assert!(!bo.is_active(at(10)));
    }

    #[test]
    fn what_is_theirs_is_handed_over_at_the_end_of_their_access_unless_that_is_over_or_they_left() {
        let until = |end: i64| Profile { access_expire_time: Some(at(end)), ..profile() };
        let mut anna = Staff::hire("anna", until(10), None, at(0)).unwrap();
        assert_eq!(anna.next_due_time(), Some(at(10)));
        anna.replace(profile(), None, at(1)).unwrap();
        assert_eq!(anna.next_due_time(), None);
        anna.replace(until(5), None, at(5)).unwrap();
        assert_eq!(anna.next_due_time(), None);
        anna.replace(until(20), None, at(6)).unwrap();
        assert_eq!(anna.next_due_time(), Some(at(20)));
        anna.leave(at(7));
        assert_eq!(anna.next_due_time(), None);
    }

    #[test]
    fn an_address_outside_the_official_domain_is_refused_once_there_is_one() {
        Staff::hire("anna", profile(), None, at(0)).unwrap();
        let mut anna = Staff::hire("anna", profile(), Some("firm.example"), at(0)).unwrap();
        let elsewhere = Profile { email: "anna@mail.example".into(), ..profile() };
        let refused = Staff::hire("anna", elsewhere.clone(), Some("firm.example"), at(0));
        assert_eq!(refused, Err(StaffError::AddressNotOfficial));
        assert_eq!(anna.replace(elsewhere, Some("firm.example"), at(1)), Err(StaffError::AddressNotOfficial));
        assert_eq!(anna.revision, 1, "a refused change changes nothing");
    }

    #[test]
    fn nobody_is_hired_whose_access_is_over_but_an_access_is_ended_by_a_change() {
        let until = |end: i64| Profile { access_expire_time: Some(at(end)), ..profile() };
        for end in [4, 5] {
            assert_eq!(Staff::hire("anna", until(end), None, at(5)), Err(StaffError::EndNotInFuture), "{end}");
        }
        Staff::hire("anna", until(6), None, at(5)).unwrap().replace(until(5), None, at(5)).unwrap();
    }

    #[test]
    fn an_auditor_holds_no_other_role() {
        for (management, intake, contradict) in
            [(false, false, false), (true, false, true), (false, true, true), (true, true, true)]
        {
            let roles = Roles { management, intake, auditor: true };
            let hired = Staff::hire("eve", Profile { roles, ..profile() }, None, at(0));
            assert_eq!(hired.err(), contradict.then_some(StaffError::ContradictingRoles), "{roles:?}");
        }
        let both = Roles { management: true, intake: true, auditor: false };
        Staff::hire("anna", Profile { roles: both, ..profile() }, None, at(0)).unwrap();
    }

    #[test]
    fn nobody_stands_in_for_themselves() {
        let own = Profile { deputy: Some("anna".into()), ..profile() };
        assert_eq!(Staff::hire("anna", own, None, at(0)), Err(StaffError::OwnDeputy));
    }

    #[test]
    fn one_leaves_once() {
        let mut anna = Staff::hire("anna", profile(), None, at(0)).unwrap();
        assert!(anna.leave(at(1)));
        assert!(!anna.leave(at(2)));
        assert_eq!((anna.revision, anna.update_time), (2, at(1)));
        assert!(!anna.is_active(at(1)));
    }

    #[test]
    fn an_absence_lasts() {
        assert_eq!(Absence::try_new("x", "anna", at(5), at(5)), Err(StaffError::EndNotAfterStart));
        Absence::try_new("x", "anna", at(5), at(6)).unwrap();
    }
}

//! One version of the procedure's numbers: pure, and never changed once published (SOP 10).

use std::time::Duration;

use business_time::Timestamp;
use serde::{Deserialize, Serialize};

use super::PolicyError;
use crate::address;

/// A published version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Policy {
    /// From 1 upwards, without a hole.
    pub version: u64,
    pub publish_time: Timestamp,
    pub rules: Rules,
}

/// What a version says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rules {
    pub firm_calendar: String,
    pub official_domain: String,
    pub service_address: String,
    pub authserv_id: String,
    pub first_response_business_days: u32,
    pub escalation_steps: Vec<Step>,
    pub confirmation_reminder: Duration,
    pub auto_acknowledge: bool,
    /// How often a client is updated on a critical incident until it is closed (SOP 8.2).
    pub update_cadence: Duration,
    /// Within what time its report is due.
    pub report_within: Duration,
    /// What meetings and calls need (SOP 6).
    pub meetings: Meetings,
    /// What is not written to clients, beside what nobody writes (SOP 4.3).
    pub jargon: Vec<Jargon>,
}

/// A term that the firm does not want to write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Jargon {
    pub term: String,
    pub suggestion: String,
}

/// What meetings and calls with clients need, beside the minutes that every meeting in person needs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Meetings {
    /// Hosts of the allowed video providers.
    pub video_providers: Vec<String>,
    /// The kinds of call that must be recorded.
    pub recorded_kinds: Vec<String>,
}

/// SOP 8.2, where a policy says nothing of it. What was published before is read with these too: the columns' defaults are
/// these numbers, and never change.
pub(crate) const UPDATE_CADENCE: Duration = Duration::from_secs(60 * 60);
/// As [`UPDATE_CADENCE`].
pub(crate) const REPORT_WITHIN: Duration = Duration::from_secs(24 * 60 * 60);

/// To whom an unresolved issue goes, and how long after it became one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Step {
    pub after: Duration,
    pub target: Target,
}

/// Whom a step tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Target {
    AccountManager,
    TeamLead,
    Management,
}

/// SOP 4.2: an inquiry is answered within one business day.
const FIRST_RESPONSE: u32 = 1;

/// SOP 8.1: what is unresolved for so long goes to the team lead.
const TEAM_LEAD_AT_LATEST: Duration = Duration::from_secs(24 * 60 * 60);

impl Policy {
    /// The next version after `last`.
    pub fn publish(last: Option<u64>, rules: Rules, now: Timestamp) -> Result<Self, PolicyError> {
        rules.check()?;
        Ok(Self { version: last.map_or(1, |last| last + 1), publish_time: now, rules })
    }
}

impl Rules {
    fn check(&self) -> Result<(), PolicyError> {
        if !address::is_of_domain(&self.service_address, &self.official_domain) {
            return Err(PolicyError::AddressNotOfficial);
        }
        if self.first_response_business_days != FIRST_RESPONSE {
            return Err(PolicyError::LaterThan1BusinessDay);
        }
        self.check_steps()
    }

    /// To the team lead in time, then on to management (SOP 8.1); what else a firm wants to be told is its own affair.
    fn check_steps(&self) -> Result<(), PolicyError> {
        let steps = &self.escalation_steps;
        if let Some(index) = steps.windows(2).position(|pair| pair[1].after < pair[0].after) {
            return Err(PolicyError::StepsNotInOrder(index + 1));
        }
        let lead = steps.iter().position(|step| step.target == Target::TeamLead).ok_or(PolicyError::NoTeamLeadStep)?;
        if steps[lead].after > TEAM_LEAD_AT_LATEST {
            return Err(PolicyError::LaterThan24Hours(lead));
        }
        if steps[lead..].iter().all(|step| step.target != Target::Management) {
            return Err(PolicyError::NoManagementStep);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    use Target::{AccountManager, Management, TeamLead};

    const USUAL: [(u64, Target); 2] = [(24, TeamLead), (48, Management)];

    fn rules(steps: &[(u64, Target)]) -> Rules {
        let step = |(hours, target): &(u64, Target)| Step { after: Duration::from_secs(hours * 3600), target: *target };
        Rules {
            firm_calendar: "firm".into(),
            official_domain: "firm.example".into(),
            service_address: "service@Firm.example".into(),
            authserv_id: "mx.firm.example".into(),
            first_response_business_days: 1,
            escalation_steps: steps.iter().map(step).collect(),
            confirmation_reminder: Duration::from_secs(86_400),
            auto_acknowledge: true,
            update_cadence: UPDATE_CADENCE,
            report_within: REPORT_WITHIN,
            meetings: Meetings::default(),
            jargon: Vec::new(),
        }
    }

    fn publish(rules: Rules) -> Result<Policy, PolicyError> {
        Policy::publish(None, rules, Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn versions_begin_at_1_and_have_no_hole() {
        assert_eq!(publish(rules(&USUAL)).unwrap().version, 1);
        assert_eq!(Policy::publish(Some(7), rules(&USUAL), Timestamp::UNIX_EPOCH).unwrap().version, 8);
    }

    #[test]
    fn an_inquiry_is_answered_within_one_business_day() {
        for days in [0, 2, 10] {
            let other = Rules { first_response_business_days: days, ..rules(&USUAL) };
            assert_eq!(publish(other), Err(PolicyError::LaterThan1BusinessDay), "{days}");
        }
    }

    #[test]
    fn an_issue_goes_to_the_team_lead_after_24_hours_at_the_latest() {
        assert_eq!(publish(rules(&[(25, TeamLead), (48, Management)])), Err(PolicyError::LaterThan24Hours(0)));
        let told_others = [(1, AccountManager), (24, Management), (25, TeamLead), (48, Management)];
        assert_eq!(publish(rules(&told_others)), Err(PolicyError::LaterThan24Hours(2)));
        for without in [&[][..], &[(24, AccountManager), (24, Management)]] {
            assert_eq!(publish(rules(without)), Err(PolicyError::NoTeamLeadStep));
        }
    }

    #[test]
    fn from_the_team_lead_it_goes_on_to_management() {
        for without in [&[(24, TeamLead)][..], &[(4, Management), (24, TeamLead), (48, AccountManager)]] {
            assert_eq!(publish(rules(without)), Err(PolicyError::NoManagementStep));
        }
        publish(rules(&[(24, TeamLead), (24, Management)])).unwrap();
        publish(rules(&[(4, AccountManager), (8, TeamLead), (24, TeamLead), (30, AccountManager), (72, Management)]))
            .unwrap();
    }

    #[test]
    fn steps_come_in_the_order_of_their_times() {
        let wrong = [(24, TeamLead), (48, Management), (47, Management)];
        assert_eq!(publish(rules(&wrong)), Err(PolicyError::StepsNotInOrder(2)));
    }

    #[test]
    fn mail_that_nobody_wrote_goes_out_from_the_official_domain_too() {
        let elsewhere = Rules { service_address: "service@mail.example".into(), ..rules(&USUAL) };
        assert_eq!(publish(elsewhere), Err(PolicyError::AddressNotOfficial));
    }
}

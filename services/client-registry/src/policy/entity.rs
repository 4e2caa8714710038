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
}

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

/// SOP 8.1: what is unresolved for so long goes to somebody else.
const FIRST_STEP_AT_LATEST: Duration = Duration::from_secs(24 * 60 * 60);

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
        let out_of_order = self.escalation_steps.windows(2).position(|pair| pair[1].after < pair[0].after);
        if let Some(index) = out_of_order {
            return Err(PolicyError::StepsNotInOrder(index + 1));
        }
        match self.escalation_steps.first() {
            Some(first) if first.after <= FIRST_STEP_AT_LATEST => Ok(()),
            _ => Err(PolicyError::LaterThan24Hours),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn rules(hours: &[u64]) -> Rules {
        let step = |hours: &u64| Step { after: Duration::from_secs(hours * 3600), target: Target::TeamLead };
        Rules {
            firm_calendar: "firm".into(),
            official_domain: "firm.example".into(),
            service_address: "service@Firm.example".into(),
            authserv_id: "mx.firm.example".into(),
            first_response_business_days: 1,
            escalation_steps: hours.iter().map(step).collect(),
            confirmation_reminder: Duration::from_secs(86_400),
            auto_acknowledge: true,
        }
    }

    fn publish(rules: Rules) -> Result<Policy, PolicyError> {
        Policy::publish(None, rules, Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn versions_begin_at_1_and_have_no_hole() {
        assert_eq!(publish(rules(&[24, 48])).unwrap().version, 1);
        assert_eq!(Policy::publish(Some(7), rules(&[24]), Timestamp::UNIX_EPOCH).unwrap().version, 8);
    }

    #[test]
    fn an_issue_goes_to_somebody_after_24_hours_at_the_latest() {
        assert_eq!(publish(rules(&[25])), Err(PolicyError::LaterThan24Hours));
        assert_eq!(publish(rules(&[])), Err(PolicyError::LaterThan24Hours));
        publish(rules(&[24])).unwrap();
    }

    #[test]
    fn steps_come_in_the_order_of_their_times() {
        assert_eq!(publish(rules(&[24, 48, 47])), Err(PolicyError::StepsNotInOrder(2)));
        publish(rules(&[24, 24])).unwrap();
    }

    #[test]
    fn mail_that_nobody_wrote_goes_out_from_the_official_domain_too() {
        let elsewhere = Rules { service_address: "service@mail.example".into(), ..rules(&[24]) };
        assert_eq!(publish(elsewhere), Err(PolicyError::AddressNotOfficial));
    }
}

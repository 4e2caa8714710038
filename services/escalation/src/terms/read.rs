//! The registry's messages -> what cases run by.

use business_time::{CalendarSpec, Closure, WeekHours, Weekday};
use contracts::client_registry::v1 as wire;
use jiff::SignedDuration;

use crate::case::entity::{Policy, REPORT_WITHIN, Step, Target, UPDATE_CADENCE};

/// A calendar as the registry tells it. None where its name is none.
pub fn calendar_spec(calendar: &wire::Calendar) -> Option<CalendarSpec> {
    let week = calendar.week.iter().map(|hours| {
        Some(WeekHours {
            day: Weekday::from_iso_number(hours.day)?,
            open: hours.open.clone(),
            close: hours.close.clone(),
        })
    });
    Some(CalendarSpec {
        id: calendar.name.strip_prefix("calendars/")?.to_owned(),
        revision: calendar.revision,
        time_zone: calendar.time_zone.clone(),
        week: week.collect::<Option<_>>()?,
        holidays: calendar.holiday_regions.clone(),
        closures: calendar
            .closures
            .iter()
            .map(|closure| Closure { date: closure.date.clone(), label: closure.label.clone() })
            .collect(),
        openings: Vec::new(),
    })
}

/// A policy as the registry tells it. None where it lacks what a case runs by, which the registry does not let through.
pub fn policy(policy: &wire::Policy) -> Option<Policy> {
    let steps = policy.escalation_steps.iter().map(|step| {
        let target = match step.target() {
            wire::EscalationTarget::AccountManager => Target::AccountManager,
            wire::EscalationTarget::TeamLead => Target::TeamLead,
            wire::EscalationTarget::Management => Target::Management,
            wire::EscalationTarget::Unspecified => return None,
        };
        Some(Step { after: duration(step.after.as_ref()?), target })
    });
    let mut steps: Vec<_> = steps.collect::<Option<_>>()?;
    steps.sort_by_key(|step| step.after);
    let reminder = duration(policy.confirmation_reminder.as_ref()?);
    let critical = policy.critical_incidents.as_ref();
    let or = |given: Option<&prost_types::Duration>, usual| given.map_or(usual, duration);
    let update_cadence = or(critical.and_then(|of| of.update_cadence.as_ref()), UPDATE_CADENCE);
    let report_within = or(critical.and_then(|of| of.report_within.as_ref()), REPORT_WITHIN);
    let sound = policy.version > 0 && reminder.is_positive() && update_cadence.is_positive();
    sound.then_some(Policy {
        version: policy.version,
        response_days: u32::try_from(policy.first_response_business_days).ok()?,
        steps,
        reminder,
        update_cadence,
        report_within,
    })
}

fn duration(duration: &prost_types::Duration) -> SignedDuration {
    SignedDuration::new(duration.seconds, duration.nanos)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn steps_are_taken_in_the_order_of_their_times_whatever_the_order_they_came_in() {
        let step = |seconds, target: wire::EscalationTarget| wire::EscalationStep {
            after: Some(prost_types::Duration { seconds, nanos: 0 }),
            target: target.into(),
        };
        let told = wire::Policy {
            version: 2,
            first_response_business_days: 1,
            escalation_steps: vec![
                step(172_800, wire::EscalationTarget::Management),
                step(86_400, wire::EscalationTarget::TeamLead),
            ],
            confirmation_reminder: Some(prost_types::Duration { seconds: 3600, nanos: 0 }),
            ..wire::Policy::default()
        };
        let read = policy(&told).unwrap();
        let targets: Vec<_> = read.steps.iter().map(|step| step.target).collect();
        assert_eq!(targets, [Target::TeamLead, Target::Management]);
        assert_eq!(policy(&wire::Policy { confirmation_reminder: None, ..told }), None);
    }

    #[test]
    fn a_calendar_keeps_its_revision_and_days() {
        let told = wire::Calendar {
            name: "calendars/london".into(),
            time_zone: "Europe/London".into(),
            week: vec![wire::Hours { day: 7, open: "10:00".into(), close: "12:00".into() }],
            revision: 3,
            ..wire::Calendar::default()
        };
        let spec = calendar_spec(&told).unwrap();
        assert_eq!((spec.id.as_str(), spec.revision, spec.week[0].day), ("london", 3, Weekday::Sunday));
        assert_eq!(calendar_spec(&wire::Calendar { name: "london".into(), ..told }), None);
    }
}

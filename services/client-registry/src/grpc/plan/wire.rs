//! Between the contract's plan and the registry's.

use std::time::Duration;

use business_time::{Frequency, Weekday, civil};
use command::wire::proto_time;
use contracts::client_registry::v1::{self as wire, planned_contact::Rhythm};
use refusal::Refusal;

use super::super::convert::{duration, duration_to_wire};
use crate::{
    name,
    plan::{Agreed, Milestone, Plan, PlannedContact, PlannedDate, Way},
    revision,
};

/// How long before an obligation is due the account manager is told, where nothing else is agreed.
const REMIND_BEFORE: Duration = Duration::from_secs(24 * 60 * 60);
/// SOP 4.2's measure, where nothing else is agreed for a milestone.
const WITHIN_BUSINESS_DAYS: u32 = 1;

pub(super) fn to_wire(of: &Plan) -> wire::Plan {
    wire::Plan {
        name: name::plan(&of.client, &of.engagement),
        contacts: of.agreed.contacts.iter().map(contact_to_wire).collect(),
        milestones: of.agreed.milestones.iter().map(milestone_to_wire).collect(),
        revision: of.revision,
        etag: revision::etag(of.revision),
    }
}

pub(super) fn date_to_wire(of: &PlannedDate) -> wire::PlannedDate {
    wire::PlannedDate {
        contact: of.contact.clone(),
        date: of.occurrence.date.to_string(),
        due_time: Some(proto_time(of.occurrence.time)),
        due_local: of.occurrence.local.to_string(),
    }
}

/// What somebody wrote; times at which milestones were reached are not theirs to write.
pub(super) fn agreed(of: &wire::Plan) -> Result<Agreed, Refusal> {
    let contacts = of.contacts.iter().enumerate().map(|(index, contact)| planned(contact, index));
    let milestones = of.milestones.iter().map(|milestone| Milestone {
        id: milestone.id.clone(),
        display_name: milestone.display_name.clone(),
        within_business_days: match u32::try_from(milestone.within_business_days) {
            Ok(0) | Err(_) => WITHIN_BUSINESS_DAYS,
            Ok(days) => days,
        },
        ways: milestone.ways().filter_map(way).collect(),
        reach_time: None,
    });
    Ok(Agreed { contacts: contacts.collect::<Result<_, _>>()?, milestones: milestones.collect() })
}

fn planned(of: &wire::PlannedContact, index: usize) -> Result<PlannedContact, Refusal> {
    let field = |name: &str| format!("plan.contacts[{index}].{name}");
    let frequency = match &of.rhythm {
        Some(Rhythm::WeeklyOn(day)) => Weekday::from_iso_number(*day).map(Frequency::Weekly),
        Some(Rhythm::BiweeklyFrom(first)) => Some(Frequency::Biweekly(date(first, &field("biweekly_from"))?)),
        Some(Rhythm::MonthlyOn(day)) => i8::try_from(*day).ok().map(Frequency::Monthly),
        None => None,
    };
    let time = of.time.parse::<civil::Time>();
    Ok(PlannedContact {
        id: of.id.clone(),
        frequency: frequency.ok_or_else(|| Refusal::field("REQUIRED", field("rhythm"), "is required"))?,
        time: time.map_err(|_| Refusal::field("BAD_TIME", field("time"), "is no time of day of the form HH:MM"))?,
        ways: of.ways().filter_map(way).collect(),
        start: date(&of.start_date, &field("start_date"))?,
        end: if of.end_date.is_empty() { None } else { Some(date(&of.end_date, &field("end_date"))?) },
        remind_before: match of.remind_before {
            Some(given) => duration(Some(given), &field("remind_before"))?,
            None => REMIND_BEFORE,
        },
    })
}

fn date(text: &str, field: &str) -> Result<civil::Date, Refusal> {
    text.parse().map_err(|_| Refusal::field("BAD_DATE", field, "is no date of the form YYYY-MM-DD"))
}

fn contact_to_wire(of: &PlannedContact) -> wire::PlannedContact {
    wire::PlannedContact {
        id: of.id.clone(),
        rhythm: Some(match of.frequency {
            Frequency::Weekly(day) => Rhythm::WeeklyOn(day.iso_number()),
            Frequency::Biweekly(first) => Rhythm::BiweeklyFrom(first.to_string()),
            Frequency::Monthly(day) => Rhythm::MonthlyOn(day.into()),
        }),
        time: of.time.strftime("%H:%M").to_string(),
        ways: of.ways.iter().map(|way| way_to_wire(*way).into()).collect(),
        start_date: of.start.to_string(),
        end_date: of.end.map(|end| end.to_string()).unwrap_or_default(),
        remind_before: Some(duration_to_wire(of.remind_before)),
    }
}

fn milestone_to_wire(of: &Milestone) -> wire::Milestone {
    wire::Milestone {
        id: of.id.clone(),
        display_name: of.display_name.clone(),
        within_business_days: i32::try_from(of.within_business_days).unwrap_or(i32::MAX),
        ways: of.ways.iter().map(|way| way_to_wire(*way).into()).collect(),
        reach_time: of.reach_time.map(proto_time),
    }
}

fn way(of: wire::ContactWay) -> Option<Way> {
    match of {
        wire::ContactWay::Unspecified => None,
        wire::ContactWay::Email => Some(Way::Email),
        wire::ContactWay::Phone => Some(Way::Phone),
        wire::ContactWay::Video => Some(Way::Video),
        wire::ContactWay::InPerson => Some(Way::InPerson),
        wire::ContactWay::Report => Some(Way::Report),
    }
}

fn way_to_wire(of: Way) -> wire::ContactWay {
    match of {
        Way::Email => wire::ContactWay::Email,
        Way::Phone => wire::ContactWay::Phone,
        Way::Video => wire::ContactWay::Video,
        Way::InPerson => wire::ContactWay::InPerson,
        Way::Report => wire::ContactWay::Report,
    }
}

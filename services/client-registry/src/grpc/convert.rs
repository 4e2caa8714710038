//! Between the contract's messages and the registry's own types.

use std::{collections::BTreeSet, time::Duration};

use business_time::{CalendarSpec, Closure, Timestamp, WeekHours, Weekday};
use command::wire::{from_proto_time, proto_time};
use contracts::client_registry::v1 as wire;
use refusal::Refusal;

use crate::{calendar, client, contact, engagement, name, permit, policy, revision, staff};

pub(super) fn client_to_wire(of: &client::Client) -> wire::Client {
    wire::Client {
        name: name::client(&of.id),
        display_name: of.display_name.clone(),
        calendar: name::calendar(&of.calendar),
        account_manager: name::staff(&of.account_manager),
        revision: of.revision,
        etag: revision::etag(of.revision),
        create_time: Some(proto_time(of.create_time)),
        update_time: Some(proto_time(of.update_time)),
        reading_level: reading_level_to_wire(of.readers.level).into(),
        glossary: of.readers.glossary.clone(),
    }
}

fn reading_level_to_wire(level: client::ReadingLevel) -> wire::ReadingLevel {
    match level {
        client::ReadingLevel::General => wire::ReadingLevel::General,
        client::ReadingLevel::Professional => wire::ReadingLevel::Professional,
        client::ReadingLevel::Expert => wire::ReadingLevel::Expert,
    }
}

fn readers(of: &wire::Client) -> client::Readers {
    let level = match of.reading_level() {
        wire::ReadingLevel::Unspecified | wire::ReadingLevel::General => client::ReadingLevel::General,
        wire::ReadingLevel::Professional => client::ReadingLevel::Professional,
        wire::ReadingLevel::Expert => client::ReadingLevel::Expert,
    };
    client::Readers { level, glossary: of.glossary.clone() }
}

pub(super) fn client_details(of: &wire::Client) -> Result<client::Details, Refusal> {
    Ok(client::Details {
        display_name: of.display_name.clone(),
        calendar: name::id_in("calendars", &of.calendar, "client.calendar")?.to_owned(),
        account_manager: name::id_in("staff", &of.account_manager, "client.account_manager")?.to_owned(),
        readers: readers(of),
    })
}

/// What is not said is all of it.
pub(super) fn view(view: wire::View) -> client::View {
    match view {
        wire::View::Basic => client::View::Basic,
        wire::View::Unspecified | wire::View::Full => client::View::Full,
    }
}

pub(super) fn engagement_to_wire(of: &engagement::Engagement) -> wire::Engagement {
    wire::Engagement {
        name: name::engagement(&of.client, &of.id),
        display_name: of.details.display_name.clone(),
        team_lead: name::staff(&of.details.team_lead),
        team_members: of.details.team_members.iter().map(|id| name::staff(id)).collect(),
        revision: of.revision,
        etag: revision::etag(of.revision),
    }
}

pub(super) fn engagement_details(of: &wire::Engagement) -> Result<engagement::Details, Refusal> {
    let member = |(index, name): (usize, &String)| {
        name::id_in("staff", name, &format!("engagement.team_members[{index}]")).map(str::to_owned)
    };
    Ok(engagement::Details {
        display_name: of.display_name.clone(),
        team_lead: name::id_in("staff", &of.team_lead, "engagement.team_lead")?.to_owned(),
        team_members: of.team_members.iter().enumerate().map(member).collect::<Result<BTreeSet<_>, _>>()?,
    })
}

pub(super) fn contact_to_wire(of: &contact::Contact) -> wire::Contact {
    wire::Contact {
        other_phones: of.details.other_phones.clone(),
        told_of_incidents: of.details.told_of_incidents,
        name: name::contact(&of.client, &of.id),
        display_name: of.details.display_name.clone(),
        email: of.details.email.clone(),
        phone: of.details.phone.clone().unwrap_or_default(),
        confirms: of.details.confirms,
        inactive: of.details.inactive,
        revision: of.revision,
        etag: revision::etag(of.revision),
    }
}

pub(super) fn contact_details(of: &wire::Contact) -> contact::Details {
    contact::Details {
        display_name: of.display_name.clone(),
        email: of.email.clone(),
        phone: Some(of.phone.clone()).filter(|phone| !phone.is_empty()),
        other_phones: of.other_phones.clone(),
        confirms: of.confirms,
        told_of_incidents: of.told_of_incidents,
        inactive: of.inactive,
    }
}

pub(super) fn calendar_to_wire(of: &calendar::Calendar) -> wire::Calendar {
    let spec = &of.spec;
    wire::Calendar {
        name: name::calendar(&spec.id),
        time_zone: spec.time_zone.clone(),
        week: spec
            .week
            .iter()
            // The contract counts the days as ISO 8601 does.
            .map(|hours| wire::Hours {
                day: hours.day.iso_number(),
                open: hours.open.clone(),
                close: hours.close.clone(),
            })
            .collect(),
        holiday_regions: spec.holidays.clone(),
        closures: spec
            .closures
            .iter()
            .map(|closure| wire::Closure { date: closure.date.clone(), label: closure.label.clone() })
            .collect(),
        revision: spec.revision,
        etag: revision::etag(spec.revision),
    }
}

pub(super) fn calendar_spec(of: &wire::Calendar) -> Result<CalendarSpec, Refusal> {
    let hours = |(index, hours): (usize, &wire::Hours)| {
        let day = Weekday::from_iso_number(hours.day).ok_or_else(|| {
            Refusal::field("BAD_HOURS", format!("calendar.week[{index}].day"), "is no day of the week")
        })?;
        Ok(WeekHours { day, open: hours.open.clone(), close: hours.close.clone() })
    };
    Ok(CalendarSpec {
        time_zone: of.time_zone.clone(),
        week: of.week.iter().enumerate().map(hours).collect::<Result<_, Refusal>>()?,
        holidays: of.holiday_regions.clone(),
        closures: of
            .closures
            .iter()
            .map(|closure| Closure { date: closure.date.clone(), label: closure.label.clone() })
            .collect(),
        ..CalendarSpec::default()
    })
}

pub(super) fn staff_to_wire(of: &staff::Staff) -> wire::Staff {
    let profile = &of.profile;
    let kind = match profile.kind {
        staff::Kind::Employee => wire::StaffKind::Employee,
        staff::Kind::Contractor => wire::StaffKind::Contractor,
    };
    let roles = [
        (profile.roles.management, wire::FirmRole::Management),
        (profile.roles.intake, wire::FirmRole::Intake),
        (profile.roles.auditor, wire::FirmRole::Auditor),
    ];
    wire::Staff {
        phones: profile.phones.clone(),
        name: name::staff(&of.id),
        display_name: profile.display_name.clone(),
        email: profile.email.clone(),
        department: profile.department.clone(),
        kind: kind.into(),
        roles: roles.into_iter().filter(|(held, _)| *held).map(|(_, role)| role.into()).collect(),
        deputy: profile.deputy.as_deref().map(name::staff).unwrap_or_default(),
        access_expire_time: profile.access_expire_time.map(proto_time),
        inactive: of.inactive,
        revision: of.revision,
        etag: revision::etag(of.revision),
    }
}

pub(super) fn staff_profile(of: &wire::Staff) -> Result<staff::Profile, Refusal> {
    let kind = match of.kind() {
        wire::StaffKind::Employee => staff::Kind::Employee,
        wire::StaffKind::Contractor => staff::Kind::Contractor,
        wire::StaffKind::Unspecified => {
            return Err(Refusal::field("REQUIRED", "staff.kind", "is required"));
        }
    };
    let held = |role: wire::FirmRole| of.roles().any(|held| held == role);
    let deputy = match of.deputy.as_str() {
        "" => None,
        deputy => Some(name::id_in("staff", deputy, "staff.deputy")?.to_owned()),
    };
    Ok(staff::Profile {
        display_name: of.display_name.clone(),
        email: of.email.clone(),
        phones: of.phones.clone(),
        department: of.department.clone(),
        kind,
        roles: staff::Roles {
            management: held(wire::FirmRole::Management),
            intake: held(wire::FirmRole::Intake),
            auditor: held(wire::FirmRole::Auditor),
        },
        deputy,
        access_expire_time: of
            .access_expire_time
            .as_ref()
            .map(|end| time(end, "staff.access_expire_time"))
            .transpose()?,
    })
}

pub(super) fn absence_to_wire(of: &staff::Absence) -> wire::Absence {
    wire::Absence {
        name: name::absence(&of.staff, &of.id),
        start_time: Some(proto_time(of.start)),
        end_time: Some(proto_time(of.end)),
    }
}

pub(super) fn time(given: &prost_types::Timestamp, field: &str) -> Result<Timestamp, Refusal> {
    from_proto_time(given).ok_or_else(|| Refusal::field("BAD_TIME", field, "is no valid time"))
}

pub(super) fn policy_to_wire(of: &policy::Policy) -> wire::Policy {
    let rules = &of.rules;
    wire::Policy {
        critical_incidents: Some(wire::CriticalIncidents {
            update_cadence: Some(duration_to_wire(rules.update_cadence)),
            report_within: Some(duration_to_wire(rules.report_within)),
        }),
        meetings: Some(wire::Meetings {
            video_providers: rules.meetings.video_providers.clone(),
            recorded_kinds: rules.meetings.recorded_kinds.clone(),
        }),
        name: name::policy(of.version),
        version: of.version,
        publish_time: Some(proto_time(of.publish_time)),
        firm_calendar: name::calendar(&rules.firm_calendar),
        official_domain: rules.official_domain.clone(),
        service_address: rules.service_address.clone(),
        authserv_id: rules.authserv_id.clone(),
        first_response_business_days: i32::try_from(rules.first_response_business_days).unwrap_or(i32::MAX),
        escalation_steps: rules
            .escalation_steps
            .iter()
            .map(|step| wire::EscalationStep {
                after: Some(duration_to_wire(step.after)),
                target: target_to_wire(step.target).into(),
            })
            .collect(),
        confirmation_reminder: Some(duration_to_wire(rules.confirmation_reminder)),
        auto_acknowledge: rules.auto_acknowledge,
        jargon: rules.jargon.iter().map(jargon_to_wire).collect(),
    }
}

fn jargon_to_wire(of: &policy::Jargon) -> wire::JargonTerm {
    wire::JargonTerm { term: of.term.clone(), suggestion: of.suggestion.clone() }
}

pub(super) fn policy_rules(of: &wire::Policy) -> Result<policy::Rules, Refusal> {
    let step = |(index, step): (usize, &wire::EscalationStep)| {
        Ok(policy::Step {
            after: duration(step.after, &format!("policy.escalation_steps[{index}].after"))?,
            target: target(step.target()).ok_or_else(|| {
                Refusal::field("REQUIRED", format!("policy.escalation_steps[{index}].target"), "is required")
            })?,
        })
    };
    let days = u32::try_from(of.first_response_business_days)
        .map_err(|_| Refusal::field("OUT_OF_RANGE", "policy.first_response_business_days", "is a number of days"))?;
    let critical = of.critical_incidents.unwrap_or_default();
    let meetings = of.meetings.clone().unwrap_or_default();
    let or = |given: Option<prost_types::Duration>, field: &str, usual| match given {
        Some(given) => duration(Some(given), field),
        None => Ok(usual),
    };
    Ok(policy::Rules {
        firm_calendar: name::id_in("calendars", &of.firm_calendar, "policy.firm_calendar")?.to_owned(),
        official_domain: of.official_domain.clone(),
        service_address: of.service_address.clone(),
        authserv_id: of.authserv_id.clone(),
        first_response_business_days: days,
        escalation_steps: of.escalation_steps.iter().enumerate().map(step).collect::<Result<_, Refusal>>()?,
        confirmation_reminder: duration(of.confirmation_reminder, "policy.confirmation_reminder")?,
        auto_acknowledge: of.auto_acknowledge,
        update_cadence: or(
            critical.update_cadence,
            "policy.critical_incidents.update_cadence",
            policy::UPDATE_CADENCE,
        )?,
        meetings: policy::Meetings {
            video_providers: meetings.video_providers.iter().map(|host| host.to_ascii_lowercase()).collect(),
            recorded_kinds: meetings.recorded_kinds,
        },
        report_within: or(critical.report_within, "policy.critical_incidents.report_within", policy::REPORT_WITHIN)?,
        jargon: of.jargon.iter().map(jargon).collect(),
    })
}

fn jargon(of: &wire::JargonTerm) -> policy::Jargon {
    policy::Jargon { term: of.term.clone(), suggestion: of.suggestion.clone() }
}

/// A span of time, cut to the microsecond in which spans are stored.
pub(super) fn duration(given: Option<prost_types::Duration>, field: &str) -> Result<Duration, Refusal> {
    let wrong = || Refusal::field("BAD_DURATION", field, "is no span of time");
    let whole = Duration::try_from(given.ok_or_else(wrong)?).map_err(|_| wrong())?;
    let micros = u64::try_from(whole.as_micros()).map_err(|_| wrong())?;
    Ok(Duration::from_micros(micros))
}

pub(super) fn duration_to_wire(of: Duration) -> prost_types::Duration {
    // What is stored came from such a message.
    prost_types::Duration::try_from(of).unwrap_or_default()
}

fn target_to_wire(of: policy::Target) -> wire::EscalationTarget {
    match of {
        policy::Target::AccountManager => wire::EscalationTarget::AccountManager,
        policy::Target::TeamLead => wire::EscalationTarget::TeamLead,
        policy::Target::Management => wire::EscalationTarget::Management,
    }
}

fn target(of: wire::EscalationTarget) -> Option<policy::Target> {
    match of {
        wire::EscalationTarget::Unspecified => None,
        wire::EscalationTarget::AccountManager => Some(policy::Target::AccountManager),
        wire::EscalationTarget::TeamLead => Some(policy::Target::TeamLead),
        wire::EscalationTarget::Management => Some(policy::Target::Management),
    }
}

pub(super) fn wish(of: &wire::AuthorizeSendRequest) -> Result<permit::Wish, Refusal> {
    use wire::audience::Kind;
    let given = |text: &'_ str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let own = |name: &str, collection, field| name::id_in(collection, name, field).map(str::to_owned);
    let audience = match of.audience.as_ref().and_then(|audience| audience.kind.as_ref()) {
        Some(Kind::Contact(name)) => {
            let (client, id) = name::ids_in("contacts", name, "audience.contact")?;
            permit::Audience::Contact { client: client.to_owned(), id: id.to_owned() }
        }
        Some(Kind::Staff(name)) => permit::Audience::Staff(own(name, "staff", "audience.staff")?),
        Some(Kind::Target(number)) => {
            let target = wire::EscalationTarget::try_from(*number).ok().and_then(target);
            let target = target.ok_or_else(|| Refusal::field("REQUIRED", "audience.target", "is required"))?;
            permit::Audience::Target(target)
        }
        Some(Kind::Intake(_)) => permit::Audience::Intake,
        Some(Kind::Confirmers(confirmers)) => {
            let asked = given(&confirmers.contact).map(|name| {
                let (client, id) = name::ids_in("contacts", &name, "audience.confirmers.contact")?;
                Ok::<_, Refusal>((client.to_owned(), id.to_owned()))
            });
            permit::Audience::Confirmers { asked: asked.transpose()? }
        }
        Some(Kind::IncidentContacts(_)) => permit::Audience::IncidentContacts,
        None => return Err(Refusal::field("REQUIRED", "audience", "is required")),
    };
    let engagement = match given(&of.engagement) {
        Some(name) => {
            let (client, id) = name::ids_in("engagements", &name, "engagement")?;
            Some((client.to_owned(), id.to_owned()))
        }
        None => None,
    };
    Ok(permit::Wish {
        notification: of.notification.clone(),
        channel: match of.channel() {
            wire::Channel::Email => permit::Channel::Email,
            wire::Channel::Phone => permit::Channel::Phone,
            wire::Channel::Unspecified => return Err(Refusal::field("REQUIRED", "channel", "is required")),
        },
        client: given(&of.client).map(|name| own(&name, "clients", "client")).transpose()?,
        engagement,
        author: given(&of.author).map(|name| own(&name, "staff", "author")).transpose()?,
        audience,
    })
}

pub(super) fn granted_to_wire(of: permit::Granted) -> wire::SendPermit {
    wire::SendPermit {
        permit: of.permit.id,
        expire_time: Some(proto_time(of.permit.expire_time)),
        policy_version: of.permit.policy_version,
        sender: Some(party_to_wire(of.sender)),
        recipients: of.recipients.into_iter().map(party_to_wire).collect(),
        client_display_name: of.client_display_name,
    }
}

fn party_to_wire(of: permit::Party) -> wire::Party {
    wire::Party {
        person: of.person,
        display_name: of.display_name,
        email: of.email,
        stands_in_for: of.stands_in_for,
        phones: of.phones,
    }
}

pub(super) fn incident_parties_to_wire(of: permit::IncidentParties) -> wire::GetIncidentPartiesResponse {
    wire::GetIncidentPartiesResponse {
        client_display_name: of.client_display_name,
        contacts: of.contacts.into_iter().map(party_to_wire).collect(),
        management: of.management.into_iter().map(party_to_wire).collect(),
        sender: Some(party_to_wire(of.sender)),
        policy_version: of.policy_version,
        revision: of.revision,
    }
}

pub(super) fn denial_to_wire(of: permit::Denial) -> wire::SendRefusal {
    wire::SendRefusal { reason: of.reason().to_owned(), explanation: of.to_string() }
}

//! Who held an office when, and whether they were told.

use business_time::Timestamp;
use contracts::{
    client_registry::v1::{FirmRole, Staff},
    notification::v1::{Notification, NotificationKind, NotificationState},
};
use jiff::SignedDuration;

use super::span::{later, with_slack};
use crate::folder::{Evidence, instant};

/// Business time within which a notification must have been handed over, a few failed attempts included.
pub(super) const TOLD_WITHIN: SignedDuration = SignedDuration::from_hours(1);

/// Whom something is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Office {
    AccountManager,
    TeamLead,
    Management,
    Intake,
}

impl Office {
    /// By a timeline's or notification's target.
    pub(super) fn parse(target: &str) -> Option<Self> {
        Some(match target {
            "ACCOUNT_MANAGER" => Self::AccountManager,
            "TEAM_LEAD" => Self::TeamLead,
            "MANAGEMENT" => Self::Management,
            "INTAKE" => Self::Intake,
            _ => return None,
        })
    }

    /// In words.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::AccountManager => "the account manager",
            Self::TeamLead => "the team lead",
            Self::Management => "management",
            Self::Intake => "intake",
        }
    }
}

/// When a person left, where they did: when they were deactivated, or their access expired as it was agreed at `time`.
/// `Some(MIN)` where they are inactive and nothing says since when.
pub(super) fn left(evidence: &Evidence, staff: &Staff, time: Timestamp) -> Option<Timestamp> {
    let deactivated = staff.inactive.then(|| {
        let rows = evidence.audits.values().flat_map(|audit| audit.rows());
        let row = rows.filter(|row| row.action.ends_with("StaffService/DeactivateStaff"));
        row.filter(|row| row.resources.contains(&staff.name)).map(|row| row.time).last().unwrap_or(Timestamp::MIN)
    });
    let then = evidence.staff_at(&staff.name, time).unwrap_or(staff);
    let expired = instant(then.access_expire_time.as_ref());
    [deactivated, expired].into_iter().flatten().min()
}

/// Whether somebody of the firm was active at a time.
pub(super) fn was_active(evidence: &Evidence, staff: &str, time: Timestamp) -> bool {
    evidence.find_staff(staff).is_some_and(|staff| left(evidence, staff, time).is_none_or(|left| time <= left))
}

/// Whether somebody was absent at a time, as far as anybody knew then: an absence may be noted after it began.
fn is_absent(evidence: &Evidence, staff: &str, time: Timestamp) -> bool {
    let absences = evidence.staff.get(staff).map(|record| record.absences.as_slice()).unwrap_or_default();
    absences.iter().any(|absence| {
        let span = (instant(absence.start_time.as_ref()), instant(absence.end_time.as_ref()));
        let holds = matches!(span, (Some(start), Some(end)) if start <= time && time < end);
        holds && noted(evidence, &absence.name).is_none_or(|noted| noted <= time)
    })
}

/// When an absence was noted, where the audit has it.
fn noted(evidence: &Evidence, absence: &str) -> Option<Timestamp> {
    let rows = evidence.audits.values().flat_map(|audit| audit.rows());
    let mut rows = rows.filter(|row| row.action.ends_with("StaffService/CreateAbsence"));
    rows.find(|row| row.resources.iter().any(|name| name == absence)).map(|row| row.time)
}

/// Who is there for a person at a time: the person, or along their deputies the first who is there. An auditor changes
/// nothing, and so stands in for nobody.
pub(super) fn stand_in(evidence: &Evidence, person: &str, time: Timestamp) -> Option<String> {
    first_along(evidence, person, time, |_| true)
}

/// As [`stand_in`], for who is told: whoever has no address at the firm's official domain is told nothing, others are in
/// their stead (SOP 6).
fn told_for(evidence: &Evidence, person: &str, time: Timestamp) -> Option<String> {
    first_along(evidence, person, time, |candidate| has_official_address(evidence, candidate, time))
}

fn first_along(evidence: &Evidence, person: &str, time: Timestamp, fits: impl Fn(&str) -> bool) -> Option<String> {
    let mut seen = Vec::new();
    let mut candidate = person.to_owned();
    while !seen.contains(&candidate) {
        let staff = evidence.staff_at(&candidate, time)?;
        let stands_in = candidate == person || !staff.roles().any(|role| role == FirmRole::Auditor);
        let is_there = was_active(evidence, &candidate, time) && !is_absent(evidence, &candidate, time);
        if stands_in && is_there && fits(&candidate) {
            return Some(candidate);
        }
        seen.push(std::mem::replace(&mut candidate, staff.deputy.clone()));
    }
    None
}

fn has_official_address(evidence: &Evidence, person: &str, time: Timestamp) -> bool {
    let Some(policy) = evidence.policy_at(time) else { return true };
    evidence.staff_at(person, time).is_some_and(|staff| is_of_domain(&staff.email, &policy.official_domain))
}

/// Whether an address is at a domain.
pub(super) fn is_of_domain(address: &str, domain: &str) -> bool {
    address.rsplit_once('@').is_some_and(|(_, of)| of.eq_ignore_ascii_case(domain))
}

fn with_role(evidence: &Evidence, role: FirmRole, time: Timestamp) -> Vec<String> {
    let staff = evidence.staff.keys().filter_map(|name| evidence.staff_at(name, time));
    let holders = staff.filter(|staff| staff.roles().any(|held| held == role));
    holders.filter(|staff| was_active(evidence, &staff.name, time)).map(|staff| staff.name.clone()).collect()
}

/// Who held an office for a client (and engagement, where one is named) at a time, absent or not.
pub(super) fn holders(
    evidence: &Evidence,
    office: Office,
    client: &str,
    engagement: &str,
    time: Timestamp,
) -> Vec<String> {
    let assigned = evidence.assignments_at(client, time);
    match (office, assigned) {
        (Office::Management, _) => with_role(evidence, FirmRole::Management, time),
        (Office::Intake, _) => {
            let intake = with_role(evidence, FirmRole::Intake, time);
            if intake.is_empty() { with_role(evidence, FirmRole::Management, time) } else { intake }
        }
        (_, None) => Vec::new(),
        (Office::AccountManager, Some(assigned)) => vec![assigned.account_manager],
        (Office::TeamLead, Some(assigned)) => {
            let first = evidence.first_engagement(client);
            let engagement = if engagement.is_empty() { first.as_deref().unwrap_or_default() } else { engagement };
            let team = assigned.engagements.iter().find(|team| team.engagement == engagement);
            vec![team.map_or(assigned.account_manager, |team| team.team_lead.clone())]
        }
    }
}

/// Whether the right people are among `recipients`, and nobody else. At a client that is the holder or who stands in. A role
/// for the whole firm passes to nobody: those are told who are there, for the intake management where none of them is, and
/// all of them where nobody is.
pub(super) fn right_people(
    evidence: &Evidence,
    office: Office,
    recipients: &[String],
    holders: &[String],
    time: Timestamp,
) -> Result<(), String> {
    if matches!(office, Office::Management | Office::Intake) {
        return those_who_are_there(evidence, office, recipients, holders, time);
    }
    let mut allowed = Vec::new();
    let mut nobody_there = false;
    for holder in holders {
        match told_for(evidence, holder, time) {
            Some(there) if recipients.contains(&there) => allowed.push(there),
            Some(there) if there == *holder => return Err(format!("{holder} was not told")),
            Some(there) => return Err(format!("{holder} was absent and {there}, who stands in, was not told")),
            None => nobody_there = true,
        }
    }
    if nobody_there {
        // Nobody is there for one of them: then management is as good as it gets.
        allowed.extend(holders.iter().cloned());
        allowed.extend(with_role(evidence, FirmRole::Management, time));
    }
    if recipients.is_empty() {
        return Err("nobody was told".to_owned());
    }
    match recipients.iter().find(|recipient| !allowed.contains(recipient)) {
        Some(stranger) => Err(format!("{stranger} was told, whom it does not concern")),
        None => Ok(()),
    }
}

fn those_who_are_there(
    evidence: &Evidence,
    office: Office,
    recipients: &[String],
    holders: &[String],
    time: Timestamp,
) -> Result<(), String> {
    let management =
        if office == Office::Intake { with_role(evidence, FirmRole::Management, time) } else { Vec::new() };
    let there = |people: &[String]| -> Vec<String> {
        let is_told =
            |person: &&String| !is_absent(evidence, person, time) && has_official_address(evidence, person, time);
        people.iter().filter(is_told).cloned().collect()
    };
    let everybody = || {
        let all = holders.iter().chain(&management);
        all.filter(|person| has_official_address(evidence, person, time)).cloned().collect()
    };
    let right: Vec<String> = [there(holders), there(&management), everybody()]
        .into_iter()
        .find(|people: &Vec<String>| !people.is_empty())
        .unwrap_or_default();
    if let Some(missing) = right.iter().find(|person| !recipients.contains(person)) {
        return Err(format!("{missing} was not told"));
    }
    match recipients.iter().find(|recipient| !right.contains(recipient)) {
        Some(stranger) => Err(format!("{stranger} was told, whom it does not concern")),
        None => Ok(()),
    }
}

/// What somebody must have been told.
pub(super) struct Telling<'a> {
    pub kind: NotificationKind,
    /// The case, or the mail in triage.
    pub about: &'a str,
    pub office: Office,
    pub client: &'a str,
    pub engagement: &'a str,
    /// Not before.
    pub since: Timestamp,
}

/// The notification by which the holders of an office were told; `Ok(None)` where the run ended too early to say.
pub(super) fn told<'a>(
    evidence: &'a Evidence,
    telling: &Telling<'_>,
    used: &[&str],
) -> Result<Option<&'a Notification>, String> {
    let mut candidates: Vec<&Notification> = evidence
        .notifications
        .values()
        .filter(|one| one.kind() == telling.kind && (one.case == telling.about || one.mail == telling.about))
        .filter(|one| !used.contains(&one.name.as_str()))
        .filter(|one| Office::parse(&one.audience).is_none_or(|office| office == telling.office))
        .filter(|one| instant(one.queue_time.as_ref()).is_some_and(|queued| queued >= telling.since))
        .collect();
    candidates.sort_by_key(|one| (instant(one.queue_time.as_ref()), one.name.clone()));
    let office = telling.office.as_str();
    let Some(found) = candidates.first().copied() else {
        let ended = with_slack(telling.since) > evidence.run.end_time;
        return if ended { Ok(None) } else { Err(format!("{office} was not told: there is no notification of it")) };
    };
    let name = &found.name;
    if found.state() != NotificationState::HandedOver {
        let state = found.state().as_str_name().trim_start_matches("NOTIFICATION_STATE_");
        return Err(format!("{office} was not told: {name} is {state} {}", found.reason).trim_end().to_owned());
    }
    let Some(handed_over) = instant(found.hand_over_time.as_ref()) else {
        return Err(format!("{name} is handed over, but nothing says when"));
    };
    if handed_over < telling.since || handed_over > later(telling.since, TOLD_WITHIN) {
        return Err(format!("{office} was told at {handed_over}, due since {}", telling.since));
    }
    let holders = holders(evidence, telling.office, telling.client, telling.engagement, handed_over);
    if holders.is_empty() {
        return Err(format!("nobody is {office}"));
    }
    right_people(evidence, telling.office, &found.recipients, &holders, handed_over)
        .map_err(|what| format!("{office} was not rightly told by {name}: {what}"))?;
    Ok(Some(found))
}

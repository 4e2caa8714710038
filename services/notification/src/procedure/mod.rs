//! This service's own copies of what the registry owns: the current policy, and the firm's calendar, in which mails in
//! triage are timed. Fetched by work rows whenever the registry says that they changed, so that an outage of the registry
//! delays nothing that rests on them.

mod fetch;
mod repo;

use business_time::{Calendar, CalendarSpec, Closure, Timestamp, WeekHours, Weekday};
use command::{Fault, Unit};
use contracts::client_registry::v1 as registry;
use database::{ConnectionTrait, DatabaseTransaction};

pub use fetch::{FetchCalendar, FetchPolicy};

use crate::{mail::Mails, meeting::entity::Rules, work};

/// What is used here of the procedure's current version.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Its number.
    pub version: u64,
    /// The firm's calendar, `calendars/{calendar}`.
    pub firm_calendar: String,
    /// The domain that the firm writes from.
    pub official_domain: String,
    /// The name under which the firm's mail server states its checks.
    pub authserv_id: String,
    /// Business days within which somebody must see to a mail in triage.
    pub first_response_business_days: u32,
    /// Whether a client's mail is acknowledged by a generated reply.
    pub auto_acknowledge: bool,
    /// What meetings and calls need.
    pub meetings: Rules,
}

impl From<&registry::Policy> for Policy {
    fn from(policy: &registry::Policy) -> Self {
        let meetings = policy.meetings.clone().unwrap_or_default();
        Self {
            version: policy.version,
            firm_calendar: policy.firm_calendar.clone(),
            official_domain: policy.official_domain.clone(),
            authserv_id: policy.authserv_id.clone(),
            first_response_business_days: u32::try_from(policy.first_response_business_days).unwrap_or(1),
            auto_acknowledge: policy.auto_acknowledge,
            meetings: Rules {
                policy_version: policy.version,
                video_providers: meetings.video_providers,
                recorded_kinds: meetings.recorded_kinds,
            },
        }
    }
}

impl Policy {
    /// Whether an address is one of the firm's.
    pub fn is_own(&self, address: &str) -> bool {
        let domain = address.rsplit_once('@').map(|(_, domain)| domain.trim_end_matches('.').to_ascii_lowercase());
        let own = self.official_domain.to_ascii_lowercase();
        domain.is_some_and(|domain| domain == own || domain.strip_suffix(&own).is_some_and(|sub| sub.ends_with('.')))
    }
}

/// The current policy as far as it is known here.
pub async fn policy<C: ConnectionTrait>(conn: &C) -> Result<Option<Policy>, Fault> {
    Ok(repo::find_policy(conn).await?.as_ref().map(Policy::from))
}

/// What the firm bans in texts to clients, as far as it is known here (SOP 4.3).
pub async fn jargon<C: ConnectionTrait>(conn: &C) -> Result<Vec<registry::JargonTerm>, Fault> {
    Ok(repo::find_policy(conn).await?.map(|policy| policy.jargon).unwrap_or_default())
}

/// The firm's calendar as far as it is known here.
pub async fn firm_calendar<C: ConnectionTrait>(conn: &C) -> Result<Option<Calendar>, Fault> {
    let Some(policy) = policy(conn).await? else { return Ok(None) };
    calendar(conn, &policy.firm_calendar).await
}

async fn calendar<C: ConnectionTrait>(conn: &C, name: &str) -> Result<Option<Calendar>, Fault> {
    repo::find_calendar(conn, name).await?.as_ref().map(read_calendar).transpose()
}

/// When a mail received at `receive_time` must have left triage; none while policy or calendar is not here.
pub async fn triage_due<C: ConnectionTrait>(conn: &C, receive_time: Timestamp) -> Result<Option<Timestamp>, Fault> {
    let Some(policy) = policy(conn).await? else { return Ok(None) };
    let calendar = calendar(conn, &policy.firm_calendar).await?;
    Ok(calendar.map(|calendar| calendar.business_days_after(receive_time, policy.first_response_business_days).time))
}

/// Stores a version of the policy; an older one is kept beside, and rules nothing.
pub async fn keep_policy(unit: &Unit<'_>, mails: &Mails, policy: &registry::Policy) -> Result<(), Fault> {
    if !repo::insert_policy(unit.tx(), policy).await? {
        return Ok(());
    }
    unit.touched(&format!("policies/{}", policy.version));
    if calendar(unit.tx(), &policy.firm_calendar).await?.is_none() {
        ask_for_calendar(unit.tx(), &policy.firm_calendar, &format!("policy {}", policy.version), unit.now()).await?;
    }
    mails.time_anew(unit).await
}

/// Stores a calendar unless a newer one is here.
pub async fn keep_calendar(unit: &Unit<'_>, mails: &Mails, calendar: &registry::Calendar) -> Result<(), Fault> {
    read_calendar(calendar)?;
    if !repo::save_calendar(unit.tx(), calendar).await? {
        return Ok(());
    }
    unit.touched(&calendar.name);
    mails.time_anew(unit).await
}

/// Asks for the current policy; `cause` makes it one piece of work for each cause.
pub async fn ask_for_policy(tx: &DatabaseTransaction, cause: &str, now: Timestamp) -> Result<(), Fault> {
    work::ask(tx, work::FETCH_POLICY, "policies/current", cause, now).await
}

/// Asks for a calendar.
pub async fn ask_for_calendar(tx: &DatabaseTransaction, name: &str, cause: &str, now: Timestamp) -> Result<(), Fault> {
    work::ask(tx, work::FETCH_CALENDAR, name, cause, now).await
}

/// Whether a calendar is one that is kept here.
pub async fn keeps(tx: &DatabaseTransaction, name: &str) -> Result<bool, Fault> {
    let known = repo::find_calendar(tx, name).await?.is_some();
    Ok(known || policy(tx).await?.is_some_and(|policy| policy.firm_calendar == name))
}

fn read_calendar(calendar: &registry::Calendar) -> Result<Calendar, Fault> {
    let mut week = Vec::new();
    for hours in &calendar.week {
        let day = Weekday::from_iso_number(hours.day);
        let day = day.ok_or_else(|| Fault::Stored("a calendar names an unknown weekday".into()))?;
        week.push(WeekHours { day, open: hours.open.clone(), close: hours.close.clone() });
    }
    let closures = calendar.closures.iter();
    let spec = CalendarSpec {
        id: calendar.name.rsplit('/').next().unwrap_or_default().to_owned(),
        revision: calendar.revision,
        time_zone: calendar.time_zone.clone(),
        week,
        holidays: calendar.holiday_regions.clone(),
        closures: closures.map(|day| Closure { date: day.date.clone(), label: day.label.clone() }).collect(),
        openings: Vec::new(),
    };
    Calendar::try_new(spec).map_err(|error| Fault::Stored(format!("the registry's calendar: {error}")))
}

#[cfg(test)]
mod tests {
    use super::Policy;

    #[test]
    fn an_address_is_the_firms_by_its_domain() {
        let policy = Policy { official_domain: "Firm.example".into(), ..Policy::default() };
        for own in ["anna@firm.example", "anna@FIRM.example.", "anna@mail.firm.example"] {
            assert!(policy.is_own(own), "{own}");
        }
        for foreign in ["anna@notfirm.example", "anna@firm.example.evil.example", "firm.example", ""] {
            assert!(!policy.is_own(foreign), "{foreign}");
        }
    }
}

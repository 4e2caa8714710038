//! Schedules: the use cases, in the transaction that a command, a clock or a piece of work opened.
//!
//! - [`entity`]: [`entity::Schedule`], what comes when; pure. [`repo`]: its table.
//! - [`clocks`]: drafts that open by themselves. [`fetch`]: the client's calendar, fetched anew where it changed.

pub mod clocks;
pub mod entity;
mod error;
pub mod fetch;
pub mod repo;

use access::Caller;
use business_time::Timestamp;
use command::{Commands, Fault, Unit, paging::Page};
use refusal::{Kind, Refusal};

pub use error::ScheduleError;
pub use repo::{Column, Stored};

use self::entity::{Schedule, Terms};
use crate::{
    matrix::ReportType,
    registry::ClientCalendar,
    report::{Reports, after, clients_of, entity::Period},
    work,
};

/// The use cases. Cheap to clone.
#[derive(Clone)]
pub struct Schedules {
    commands: Commands,
    reports: Reports,
}

impl Schedules {
    /// Over one service's database.
    pub fn new(commands: Commands, reports: Reports) -> Self {
        Self { commands, reports }
    }

    /// A new schedule. What it needs of the registry was asked before.
    ///
    /// # Errors
    /// ALREADY_EXISTS, SCHEDULE_EXISTS; `BAD_WEEKDAY`, `BAD_TIME`; the database's.
    pub async fn create(
        &self,
        unit: &Unit<'_>,
        engagement: (String, String),
        kind: ReportType,
        terms: Terms,
        calendar: ClientCalendar,
    ) -> Result<Stored, Fault> {
        let calendar = (calendar.name, calendar.calendar);
        let schedule = Schedule::new(command::new_id(), engagement, kind, terms, calendar, unit.now())?;
        repo::insert(unit, schedule).await?.ok_or_else(|| ScheduleError::Exists.into())
    }

    /// Changes it.
    ///
    /// # Errors
    /// NOT_FOUND; `STALE_ETAG`; SCHEDULE_FIXED; as [`Schedules::create`].
    pub async fn update(
        &self,
        unit: &Unit<'_>,
        caller: &Caller,
        name: &str,
        etag: &str,
        fixed: (&str, ReportType),
        terms: Terms,
    ) -> Result<Stored, Fault> {
        let found = repo::find(unit.tx(), id_of(name), true).await?;
        let mut stored = found.ok_or_else(|| Refusal::not_found(name))?;
        reach(caller, "schedules.write", &stored.schedule)?;
        if etag != stored.etag() {
            let message = "the schedule changed since it was read; read it again and repeat";
            return Err(Refusal::new(Kind::Conflict, "STALE_ETAG", message).with("etag", stored.etag()).into());
        }
        if fixed != (stored.schedule.engagement.as_str(), stored.schedule.kind) {
            return Err(ScheduleError::Fixed.into());
        }
        stored.schedule.change(terms, unit.now())?;
        repo::save(unit, &mut stored).await?;
        Ok(stored)
    }

    /// One schedule, if the caller may see it.
    ///
    /// # Errors
    /// NOT_FOUND; PERMISSION_DENIED where it may be seen, but not so.
    pub async fn get(&self, caller: &Caller, permission: &str, name: &str) -> Result<Stored, Fault> {
        let found = repo::find(self.commands.db().reader(), id_of(name), false).await?;
        let stored = found.ok_or_else(|| Refusal::not_found(name))?;
        reach(caller, permission, &stored.schedule)?;
        Ok(stored)
    }

    /// A page of the caller's schedules, the newest first.
    ///
    /// # Errors
    /// The database's.
    pub async fn list(
        &self,
        caller: &Caller,
        list: &str,
        client: &str,
        page: &Page,
    ) -> Result<(Vec<Stored>, String), Fault> {
        let clients = clients_of(caller, "schedules.read", client);
        let after = after(page)?;
        let reader = self.commands.db().reader();
        let mut found = repo::list(reader, clients.as_deref(), after.as_ref(), page.limit()).await?;
        let next = page.cut(list, &mut found, Stored::key);
        Ok((found, next))
    }

    /// What an engagement's schedule says of a report that is opened by hand: schedule, recipients, due time.
    ///
    /// # Errors
    /// The database's.
    pub async fn agreed(
        &self,
        engagement: &str,
        kind: ReportType,
        period: &Period,
    ) -> Result<Option<(Schedule, Option<(Timestamp, String)>)>, Fault> {
        let found = repo::find_of(self.commands.db().reader(), engagement, kind).await?;
        Ok(found.map(|stored| {
            let due = stored.schedule.for_period(period);
            (stored.schedule, due)
        }))
    }

    /// The calendar of some schedules may have changed: work fetches it anew.
    ///
    /// # Errors
    /// The database's.
    pub async fn calendar_changed(
        &self,
        unit: &Unit<'_>,
        column: Column,
        value: &str,
        cause: &str,
    ) -> Result<(), Fault> {
        for name in repo::list_names(unit.tx(), column, value).await? {
            work::enqueue(unit, work::CALENDAR, &name, cause).await?;
        }
        Ok(())
    }

    /// Opens what is due by now; each period once, also where somebody opened it by hand.
    ///
    /// # Errors
    /// The database's.
    async fn open_due(&self, unit: &Unit<'_>, id: &str, now: Timestamp) -> Result<(), Fault> {
        let Some(mut stored) = repo::find(unit.tx(), id, true).await? else { return Ok(()) };
        let report = command::derived_id(&format!("{id}/{}", stored.schedule.next_name()), "report");
        if let Some(opening) = stored.schedule.open_due(now, report) {
            self.reports.open_once(unit, opening).await?;
        }
        repo::save(unit, &mut stored).await
    }
}

impl Schedule {
    /// What names the period that comes next, for the id of its report.
    fn next_name(&self) -> String {
        self.next.as_ref().map(|next| next.period.name()).unwrap_or_default()
    }
}

fn reach(caller: &Caller, permission: &str, schedule: &Schedule) -> Result<(), Refusal> {
    caller.require(permission, &schedule.client).map_err(|denied| {
        if caller.scope("schedules.read").contains(&schedule.client) {
            denied
        } else {
            Refusal::not_found(schedule.name())
        }
    })
}

fn id_of(name: &str) -> &str {
    name.strip_prefix("schedules/").unwrap_or(name)
}

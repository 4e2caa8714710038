//! The calendar that a schedule goes by, fetched anew where it may have changed.

use std::time::Duration;

use async_trait::async_trait;
use command::Fault;
use database::{DbErr, Retryable};
use refusal::{Kind, Refusal};
use timers::{
    Backoff,
    work::{self, Job, Outcome, Performer},
};

use super::{Schedules, id_of, repo};
use crate::{registry::Registry, report::SELF, work::CALENDAR};

const PATIENCE: Backoff = Backoff { first: Duration::from_secs(1), most: Duration::from_secs(60), tries: u32::MAX };

/// Fetches calendars.
pub struct FetchCalendar {
    schedules: Schedules,
    registry: Registry,
}

#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error(transparent)]
    Fault(#[from] Fault),
    #[error(transparent)]
    Timers(#[from] timers::Error),
}

impl From<DbErr> for Trouble {
    fn from(error: DbErr) -> Self {
        Self::Fault(error.into())
    }
}

impl Retryable for Trouble {
    fn db_error(&self) -> Option<&DbErr> {
        match self {
            Self::Fault(fault) => fault.db_error(),
            Self::Timers(error) => error.db_error(),
            Self::Refused(_) => None,
        }
    }
}

impl FetchCalendar {
    /// Over the use cases; asks this registry.
    pub fn new(schedules: Schedules, registry: Registry) -> Self {
        Self { schedules, registry }
    }

    async fn fetch(&self, job: &Job) -> Result<(), Trouble> {
        let commands = self.schedules.commands.clone();
        let Some(known) = repo::find(commands.db().reader(), id_of(&job.subject), false).await? else { return Ok(()) };
        let told = self.registry.calendar_of(&known.schedule.client).await?;
        let (schedules, id, job) = (self.schedules.clone(), known.schedule.id, job.clone());
        let kept = commands.db().transaction(move |tx| {
            let (schedules, id, job, told) = (schedules.clone(), id.clone(), job.clone(), told.clone());
            Box::pin(async move {
                let unit = schedules.commands.unit(tx, SELF, CALENDAR).caused_by(job.id);
                if let Some(mut stored) = repo::find(tx, &id, true).await? {
                    let mut changed = stored.schedule.clone();
                    changed.goes_by(&told.name, told.calendar.clone());
                    if changed != stored.schedule {
                        stored.schedule = changed;
                        repo::save(&unit, &mut stored).await?;
                    }
                }
                unit.finish().await?;
                work::complete(tx, &job).await?;
                Ok::<_, Trouble>(())
            })
        });
        kept.await?;
        self.schedules.reports.committed();
        Ok(())
    }
}

#[async_trait]
impl Performer for FetchCalendar {
    fn kind(&self) -> &'static str {
        CALENDAR
    }

    async fn perform(&self, job: &Job) -> Outcome {
        match self.fetch(job).await {
            Ok(()) => Outcome::Done,
            // Somebody else has the work.
            Err(Trouble::Timers(timers::Error::ClaimLost(_))) => Outcome::Done,
            Err(Trouble::Refused(refusal)) if refusal.kind == Kind::Internal => {
                Outcome::SetAside { reason: "a calendar that this release cannot read".into() }
            }
            Err(trouble) => {
                tracing::warn!(error = %trouble, subject = job.subject, "a calendar waits");
                let after = PATIENCE.after(job.attempts.saturating_add(1), &job.id.to_string());
                Outcome::Retry { after: Some(after) }
            }
        }
    }
}

//! The work that makes a draft: asks the registry what the engagement is called and escalation for the facts, and writes the first
//! version. While one of them does not answer it is tried again for as long as it takes.

use std::time::Duration;

use async_trait::async_trait;
use command::Fault;
use database::{DbErr, Retryable};
use refusal::Refusal;
use timers::{
    Backoff,
    work::{self, Job, Outcome, Performer},
};

use super::{
    Reports, SELF,
    draft::{status_update, title},
    entity::{Period, Report, Stage},
    id_of, repo,
};
use crate::{
    facts::Escalation,
    matrix::{Format, ReportType},
    registry::Registry,
    work::DRAFT,
};

const PATIENCE: Backoff = Backoff { first: Duration::from_secs(1), most: Duration::from_secs(60), tries: u32::MAX };

/// Makes drafts.
pub struct Drafting {
    reports: Reports,
    registry: Registry,
    escalation: Escalation,
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

impl Drafting {
    /// Over the use cases; asks these.
    pub fn new(reports: Reports, registry: Registry, escalation: Escalation) -> Self {
        Self { reports, registry, escalation }
    }

    async fn draft(&self, job: &Job) -> Result<(), Trouble> {
        let commands = self.reports.commands().clone();
        let Some(stored) = repo::find(commands.db().reader(), id_of(&job.subject), false).await? else { return Ok(()) };
        let report = stored.report;
        let engagement = match report.engagement.as_str() {
            "" => String::new(),
            name => self.registry.engagement_name(name).await?,
        };
        let recipients = match report.recipients.as_slice() {
            [] => self.registry.incident_contacts(&report.client).await?,
            named => named.to_vec(),
        };
        let kind = match report.kind {
            ReportType::StatusUpdate => "Status update",
            ReportType::ProgressReport => "Progress report",
            ReportType::IncidentReport => "Incident report",
        };
        let title = title(kind, &engagement, &report.period.shown());
        let text = self.text(&report).await?;
        let (reports, id, job) = (self.reports.clone(), report.id.clone(), job.clone());
        let kept = commands.db().transaction(move |tx| {
            let (reports, id, job) = (reports.clone(), id.clone(), job.clone());
            let (title, text, recipients) = (title.clone(), text.clone(), recipients.clone());
            Box::pin(async move {
                let unit = reports.commands().unit(tx, SELF, DRAFT).caused_by(job.id);
                if let Some(mut stored) = repo::find(tx, &id, true).await? {
                    // What was submitted is called what its approver read.
                    if stored.report.stage == Stage::Draft {
                        repo::keep(&unit, &stored.report, "title", &title).await?;
                    }
                    stored.report.propose_recipients(recipients);
                    let facts = if text.is_some() { stored.report.draft(SELF, unit.now()) } else { Vec::new() };
                    if let Some(text) = text.filter(|_| !facts.is_empty()) {
                        let part = format!("text/{}", stored.report.version());
                        repo::keep(&unit, &stored.report, &part, &text).await?;
                    }
                    repo::save(&unit, &mut stored, &facts).await?;
                }
                unit.finish().await?;
                work::complete(tx, &job).await?;
                Ok::<_, Trouble>(())
            })
        });
        kept.await?;
        self.reports.committed();
        Ok(())
    }

    /// None where people fill in a form.
    async fn text(&self, report: &Report) -> Result<Option<String>, Trouble> {
        if report.format == Format::Form {
            return Ok(None);
        }
        let (Period::Week { .. } | Period::Month { .. }, Some((first, last))) = (&report.period, report.period.days())
        else {
            return Ok(None);
        };
        let zone = self.registry.calendar_of(&report.client).await?.calendar.zone().clone();
        let now = self.reports.commands().now();
        let midnight = |date: jiff::civil::Date| zone.resolve(date.at(0, 0, 0, 0));
        let (from, to) = (midnight(first), last.tomorrow().map_or(now, midnight).min(now));
        let facts = self.escalation.facts(&report.client, &report.engagement, from, to).await?;
        let taken = format!("{} ({})", zone.wall(now).strftime("%A %-d %B %Y, %H:%M"), zone.name());
        Ok(Some(status_update(&report.period.shown(), &facts, &taken)))
    }
}

#[async_trait]
impl Performer for Drafting {
    fn kind(&self) -> &'static str {
        DRAFT
    }

    async fn perform(&self, job: &Job) -> Outcome {
        match self.draft(job).await {
            Ok(()) => Outcome::Done,
            // Somebody else has the work.
            Err(Trouble::Timers(timers::Error::ClaimLost(_))) => Outcome::Done,
            Err(Trouble::Fault(Fault::Keys(keyring::Error::Erased { .. }))) => {
                Outcome::SetAside { reason: "CLIENT_ERASED".into() }
            }
            Err(trouble) => {
                tracing::warn!(error = %trouble, subject = job.subject, "a draft waits");
                let after = PATIENCE.after(job.attempts.saturating_add(1), &job.id.to_string());
                Outcome::Retry { after: Some(after) }
            }
        }
    }
}

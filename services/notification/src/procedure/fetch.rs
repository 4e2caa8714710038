//! The work rows that fetch what the registry owns.

use async_trait::async_trait;
use command::{Commands, Fault};
use contracts::client_registry::v1::{
    GetCalendarRequest, GetPolicyRequest, calendar_service_client::CalendarServiceClient,
    policy_service_client::PolicyServiceClient,
};
use runtime::Client;
use timers::work::{Job, Outcome, Performer};
use tonic::Code;

use crate::{
    mail::Mails,
    work::{self, Wakes},
};

/// Fetches the current policy.
pub struct FetchPolicy {
    commands: Commands,
    mails: Mails,
    client_registry: Client,
    wakes: Wakes,
}

/// Fetches a calendar.
pub struct FetchCalendar {
    commands: Commands,
    mails: Mails,
    client_registry: Client,
    wakes: Wakes,
}

impl FetchPolicy {
    /// From this registry.
    pub fn new(commands: Commands, mails: Mails, client_registry: Client, wakes: Wakes) -> Self {
        Self { commands, mails, client_registry, wakes }
    }
}

impl FetchCalendar {
    /// From this registry.
    pub fn new(commands: Commands, mails: Mails, client_registry: Client, wakes: Wakes) -> Self {
        Self { commands, mails, client_registry, wakes }
    }
}

#[async_trait]
impl Performer for FetchPolicy {
    fn kind(&self) -> &'static str {
        work::FETCH_POLICY
    }

    async fn perform(&self, job: &Job) -> Outcome {
        let mut policies = PolicyServiceClient::new(self.client_registry.clone());
        let policy = match policies.get_policy(GetPolicyRequest { name: job.subject.clone() }).await {
            Ok(answer) => answer.into_inner().policy,
            // Before the first is published there is none to copy; its publication asks again.
            Err(status) if status.code() == Code::NotFound => return Outcome::Done,
            Err(status) => return not_now(job, status.message()),
        };
        let Some(policy) = policy else { return not_now(job, "no policy in the answer") };
        let (commands, mails, owned) = (self.commands.clone(), self.mails, job.clone());
        let kept = self.commands.db().transaction(move |tx| {
            let (commands, policy, job) = (commands.clone(), policy.clone(), owned.clone());
            Box::pin(async move {
                let unit = commands.unit(tx, "services/notification", work::FETCH_POLICY);
                super::keep_policy(&unit, &mails, &policy).await?;
                unit.finish().await?;
                timers::work::complete(tx, &job).await.map_err(work::fault)
            })
        });
        let kept = kept.await;
        ended(&self.commands, &self.wakes, job, kept)
    }
}

#[async_trait]
impl Performer for FetchCalendar {
    fn kind(&self) -> &'static str {
        work::FETCH_CALENDAR
    }

    async fn perform(&self, job: &Job) -> Outcome {
        let mut calendars = CalendarServiceClient::new(self.client_registry.clone());
        let calendar = match calendars.get_calendar(GetCalendarRequest { name: job.subject.clone() }).await {
            Ok(answer) => answer.into_inner().calendar,
            Err(status) => return not_now(job, status.message()),
        };
        let Some(calendar) = calendar else { return not_now(job, "no calendar in the answer") };
        let (commands, mails, owned) = (self.commands.clone(), self.mails, job.clone());
        let kept = self.commands.db().transaction(move |tx| {
            let (commands, calendar, job) = (commands.clone(), calendar.clone(), owned.clone());
            Box::pin(async move {
                let unit = commands.unit(tx, "services/notification", work::FETCH_CALENDAR);
                super::keep_calendar(&unit, &mails, &calendar).await?;
                unit.finish().await?;
                timers::work::complete(tx, &job).await.map_err(work::fault)
            })
        });
        let kept = kept.await;
        ended(&self.commands, &self.wakes, job, kept)
    }
}

fn ended(commands: &Commands, wakes: &Wakes, job: &Job, kept: Result<(), Fault>) -> Outcome {
    match kept {
        Ok(()) => {
            commands.committed();
            wakes.wake();
            Outcome::Done
        }
        Err(fault) => not_now(job, &fault.to_string()),
    }
}

fn not_now(job: &Job, reason: &str) -> Outcome {
    tracing::warn!(kind = job.kind, subject = job.subject, reason, "not fetched yet, trying again");
    Outcome::Retry { after: None }
}

//! What is missing here is asked of client-registry by work rows, and what it changes for running cases is worked through in
//! batches.
//!
//! ```text
//! fetch-client ──▶ fetch-calendar ──▶ settle-calendar
//!       └──────────▶ settle-client
//! fetch-policy ──▶ settle-policy
//! ```
//!
//! While the registry does not answer, a fetch is tried again for as long as it takes, at growing intervals of up to a minute.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use command::{Commands, Fault, Unit};
use contracts::client_registry::v1::{
    GetCalendarRequest, GetClientRequest, GetPolicyRequest, View, calendar_service_client::CalendarServiceClient,
    client_service_client::ClientServiceClient, policy_service_client::PolicyServiceClient,
};
use database::{DbErr, Retryable};
use timers::{
    Backoff,
    work::{self, Job, NewWork, Outcome, Performer},
};
use tonic::{Code, Status};
use uuid::Uuid;

use super::{calendar_spec, policy, store_calendar, store_client, store_policy};
use crate::case::{Cases, Unsettled, entity::Policy};

/// How a fetch waits between tries; it is never given up.
const PATIENCE: Backoff = Backoff { first: Duration::from_secs(1), most: Duration::from_secs(60), tries: u32::MAX };

/// A kind of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Asks which calendar a client has; the subject is the client.
    Client,
    /// Asks for a calendar; the subject is the calendar.
    Calendar,
    /// Asks for a policy; the subject is `policies/{version}` or `policies/current`.
    Policy,
    /// Works through the cases of a client.
    SettleClient,
    /// Works through the cases on a calendar.
    SettleCalendar,
    /// Works through the cases without a policy.
    SettlePolicy,
}

impl Kind {
    /// Every kind; a worker runs for each.
    pub const ALL: [Self; 6] =
        [Self::Client, Self::Calendar, Self::Policy, Self::SettleClient, Self::SettleCalendar, Self::SettlePolicy];

    /// As it stands in work rows.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Client => "escalation.fetch-client",
            Self::Calendar => "escalation.fetch-calendar",
            Self::Policy => "escalation.fetch-policy",
            Self::SettleClient => "escalation.settle-client",
            Self::SettleCalendar => "escalation.settle-calendar",
            Self::SettlePolicy => "escalation.settle-policy",
        }
    }
}

/// Asks for work in the transaction of what causes it. The same cause asks once.
///
/// # Errors
/// The database's.
pub async fn enqueue(unit: &Unit<'_>, kind: Kind, subject: &str, cause: &str) -> Result<(), Fault> {
    let id = Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{cause}/{}/{subject}", kind.as_str()).as_bytes());
    let work = NewWork {
        id,
        kind: kind.as_str().to_owned(),
        subject: subject.to_owned(),
        payload: Vec::new(),
        epoch: 0,
        due_time: unit.now(),
        traceparent: runtime::telemetry::traceparent(),
    };
    match work::enqueue(unit.tx(), work).await {
        Ok(_) => Ok(()),
        Err(timers::Error::Database(error)) => Err(error.into()),
        Err(error) => Err(Fault::Stored(error.to_string())),
    }
}

/// Does one kind of it.
pub struct Fetch {
    kind: Kind,
    registry: runtime::Client,
    commands: Commands,
    cases: Cases,
}

/// Why a piece of work did not end in success.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("the registry answers {0:?}")]
    Registry(Code),
    #[error("{0}")]
    Unreadable(&'static str),
    #[error(transparent)]
    Fault(#[from] Fault),
    #[error(transparent)]
    Timers(#[from] timers::Error),
}

impl From<Status> for Trouble {
    fn from(status: Status) -> Self {
        Self::Registry(status.code())
    }
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
            Self::Registry(_) | Self::Unreadable(_) => None,
        }
    }
}

impl Fetch {
    /// A performer for one kind.
    pub fn new(kind: Kind, registry: runtime::Client, commands: Commands, cases: Cases) -> Self {
        Self { kind, registry, commands, cases }
    }

    async fn client(&self, job: &Job) -> Result<(), Trouble> {
        let request = GetClientRequest { name: job.subject.clone(), view: View::Basic.into() };
        let answer = ClientServiceClient::new(self.registry.clone()).get_client(request).await?.into_inner();
        let client = answer.client.ok_or(Trouble::Unreadable("a client without a body"))?;
        self.complete(job, Fetched::Client { calendar: client.calendar, revision: client.revision }).await
    }

    async fn calendar(&self, job: &Job) -> Result<(), Trouble> {
        let request = GetCalendarRequest { name: job.subject.clone() };
        let answer = CalendarServiceClient::new(self.registry.clone()).get_calendar(request).await?.into_inner();
        let calendar = answer.calendar.ok_or(Trouble::Unreadable("a calendar without a body"))?;
        let spec = calendar_spec(&calendar).ok_or(Trouble::Unreadable("a calendar that this release cannot read"))?;
        business_time::Calendar::try_new(spec.clone())
            .map_err(|_| Trouble::Unreadable("a calendar that is not sound here"))?;
        let spec = serde_json::to_string(&spec).map_err(|_| Trouble::Unreadable("a calendar that is no JSON"))?;
        self.complete(job, Fetched::Calendar { revision: calendar.revision, spec }).await
    }

    async fn policy(&self, job: &Job) -> Result<(), Trouble> {
        let request = GetPolicyRequest { name: job.subject.clone() };
        let answer = match PolicyServiceClient::new(self.registry.clone()).get_policy(request).await {
            // None was published yet; the event of its publication asks again.
            Err(status) if status.code() == Code::NotFound => return Ok(()),
            answer => answer?.into_inner(),
        };
        let told = answer.policy.ok_or(Trouble::Unreadable("a policy without a body"))?;
        let policy = policy(&told).ok_or(Trouble::Unreadable("a policy that this release cannot read"))?;
        self.complete(job, Fetched::Policy(policy)).await
    }

    /// Writes what was fetched in the transaction that completes the work.
    async fn complete(&self, job: &Job, fetched: Fetched) -> Result<(), Trouble> {
        let (commands, job, action) = (self.commands.clone(), job.clone(), self.kind.as_str());
        let stored = self.commands.db().transaction(move |tx| {
            let (commands, job, fetched) = (commands.clone(), job.clone(), fetched.clone());
            Box::pin(async move {
                let unit = commands.unit(tx, "services/client-registry", action);
                unit.touched(&job.subject);
                fetched.store(&unit, &job).await?;
                unit.finish().await?;
                work::complete(tx, &job).await?;
                Ok::<_, Trouble>(())
            })
        });
        stored.await?;
        self.cases.committed();
        Ok(())
    }
}

/// What the registry told.
#[derive(Clone)]
enum Fetched {
    Client { calendar: String, revision: u64 },
    Calendar { revision: u64, spec: String },
    Policy(Policy),
}

impl Fetched {
    /// Keeps it, and asks for what follows from it.
    async fn store(&self, unit: &Unit<'_>, job: &Job) -> Result<(), Fault> {
        let (subject, cause) = (job.subject.as_str(), job.id.to_string());
        match self {
            Self::Client { calendar, revision } => {
                store_client(unit.tx(), subject, calendar, *revision).await?;
                enqueue(unit, Kind::Calendar, calendar, &cause).await?;
                enqueue(unit, Kind::SettleClient, subject, &cause).await
            }
            Self::Calendar { revision, spec } => {
                store_calendar(unit.tx(), subject, *revision, spec).await?;
                enqueue(unit, Kind::SettleCalendar, subject, &cause).await
            }
            Self::Policy(policy) => {
                store_policy(unit.tx(), policy).await?;
                enqueue(unit, Kind::SettlePolicy, "policies", &cause).await
            }
        }
    }
}

#[async_trait]
impl Performer for Fetch {
    fn kind(&self) -> &'static str {
        self.kind.as_str()
    }

    async fn perform(&self, job: &Job) -> Outcome {
        let done = match self.kind {
            Kind::Client => self.client(job).await,
            Kind::Calendar => self.calendar(job).await,
            Kind::Policy => self.policy(job).await,
            Kind::SettleClient => self.settle(Unsettled::OfClient(job.subject.clone())).await,
            Kind::SettleCalendar => self.settle(Unsettled::OnCalendar(job.subject.clone())).await,
            Kind::SettlePolicy => self.settle(Unsettled::WithoutPolicy).await,
        };
        match done {
            Ok(()) => Outcome::Done,
            Err(Trouble::Unreadable(reason)) => Outcome::SetAside { reason: reason.to_owned() },
            // Somebody else has the work.
            Err(Trouble::Timers(timers::Error::ClaimLost(_))) => Outcome::Done,
            Err(trouble) => {
                tracing::warn!(error = %trouble, work.kind = self.kind.as_str(), subject = job.subject, "not now");
                let after = PATIENCE.after(job.attempts.saturating_add(1), &job.id.to_string());
                Outcome::Retry { after: Some(after) }
            }
        }
    }
}

impl Fetch {
    async fn settle(&self, which: Unsettled) -> Result<(), Trouble> {
        Ok(self.cases.settle(&which).await?)
    }
}

/// A performer as a worker takes it.
pub fn performer(kind: Kind, registry: runtime::Client, commands: Commands, cases: Cases) -> Arc<dyn Performer> {
    Arc::new(Fetch::new(kind, registry, commands, cases))
}

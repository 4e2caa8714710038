use std::{collections::HashMap, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use async_trait::async_trait;
use business_time::{BusinessClock, SystemClock, Timestamp};
use database::{Database, exec, is_transient, query_all, query_one, skip_locked};
use futures_util::FutureExt;
use opentelemetry::{propagation::TextMapPropagator, trace::TraceContextExt};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, Span, info_span};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use uuid::Uuid;

use super::{Job, finish, unsigned};
use crate::{Backoff, Error, Result, Waker, ticker::until};

/// How a job ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Done; also where the performer's own transaction has completed it already, or nothing is to be done any more.
    Done,
    /// Not now. `after` is business time; without it the wait grows from try to try, and after [`Backoff::tries`] the job is
    /// set aside. With it the performer decides, as often as it likes.
    Retry {
        /// How long to wait.
        after: Option<Duration>,
    },
    /// Given up until a person looks at it.
    SetAside {
        /// For people; nothing personal in it.
        reason: String,
    },
}

/// Who does work of one kind.
#[async_trait]
pub trait Performer: Send + Sync {
    /// The kind, for example `notification.send`.
    fn kind(&self) -> &'static str;

    /// Does one piece, outside any transaction. What it writes, it writes in a transaction of its own that also calls
    /// [`complete`](super::complete). The claim outlasts the call: it is dropped, with its outcome unknown, shortly before the
    /// claim ends.
    async fn perform(&self, job: &Job) -> Outcome;

    /// Told that a job was set aside, after that was written: say so to somebody.
    async fn set_aside(&self, job: &Job, reason: &str) {
        let _ = (job, reason);
    }
}

/// Claims work of one kind and has it done, several pieces at once.
pub struct Worker {
    tools: Tools,
    waker: Waker,
    parallel: usize,
    alone: bool,
}

#[derive(Clone)]
struct Tools {
    db: Database,
    business: Arc<dyn BusinessClock>,
    system: Arc<dyn SystemClock>,
    performer: Arc<dyn Performer>,
    backoff: Backoff,
    claim: Duration,
}

impl Worker {
    /// A worker with claims of 60 s and 8 pieces at once; nothing runs yet. Due times and backoff go by the business clock,
    /// claims by the system's.
    pub fn new(
        db: Database,
        business: Arc<dyn BusinessClock>,
        system: Arc<dyn SystemClock>,
        performer: Arc<dyn Performer>,
    ) -> Self {
        let (backoff, claim) = (Backoff::default(), Duration::from_secs(60));
        let tools = Tools { db, business, system, performer, backoff, claim };
        Self { tools, waker: Waker::default(), parallel: 8, alone: false }
    }

    /// With another backoff.
    #[must_use]
    pub fn with_backoff(mut self, backoff: Backoff) -> Self {
        self.tools.backoff = backoff;
        self
    }

    /// With claims of another length: longer than anything the performer may wait for.
    #[must_use]
    pub fn with_claim(mut self, claim: Duration) -> Self {
        self.tools.claim = claim;
        self
    }

    /// With at most this many pieces at once.
    #[must_use]
    pub fn with_parallel(mut self, parallel: usize) -> Self {
        self.parallel = parallel.max(1);
        self
    }

    /// No other process works on this database: what another one has claimed when this one begins is a dead one's, and its
    /// claim ends at once, with its outcome unknown. Without this it is waited for.
    #[must_use]
    pub fn alone(mut self) -> Self {
        self.alone = true;
        self
    }

    /// The handle that wakes it.
    pub fn wake(&self) -> Waker {
        self.waker.clone()
    }

    /// Works until `shutdown`, then lets what has begun end. Any number of replicas may run.
    pub async fn run(self, shutdown: CancellationToken) {
        let mut running = JoinSet::new();
        let mut troubles = 0_u32;
        let mut heir = self.alone;
        while !shutdown.is_cancelled() {
            let free = self.parallel - running.len();
            let mut wait = Duration::from_secs(1);
            if free > 0 {
                match self.tools.take(free, &mut heir).await {
                    Ok((jobs, next)) => {
                        troubles = 0;
                        wait = next;
                        for job in jobs {
                            running.spawn(self.tools.clone().perform(job));
                        }
                    }
                    Err(error) => {
                        troubles += 1;
                        self.tools.tell(&error);
                        wait = Duration::from_millis(10).saturating_mul(1 << troubles.min(7));
                    }
                }
            }
            tokio::select! {
                () = shutdown.cancelled() => {}
                Some(_) = running.join_next() => {}
                () = self.waker.woken() => {}
                () = tokio::time::sleep(wait.min(Duration::from_secs(1))) => {}
            }
        }
        while running.join_next().await.is_some() {}
    }
}

impl Tools {
    /// As [`Tools::claim`]; the first time, `heir` to a process that is gone ends what that one had claimed.
    async fn take(&self, free: usize, heir: &mut bool) -> Result<(Vec<Job>, Duration)> {
        if *heir {
            let sql = "UPDATE work SET claimed_until = 0 WHERE kind = ? AND claimed_until IS NOT NULL \
                       AND claim_token NOT LIKE ?";
            let values = vec![self.performer.kind().into(), format!("{}/%", database::process()).into()];
            let ended = exec(self.db.writer(), sql, values).await?;
            if ended > 0 {
                tracing::info!(kind = self.performer.kind(), ended, "ended the claims of a process that is gone");
            }
            *heir = false;
        }
        self.claim(free).await
    }

    /// Commits claims on up to `free` jobs; with them, how long to sleep when nothing happens.
    async fn claim(&self, free: usize) -> Result<(Vec<Job>, Duration)> {
        let (now, system) = (self.business.now(), database::micros(self.system.now()));
        let kind = self.performer.kind();
        let open = "kind = ? AND due_time <= ? AND (claimed_until IS NULL OR claimed_until < ?)";
        let values = vec![kind.into(), database::micros(now).into(), system.into()];
        // A look first: a claim is a write, and most looks find nothing.
        let peek = format!("SELECT 1 AS one FROM work WHERE {open} ORDER BY due_time LIMIT 1");
        if query_one(self.db.reader(), &peek, values.clone()).await?.is_none() {
            return Ok((Vec::new(), self.sleep(now).await?));
        }
        let tx = self.db.begin().await?;
        let sql = format!(
            "SELECT id, subject, payload, epoch, traceparent, due_time, attempts, claim_token FROM work \
             WHERE {open} ORDER BY due_time, id LIMIT ?{}",
            skip_locked(self.db.backend())
        );
        let limit = i64::try_from(free).unwrap_or(i64::MAX);
        let rows = query_all(&tx, &sql, [values, vec![limit.into()]].concat()).await?;
        let length = i64::try_from(self.claim.as_micros()).unwrap_or(i64::MAX);
        let mut jobs = Vec::with_capacity(rows.len());
        for row in rows {
            let id: String = row.try_get("", "id")?;
            let job = Job {
                id: Uuid::parse_str(&id).map_err(|error| Error::Other(Box::new(error)))?,
                kind: kind.to_owned(),
                subject: row.try_get("", "subject")?,
                payload: row.try_get("", "payload")?,
                epoch: unsigned(&row, "epoch")?,
                due_time: database::instant(row.try_get("", "due_time")?)?,
                attempts: u32::try_from(unsigned(&row, "attempts")?).unwrap_or(u32::MAX),
                traceparent: row.try_get("", "traceparent")?,
                // A job that was given back has no token any more.
                outcome_unknown: row.try_get::<Option<String>>("", "claim_token")?.is_some(),
                token: format!("{}/{}", database::process(), Uuid::new_v4()),
                clock: self.business.clone(),
            };
            let sql = "UPDATE work SET claim_token = ?, claimed_until = ? WHERE id = ?";
            exec(&tx, sql, vec![job.token.clone().into(), system.saturating_add(length).into(), id.into()]).await?;
            jobs.push(job);
        }
        tx.commit().await?;
        // There may be more, for which there was no room.
        Ok((jobs, Duration::from_millis(10)))
    }

    async fn sleep(&self, now: Timestamp) -> Result<Duration> {
        let sql = "SELECT due_time FROM work WHERE kind = ? AND due_time IS NOT NULL AND claimed_until IS NULL \
                   ORDER BY due_time LIMIT 1";
        let row = query_one(self.db.reader(), sql, vec![self.performer.kind().into()]).await?;
        let next = row.map(|row| database::instant(row.try_get("", "due_time")?)).transpose()?;
        Ok(until(next, now, self.business.simulated()))
    }

    async fn perform(self, job: Job) {
        let span = info_span!("work", kind = job.kind, work.id = %job.id, subject = job.subject);
        adopt(&span, &job.traceparent);
        async {
            let longest = self.claim.mul_f64(0.9);
            let performing = AssertUnwindSafe(self.performer.perform(&job)).catch_unwind();
            let outcome = match tokio::time::timeout(longest, performing).await {
                Ok(Ok(outcome)) => outcome,
                Ok(Err(_)) => {
                    tracing::error!("the performer panicked");
                    Outcome::Retry { after: None }
                }
                Err(_) => {
                    tracing::error!("not done within its claim, outcome unknown");
                    return;
                }
            };
            if let Err(error) = self.settle(&job, outcome).await {
                // The claim ends by itself, and then the outcome is unknown.
                self.tell(&error);
            }
        }
        .instrument(span)
        .await;
    }

    /// Writes how it ended, where the claim still stands.
    async fn settle(&self, job: &Job, outcome: Outcome) -> Result<()> {
        let mut tries = 0;
        loop {
            tries += 1;
            match self.write(job, &outcome).await {
                Err(Error::Database(error)) if is_transient(&error) && tries < 8 => {
                    tokio::time::sleep(Duration::from_millis(10).saturating_mul(1 << tries)).await;
                }
                settled => return settled,
            }
        }
    }

    async fn write(&self, job: &Job, outcome: &Outcome) -> Result<()> {
        let failures = job.attempts.saturating_add(1);
        let reason = match outcome {
            Outcome::Done => {
                if !finish(self.db.writer(), job).await? {
                    tracing::debug!("completed already, or the claim is lost");
                }
                return Ok(());
            }
            Outcome::Retry { after: None } if failures >= self.backoff.tries => format!("failed {failures} times"),
            Outcome::Retry { after } => {
                let wait = after.unwrap_or_else(|| self.backoff.after(failures, &job.id.to_string()));
                let again = self.business.now().checked_add(wait).unwrap_or(Timestamp::MAX);
                let sql = "UPDATE work SET due_time = ?, attempts = ?, claim_token = NULL, claimed_until = NULL \
                           WHERE id = ? AND claim_token = ? AND due_time IS NOT NULL";
                let values = vec![
                    database::micros(again).into(),
                    i64::from(failures).into(),
                    job.id.to_string().into(),
                    job.token.clone().into(),
                ];
                exec(self.db.writer(), sql, values).await?;
                return Ok(());
            }
            Outcome::SetAside { reason } => reason.clone(),
        };
        let sql = "UPDATE work SET due_time = NULL, attempts = ?, claim_token = NULL, claimed_until = NULL, \
                   set_aside_reason = ? WHERE id = ? AND claim_token = ? AND due_time IS NOT NULL";
        let values = vec![
            i64::from(failures).into(),
            reason.clone().into(),
            job.id.to_string().into(),
            job.token.clone().into(),
        ];
        if exec(self.db.writer(), sql, values).await? == 1 {
            tracing::error!(reason, "work set aside");
            self.performer.set_aside(job, &reason).await;
        }
        Ok(())
    }

    fn tell(&self, error: &Error) {
        match error {
            Error::Database(error) if is_transient(error) => {
                tracing::debug!(kind = self.performer.kind(), %error, "work waits for the database");
            }
            error => tracing::error!(kind = self.performer.kind(), %error, "work stopped short"),
        }
    }
}

/// Makes `span` a child of what caused the work.
fn adopt(span: &Span, traceparent: &str) {
    let carrier = HashMap::from([("traceparent".to_owned(), traceparent.to_owned())]);
    let parent = TraceContextPropagator::new().extract(&carrier);
    if parent.span().span_context().is_valid() {
        // Fails where no tracing layer is installed, and then there is nothing to be a child of.
        let _ = span.set_parent(parent);
    }
}

//! Work rows: what needs the outside world (fetch, send, settle).
//!
//! ```text
//! work
//!   id                 derived from its cause, so that a cause which is handled again asks for no second piece
//!   kind               which performer
//!   subject            the resource it is about
//!   payload            bytes, for the performer
//!   epoch              of the subject when it was asked for
//!   traceparent        what caused it
//!   due_time           business time in microseconds; NULL once it is done or set aside
//!   attempts           failures so far
//!   claim_token        whose claim it is or was last: <process>/<claim>
//!   claimed_until      system time; a claim that has passed it is an unknown outcome, never an unstarted one
//!   done_time, set_aside_reason
//! ```
//!
//! Inserted by commands, handlers and timers ([`enqueue`]) in their own transactions; the rest is written by the [`Worker`],
//! and by the performer's own transaction through [`complete`].

mod worker;

use std::sync::Arc;

use business_time::{BusinessClock, Timestamp};
use database::{ConnectionTrait, Database, DatabaseTransaction, MigrationSet, QueryResult, Step, exec, query_one};
use sea_orm::Value;
use uuid::Uuid;

pub use self::worker::{Outcome, Performer, Worker};
use crate::{Error, Result};

/// The table; every service that has work runs it.
pub const MIGRATIONS: MigrationSet = MigrationSet {
    owner: "timers",
    steps: &[Step {
        name: "0001_work",
        sql: "
CREATE TABLE work (
  id {text} PRIMARY KEY,
  kind {text} NOT NULL,
  subject {text} NOT NULL,
  payload {bytes} NOT NULL,
  epoch {bigint} NOT NULL,
  traceparent {text} NOT NULL,
  due_time {bigint},
  attempts {bigint} NOT NULL,
  claim_token {text},
  claimed_until {bigint},
  done_time {bigint},
  set_aside_reason {text}
);
CREATE INDEX work_due ON work (kind, due_time) WHERE due_time IS NOT NULL;
CREATE INDEX work_next ON work (due_time) WHERE due_time IS NOT NULL;
CREATE INDEX work_claimed ON work (claimed_until) WHERE claimed_until IS NOT NULL;
CREATE INDEX work_subject ON work (kind, subject) WHERE due_time IS NOT NULL;
",
    }],
};

/// Work to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewWork {
    /// Derived from its cause.
    pub id: Uuid,
    /// Which performer, for example `notification.send`.
    pub kind: String,
    /// The resource it is about, for example `cases/0192…`.
    pub subject: String,
    /// For the performer; nothing personal in it that is not encrypted.
    pub payload: Vec<u8>,
    /// The subject's epoch; 0 where it has none.
    pub epoch: u64,
    /// When it is due, by the business clock.
    pub due_time: Timestamp,
    /// W3C traceparent of what caused it; empty when untraced.
    pub traceparent: String,
}

/// Work under a claim.
#[derive(Clone)]
pub struct Job {
    /// Its id.
    pub id: Uuid,
    /// Which performer.
    pub kind: String,
    /// The resource it is about.
    pub subject: String,
    /// For the performer.
    pub payload: Vec<u8>,
    /// The subject's epoch when it was asked for. Where the subject has a newer one, do nothing and answer `Done`.
    pub epoch: u64,
    /// When it was due.
    pub due_time: Timestamp,
    /// Failures so far.
    pub attempts: u32,
    /// W3C traceparent of what caused it.
    pub traceparent: String,
    /// An earlier claim on it has ended without a word: what it was to do may be done or not.
    pub outcome_unknown: bool,
    token: String,
    clock: Arc<dyn BusinessClock>,
}

/// What is under way in the work table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkActivity {
    /// Due now and not claimed.
    pub due_now: u64,
    /// Under a claim, also one that has ended without a word.
    pub claimed: u64,
    /// The business time of the earliest that is not claimed.
    pub next_due: Option<Timestamp>,
}

/// Asks for work, in the transaction of what causes it; wake the [`Worker`] after the commit. False where it was asked for
/// before, done or not.
///
/// # Errors
/// [`Error::IdTaken`] where another kind or subject has this id; the database's.
pub async fn enqueue(tx: &DatabaseTransaction, work: NewWork) -> Result<bool> {
    let sql = "INSERT INTO work (id, kind, subject, payload, epoch, traceparent, due_time, attempts) \
               VALUES (?, ?, ?, ?, ?, ?, ?, 0) ON CONFLICT (id) DO NOTHING";
    let id = work.id.to_string();
    let values: Vec<Value> = vec![
        id.clone().into(),
        work.kind.clone().into(),
        work.subject.clone().into(),
        work.payload.into(),
        signed(work.epoch).into(),
        work.traceparent.into(),
        database::micros(work.due_time).into(),
    ];
    if exec(tx, sql, values).await? == 1 {
        return Ok(true);
    }
    let same = "SELECT 1 AS one FROM work WHERE id = ? AND kind = ? AND subject = ?";
    match query_one(tx, same, vec![id.into(), work.kind.into(), work.subject.into()]).await? {
        Some(_) => Ok(false),
        None => Err(Error::IdTaken(work.id)),
    }
}

/// Completes a job in the performer's own transaction, so that effect and completion commit together.
///
/// # Errors
/// [`Error::ClaimLost`] where the job is no longer this claim's: let it roll back the transaction. The database's.
pub async fn complete(tx: &DatabaseTransaction, job: &Job) -> Result<()> {
    if finish(tx, job).await? { Ok(()) } else { Err(Error::ClaimLost(job.id)) }
}

/// Withdraws what was asked for about a subject under an older epoch, in the transaction that raises it. What is being
/// performed meanwhile can no longer complete. Answers how many.
///
/// # Errors
/// The database's.
pub async fn supersede(tx: &DatabaseTransaction, kind: &str, subject: &str, epoch: u64, now: Timestamp) -> Result<u64> {
    let sql = "UPDATE work SET due_time = NULL, done_time = ?, claim_token = NULL, claimed_until = NULL \
               WHERE kind = ? AND subject = ? AND epoch < ? AND due_time IS NOT NULL";
    let values = vec![database::micros(now).into(), kind.into(), subject.into(), signed(epoch).into()];
    Ok(exec(tx, sql, values).await?)
}

/// What is under way.
///
/// # Errors
/// The database's.
pub async fn activity(db: &Database, now: Timestamp) -> Result<WorkActivity> {
    let due = "SELECT COUNT(*) AS n FROM work WHERE due_time <= ? AND claimed_until IS NULL";
    let claimed = "SELECT COUNT(*) AS n FROM work WHERE claimed_until IS NOT NULL";
    let next =
        "SELECT due_time FROM work WHERE due_time IS NOT NULL AND claimed_until IS NULL ORDER BY due_time LIMIT 1";
    let due = query_one(db.reader(), due, vec![database::micros(now).into()]).await?;
    let claimed = query_one(db.reader(), claimed, vec![]).await?;
    let next = query_one(db.reader(), next, vec![]).await?;
    let count = |row: Option<QueryResult>| row.map_or(Ok(0), |row| unsigned(&row, "n"));
    Ok(WorkActivity {
        due_now: count(due)?,
        claimed: count(claimed)?,
        next_due: next.map(|row| database::instant(row.try_get("", "due_time")?)).transpose()?,
    })
}

/// Marks a job as done, where it is still this claim's and open.
async fn finish<C: ConnectionTrait>(conn: &C, job: &Job) -> Result<bool> {
    let sql = "UPDATE work SET due_time = NULL, done_time = ?, claimed_until = NULL \
               WHERE id = ? AND claim_token = ? AND due_time IS NOT NULL";
    let values = vec![database::micros(job.clock.now()).into(), job.id.to_string().into(), job.token.clone().into()];
    Ok(exec(conn, sql, values).await? == 1)
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn unsigned(row: &QueryResult, column: &str) -> Result<u64> {
    Ok(u64::try_from(row.try_get::<i64>("", column)?).unwrap_or_default())
}

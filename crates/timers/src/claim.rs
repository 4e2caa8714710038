//! Timer rows: claimed, handled and rescheduled in one transaction.
//!
//! ```text
//! <aggregate's table>
//!   <id>
//!   next_due_time      BIGINT, business time in microseconds; NULL: nothing is due. Under a partial index:
//!                        CREATE INDEX … ON <table> (next_due_time) WHERE next_due_time IS NOT NULL
//!   attempts           BIGINT NOT NULL DEFAULT 0, failures since it last went well
//!   set_aside_reason   TEXT; why this clock was given up, after too many failures. Only a person winds it again
//!   <epoch>            BIGINT, where the table has one: raised whenever due times are recomputed
//! ```
//!
//! A table with several clocks in a row names its columns for each, and then a clock that is set aside does not take the
//! aggregate's others along.

use std::{panic::AssertUnwindSafe, sync::Arc};

use async_trait::async_trait;
use business_time::Timestamp;
use database::{
    Database, DatabaseTransaction, DbErr, Retryable, exec, is_transient, query_all, query_one, skip_locked,
};
use futures_util::FutureExt;
use sea_orm::{TransactionTrait, Value};

use crate::{Backoff, Due, Result};

/// From this failure in a row on, a timer that is tried for ever is an error in the log.
const ALARMING: u32 = 10;

/// Which table and columns.
#[derive(Clone, Copy, Debug)]
pub struct Table {
    /// The table.
    pub name: &'static str,
    /// Its key, a text column.
    pub id: &'static str,
    /// When it is due next.
    pub next_due_time: &'static str,
    /// How often it failed.
    pub attempts: &'static str,
    /// Why it was set aside.
    pub set_aside_reason: &'static str,
    /// Its epoch, where it has one.
    pub epoch: Option<&'static str>,
}

impl Table {
    /// A table with the usual columns and no epoch.
    pub const fn new(name: &'static str, id: &'static str) -> Self {
        Self {
            name,
            id,
            next_due_time: "next_due_time",
            attempts: "attempts",
            set_aside_reason: "set_aside_reason",
            epoch: None,
        }
    }

    /// With an epoch column.
    #[must_use]
    pub const fn with_epoch(mut self, epoch: &'static str) -> Self {
        self.epoch = Some(epoch);
        self
    }
}

/// A claimed row; its lock is held until the transaction ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its key.
    pub id: String,
    /// When it was due, or, after a failure, when it was to be tried again.
    pub due_time: Timestamp,
    /// How often it failed since it last went well.
    pub attempts: u32,
    /// Its epoch when it was claimed; 0 where the table has none.
    pub epoch: u64,
}

/// When a row is due again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Then.
    At(Timestamp),
    /// Not any more.
    Never,
    /// As the handler has written it itself.
    AsWritten,
}

/// Why a row was not handled; what it did is rolled back, and only that.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Tried again after a pause; set aside after too many.
    #[error("{0}")]
    Retry(String),
    /// Set aside at once.
    #[error("{0}")]
    SetAside(String),
    /// The database: a conflict or an outage undoes the whole batch and counts for nobody, anything else is a
    /// [`Failure::Retry`].
    #[error("database: {0}")]
    Database(#[from] DbErr),
}

impl Retryable for Failure {
    fn db_error(&self) -> Option<&DbErr> {
        match self {
            Self::Database(error) => Some(error),
            _ => None,
        }
    }
}

/// What happens when a row of a table is due.
#[async_trait]
pub trait Clockwork: Send + Sync {
    /// Its name in logs, for example `escalation.case-clocks`.
    fn name(&self) -> &'static str;

    /// Which rows.
    fn table(&self) -> Table;

    /// How a failing row backs off.
    fn backoff(&self) -> Backoff {
        Backoff::default()
    }

    /// Handles one row, in a savepoint of the transaction that locked it. `now` is the business time of the whole batch. After
    /// downtime a row comes once for each missed period, in order, where it answers with the next one.
    async fn handle(&self, tx: &DatabaseTransaction, row: &Row, now: Timestamp) -> std::result::Result<Next, Failure>;

    /// Told, in the same transaction, that a row was set aside: say so to somebody.
    async fn set_aside(&self, tx: &DatabaseTransaction, row: &Row, reason: &str) -> std::result::Result<(), DbErr> {
        let _ = (tx, row, reason);
        Ok(())
    }
}

/// A [`Clockwork`] as something a [`Ticker`](crate::Ticker) can run.
pub struct Claims {
    db: Database,
    clockwork: Arc<dyn Clockwork>,
}

impl Claims {
    /// Over the rows in `db`.
    pub fn new(db: Database, clockwork: Arc<dyn Clockwork>) -> Self {
        Self { db, clockwork }
    }
}

#[async_trait]
impl Due for Claims {
    fn name(&self) -> &'static str {
        self.clockwork.name()
    }

    async fn next_due(&self, db: &Database) -> Result<Option<Timestamp>> {
        next_due(db, self.clockwork.table()).await
    }

    async fn run_due(&self, now: Timestamp, limit: u32) -> Result<u32> {
        run_due(&self.db, &*self.clockwork, now, limit).await
    }
}

/// When the earliest row of a table is due.
///
/// # Errors
/// The database's.
pub async fn next_due(db: &Database, table: Table) -> Result<Option<Timestamp>> {
    let Table { name, next_due_time: due, .. } = table;
    let sql = format!("SELECT {due} AS due FROM {name} WHERE {due} IS NOT NULL ORDER BY {due} LIMIT 1");
    let row = query_one(db.reader(), &sql, vec![]).await?;
    Ok(row.map(|row| database::instant(row.try_get("", "due")?)).transpose()?)
}

/// Claims up to `limit` rows due at `now` and handles them in the order of their ids, each in a savepoint, all in one
/// transaction. Rows that somebody else has locked are left to him. Answers how many were claimed.
///
/// # Errors
/// The database's; then nothing was done.
pub async fn run_due(db: &Database, clockwork: &dyn Clockwork, now: Timestamp, limit: u32) -> Result<u32> {
    let table = clockwork.table();
    let tx = db.begin().await?;
    let rows = claim(&tx, table, now, limit).await?;
    for row in &rows {
        let savepoint = tx.begin().await?;
        let handling = AssertUnwindSafe(clockwork.handle(&savepoint, row, now)).catch_unwind();
        match handling.await.unwrap_or_else(|_| Err(Failure::Retry("the handler panicked".into()))) {
            Ok(next) => {
                savepoint.commit().await?;
                reschedule(&tx, table, row, next).await?;
            }
            Err(Failure::Database(error)) if is_transient(&error) => {
                // A rollback that fails has lost its connection, which rolls back by itself.
                drop(savepoint);
                let _ = tx.rollback().await;
                return Err(error.into());
            }
            Err(failure) => {
                savepoint.rollback().await?;
                fail(&tx, clockwork, row, now, failure).await?;
            }
        }
    }
    tx.commit().await?;
    Ok(u32::try_from(rows.len()).unwrap_or(u32::MAX))
}

/// Locks up to `limit` rows that are due and answers with them in the order of their ids. The earliest come first when there
/// are more; since nobody waits for a claim, the order of the locks does not matter here.
async fn claim(tx: &DatabaseTransaction, table: Table, now: Timestamp, limit: u32) -> Result<Vec<Row>> {
    use database::ConnectionTrait;
    let Table { name, id, next_due_time: due, attempts, .. } = table;
    let epoch = table.epoch.unwrap_or("0");
    let sql = format!(
        "SELECT {id} AS id, {due} AS due, {attempts} AS attempts, CAST({epoch} AS BIGINT) AS epoch FROM {name} \
         WHERE {due} <= ? ORDER BY {due}, {id} LIMIT ?{}",
        skip_locked(tx.get_database_backend())
    );
    let found = query_all(tx, &sql, vec![database::micros(now).into(), i64::from(limit).into()]).await?;
    let mut rows = Vec::with_capacity(found.len());
    for row in found {
        rows.push(Row {
            id: row.try_get("", "id")?,
            due_time: database::instant(row.try_get("", "due")?)?,
            attempts: u32::try_from(row.try_get::<i64>("", "attempts")?).unwrap_or(u32::MAX),
            epoch: u64::try_from(row.try_get::<i64>("", "epoch")?).unwrap_or_default(),
        });
    }
    rows.sort_by(|left, right| left.id.cmp(&right.id));
    Ok(rows)
}

/// Writes when the row is due again, unless its handler has raised the epoch: then it has written that itself.
async fn reschedule(tx: &DatabaseTransaction, table: Table, row: &Row, next: Next) -> Result<()> {
    let Table { name, id, next_due_time: due, attempts, .. } = table;
    let next = match next {
        Next::At(time) => Some(database::micros(time)),
        Next::Never => None,
        Next::AsWritten => {
            let sql = format!("UPDATE {name} SET {attempts} = 0 WHERE {id} = ? AND {attempts} <> 0");
            exec(tx, &sql, vec![row.id.clone().into()]).await?;
            return Ok(());
        }
    };
    let (same, epoch) = same_epoch(table, row);
    let sql = format!("UPDATE {name} SET {due} = ?, {attempts} = 0 WHERE {id} = ?{same}");
    exec(tx, &sql, [vec![next.into(), row.id.clone().into()], epoch].concat()).await?;
    Ok(())
}

async fn fail(
    tx: &DatabaseTransaction,
    clockwork: &dyn Clockwork,
    row: &Row,
    now: Timestamp,
    failure: Failure,
) -> Result<()> {
    let Table { name, id, next_due_time: due, attempts, set_aside_reason, .. } = clockwork.table();
    let (failures, backoff) = (row.attempts.saturating_add(1), clockwork.backoff());
    let reason = failure.to_string();
    if failures < backoff.tries && !matches!(failure, Failure::SetAside(_)) {
        let again = now.checked_add(backoff.after(failures, &row.id)).unwrap_or(Timestamp::MAX);
        if failures < ALARMING {
            tracing::warn!(timer = clockwork.name(), row = row.id, failures, reason, "timer failed, backing off");
        } else {
            tracing::error!(timer = clockwork.name(), row = row.id, failures, reason, "timer fails again and again");
        }
        let sql = format!("UPDATE {name} SET {due} = ?, {attempts} = ? WHERE {id} = ?");
        let values = vec![database::micros(again).into(), i64::from(failures).into(), row.id.clone().into()];
        exec(tx, &sql, values).await?;
        return Ok(());
    }
    tracing::error!(timer = clockwork.name(), row = row.id, failures, reason, "timer set aside");
    let sql = format!("UPDATE {name} SET {due} = NULL, {attempts} = ?, {set_aside_reason} = ? WHERE {id} = ?");
    exec(tx, &sql, vec![i64::from(failures).into(), reason.clone().into(), row.id.clone().into()]).await?;
    clockwork.set_aside(tx, row, &reason).await?;
    Ok(())
}

fn same_epoch(table: Table, row: &Row) -> (String, Vec<Value>) {
    match table.epoch {
        Some(column) => {
            let epoch = i64::try_from(row.epoch).unwrap_or(i64::MAX);
            (format!(" AND {column} = ?"), vec![epoch.into()])
        }
        None => (String::new(), Vec::new()),
    }
}

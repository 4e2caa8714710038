use std::{fmt, sync::Arc, time::Duration};

use business_time::SystemClock;
use database::{Database, DatabaseTransaction, DbErr, exec, micros, query_all, query_one, sql::for_update};
use tokio::{sync::Notify, time::sleep};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    blocks::{block_hash, previous_text},
    read::{row, seal_hash},
};

/// Rows in one block at most.
const BLOCK_ROWS: i64 = 500;
/// Bytes of text in one block at most (one row may have more), so that a block fits into a message.
const BLOCK_BYTES: i64 = 1 << 20;
/// How long a sealer that died keeps others waiting. With [`POLL`] it stays under the second in which rows are sealed.
const LEASE: Duration = Duration::from_millis(500);
/// How long a wake-up may be missed.
const POLL: Duration = Duration::from_millis(250);
/// How long rows gather after a wake-up, so that a burst becomes few blocks.
const GATHER: Duration = Duration::from_millis(5);

/// Seals the audit of one database behind its writers: takes committed rows in the order of their ids, numbers them
/// densely, and writes one block for them, whose hash covers the block before it. Cheap to clone; clones share the
/// wake-up and the lease.
///
/// One works at a time, by lease; two at once do no harm, because the seal's row lock orders them.
#[derive(Clone)]
pub struct Sealer {
    db: Database,
    clock: Arc<dyn SystemClock>,
    holder: String,
    woken: Arc<Notify>,
}

impl Sealer {
    /// A sealer for a database with this crate's tables.
    pub fn new(db: Database, clock: Arc<dyn SystemClock>) -> Self {
        Self { db, clock, holder: Uuid::new_v4().to_string(), woken: Arc::new(Notify::new()) }
    }

    /// Says that rows were committed. Without it they are found by a poll, four times a second.
    pub fn wake(&self) {
        self.woken.notify_one();
    }

    /// Seals until told to stop, then once more what was committed before, and gives the lease back. A failure is logged
    /// and tried again.
    pub async fn run(&self, shutdown: CancellationToken) {
        while !shutdown.is_cancelled() {
            self.seal_logged().await;
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = self.woken.notified() => sleep(GATHER).await,
                () = sleep(POLL) => {}
            }
        }
        self.seal_logged().await;
        let release = "UPDATE audit_seal SET lease_end_time = 0 WHERE id = 1 AND holder = ?";
        if let Err(error) = exec(self.db.writer(), release, vec![self.holder.as_str().into()]).await {
            tracing::warn!(error = %error, "audit seal was not released, its lease runs out");
        }
    }

    async fn seal_logged(&self) {
        if let Err(error) = self.seal_once().await {
            tracing::warn!(error = %error, "audit rows could not be sealed, trying again");
        }
    }

    /// Seals every row that was committed before the call and tells how many; 0 where there was none or another sealer
    /// holds the lease.
    ///
    /// # Errors
    /// The database's; blocks sealed before the failure stay.
    pub async fn seal_once(&self) -> Result<u64, DbErr> {
        let mut sealed = 0;
        // Looked at through a reader first: an idle service writes nothing.
        let peek = "SELECT id FROM audit_row WHERE number IS NULL ORDER BY id LIMIT 1";
        while query_one(self.db.reader(), peek, vec![]).await?.is_some() {
            let sealer = self.clone();
            let block = self.db.transaction(move |tx| {
                let sealer = sealer.clone();
                Box::pin(async move { sealer.seal_block(tx).await })
            });
            match block.await? {
                0 => break,
                rows => sealed += rows,
            }
        }
        Ok(sealed)
    }

    async fn seal_block(&self, tx: &DatabaseTransaction) -> Result<u64, DbErr> {
        let lock = for_update(self.db.backend());
        let sql =
            format!("SELECT holder, lease_end_time, last_row, last_block, head FROM audit_seal WHERE id = 1{lock}");
        let seal = query_one(tx, &sql, vec![])
            .await?
            .ok_or_else(|| DbErr::RecordNotFound("the seal of the audit".to_owned()))?;
        let now = self.clock.now();
        let foreign = seal.try_get::<String>("", "holder")? != self.holder;
        if foreign && seal.try_get::<i64>("", "lease_end_time")? > micros(now) {
            return Ok(0);
        }
        let last_row: i64 = seal.try_get("", "last_row")?;
        let block = seal.try_get::<i64>("", "last_block")? + 1;
        let previous = seal_hash(&seal, "head")?;

        // One statement chooses and numbers: a row that commits in between waits for the next block.
        let sql = "UPDATE audit_row SET number = pending.place + ? FROM ( \
                     SELECT id AS pending_id, ROW_NUMBER() OVER (ORDER BY id) AS place, \
                            SUM(LENGTH(actor) + LENGTH(action) + LENGTH(resources) + LENGTH(reason)) \
                              OVER (ORDER BY id) AS bytes \
                     FROM (SELECT id, actor, action, resources, reason FROM audit_row WHERE number IS NULL ORDER BY id LIMIT ?) AS oldest \
                   ) AS pending \
                   WHERE audit_row.id = pending.pending_id AND (pending.place = 1 OR pending.bytes <= ?) \
                   RETURNING number, recorded_time, actor, action, resources, outcome, reason";
        let values = vec![last_row.into(), BLOCK_ROWS.into(), BLOCK_BYTES.into()];
        let numbered = query_all(tx, sql, values).await?;
        let mut rows = numbered.iter().map(row).collect::<Result<Vec<_>, _>>()?;
        rows.sort_by_key(|row| row.number);
        let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return Ok(0) };
        let (first, last) = (first.number as i64, last.number as i64);

        let hash = block_hash(block as u64, &previous, &rows)
            .map_err(|fault| DbErr::Custom(format!("audit cannot be sealed: {fault}")))?
            .to_string();
        let sql = "INSERT INTO audit_block (number, first_row, last_row, previous_hash, hash, sealed_time) \
                   VALUES (?, ?, ?, ?, ?, ?)";
        let values = vec![
            block.into(),
            first.into(),
            last.into(),
            previous_text(&previous).into(),
            hash.as_str().into(),
            micros(now).into(),
        ];
        exec(tx, sql, values).await?;
        let sql = "UPDATE audit_seal SET holder = ?, lease_end_time = ?, last_row = ?, last_block = ?, head = ? \
                   WHERE id = 1";
        let lease_end = micros(now) + LEASE.as_micros() as i64;
        let values = vec![self.holder.as_str().into(), lease_end.into(), last.into(), block.into(), hash.into()];
        exec(tx, sql, values).await?;
        Ok(rows.len() as u64)
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealer").field("holder", &self.holder).finish_non_exhaustive()
    }
}

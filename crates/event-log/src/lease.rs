//! One at a time: a lease in the row of what it guards. Only a courtesy that saves work: two holders at once do no harm.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use business_time::SystemClock;
use database::{Database, exec, process};
use sea_orm::Value;

use crate::Result;

pub(crate) struct Lease {
    take: String,
    drop: String,
    key: Vec<Value>,
    holder: String,
    length: Duration,
    renewed: Option<Instant>,
}

impl Lease {
    /// A lease in `table`'s row that `key` names, in the columns `<prefix>_holder` and `<prefix>_until`.
    ///
    /// `alone`: no other process works on this database (the in-process transport), so a lease of another process is a dead
    /// one's and taken at once.
    pub fn new(table: &str, prefix: &str, key: &[(&str, &str)], length: Duration, alone: bool) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let row = key.iter().map(|(column, _)| format!("{column} = ?")).collect::<Vec<_>>().join(" AND ");
        let foreign = if alone { format!(" OR {prefix}_holder NOT LIKE '{}/%'", process()) } else { String::new() };
        Self {
            take: format!(
                "UPDATE {table} SET {prefix}_holder = ?, {prefix}_until = ? WHERE {row} AND \
                 ({prefix}_holder IS NULL OR {prefix}_holder = ? OR {prefix}_until < ?{foreign})"
            ),
            drop: format!("UPDATE {table} SET {prefix}_holder = NULL WHERE {row} AND {prefix}_holder = ?"),
            key: key.iter().map(|(_, value)| Value::from(*value)).collect(),
            holder: format!("{}/{}", process(), NEXT.fetch_add(1, Ordering::Relaxed)),
            length,
            renewed: None,
        }
    }

    /// Takes or renews the lease where it is time to; false while somebody else holds it.
    pub async fn hold(&mut self, db: &Database, clock: &dyn SystemClock) -> Result<bool> {
        let now = clock.monotonic();
        if self.renewed.is_some_and(|then| now.saturating_duration_since(then) < self.length / 3) {
            return Ok(true);
        }
        self.renewed = None;
        let wall = database::micros(clock.now());
        let until = wall.saturating_add(i64::try_from(self.length.as_micros()).unwrap_or(i64::MAX));
        let holder = Value::from(self.holder.clone());
        let values = [vec![holder.clone(), until.into()], self.key.clone(), vec![holder, wall.into()]].concat();
        if exec(db.writer(), &self.take, values).await? == 0 {
            return Ok(false);
        }
        self.renewed = Some(now);
        Ok(true)
    }

    /// Renews the lease for as long as this is awaited, beside something that takes its time; ends when the lease is lost.
    pub async fn keep(&mut self, db: &Database, clock: &dyn SystemClock) {
        loop {
            tokio::time::sleep(self.length / 3).await;
            match self.hold(db, clock).await {
                Ok(true) => {}
                Ok(false) => return,
                // It ends by itself, unless the next try succeeds.
                Err(error) => tracing::debug!(%error, "lease not renewed"),
            }
        }
    }

    /// Gives the lease back, so that the next one need not wait it out.
    pub async fn release(&mut self, db: &Database) {
        if self.renewed.take().is_some() {
            let values = [self.key.clone(), vec![self.holder.clone().into()]].concat();
            if let Err(error) = exec(db.writer(), &self.drop, values).await {
                tracing::debug!(%error, "lease not released");
            }
        }
    }
}

//! The table `incident_parties`.

use command::Fault;
use database::{ConnectionTrait, DatabaseTransaction, exec, query_one};

use crate::{revision, store::unreadable};

/// Raises the revision, and holds it until the commit: so a higher one is told later.
pub(super) async fn next(tx: &DatabaseTransaction) -> Result<u64, Fault> {
    exec(tx, "UPDATE incident_parties SET revision = revision + 1 WHERE id = 'firm'", vec![]).await?;
    current(tx).await
}

pub(super) async fn current<C: ConnectionTrait>(conn: &C) -> Result<u64, Fault> {
    let row = query_one(conn, "SELECT revision FROM incident_parties WHERE id = 'firm'", vec![]).await?;
    let row = row.ok_or_else(|| unreadable("incident_parties", "its row is gone"))?;
    Ok(revision::read(row.try_get("", "revision")?))
}

//! The only code that touches the table `data_key`, which the crate doc draws.

use business_time::Timestamp;
use database::{ConnectionTrait, DbErr, Value, exec, micros, query_all, query_one, sql::for_share};

use crate::{Owner, Purpose};

/// A row.
pub(crate) struct Stored {
    pub(crate) key_id: String,
    /// `None` in a tombstone.
    pub(crate) wrapped: Option<Vec<u8>>,
    pub(crate) kek: String,
}

/// A retained row's own columns.
pub(crate) struct StoredRetention {
    pub(crate) legal_basis: Option<String>,
    pub(crate) until: Option<i64>,
    pub(crate) destroyed: bool,
}

pub(crate) async fn find<C: ConnectionTrait>(
    conn: &C,
    owner: &Owner,
    purpose: Purpose,
) -> Result<Option<Stored>, DbErr> {
    read(conn, owner, purpose, "").await
}

/// As [`find`]; the row stays as it was read until the transaction ends.
pub(crate) async fn find_shared<C: ConnectionTrait>(
    tx: &C,
    owner: &Owner,
    purpose: Purpose,
) -> Result<Option<Stored>, DbErr> {
    read(tx, owner, purpose, for_share(tx.get_database_backend())).await
}

async fn read<C: ConnectionTrait>(
    conn: &C,
    owner: &Owner,
    purpose: Purpose,
    lock: &str,
) -> Result<Option<Stored>, DbErr> {
    let sql = format!("SELECT key_id, wrapped, kek FROM data_key WHERE owner = ? AND purpose = ?{lock}");
    let Some(row) = query_one(conn, &sql, name(owner, purpose)).await? else { return Ok(None) };
    Ok(Some(Stored {
        key_id: row.try_get("", "key_id")?,
        wrapped: row.try_get("", "wrapped")?,
        kek: row.try_get("", "kek")?,
    }))
}

/// Inserts a key unless the owner has one, waiting for a transaction that is making one.
pub(crate) async fn insert_if_absent<C: ConnectionTrait>(
    tx: &C,
    owner: &Owner,
    purpose: Purpose,
    key: Stored,
    now: Timestamp,
) -> Result<(), DbErr> {
    let sql = "INSERT INTO data_key (owner, purpose, key_id, wrapped, kek, created_time) VALUES (?, ?, ?, ?, ?, ?) \
               ON CONFLICT (owner, purpose) DO NOTHING";
    let values = vec![key.key_id.into(), key.wrapped.into(), key.kek.into(), micros(now).into()];
    exec(tx, sql, [name(owner, purpose), values].concat()).await.map(drop)
}

/// Destroys a key, or puts a tombstone where there was none.
pub(crate) async fn destroy<C: ConnectionTrait>(
    tx: &C,
    owner: &Owner,
    purpose: Purpose,
    now: Timestamp,
) -> Result<(), DbErr> {
    let sql = "INSERT INTO data_key (owner, purpose, key_id, wrapped, kek, created_time, destroyed_time) \
               VALUES (?, ?, '', NULL, '', ?, ?) ON CONFLICT (owner, purpose) DO UPDATE SET wrapped = NULL, \
               destroyed_time = COALESCE(data_key.destroyed_time, excluded.destroyed_time)";
    let values = vec![micros(now).into(), micros(now).into()];
    exec(tx, sql, [name(owner, purpose), values].concat()).await.map(drop)
}

pub(crate) async fn set_retention<C: ConnectionTrait>(
    tx: &C,
    owner: &Owner,
    legal_basis: &str,
    until: Timestamp,
) -> Result<(), DbErr> {
    let sql = "UPDATE data_key SET legal_basis = ?, retained_until = ? WHERE owner = ? AND purpose = ?";
    let values = vec![legal_basis.into(), micros(until).into()];
    exec(tx, sql, [values, name(owner, Purpose::Retained)].concat()).await.map(drop)
}

pub(crate) async fn find_retention<C: ConnectionTrait>(
    conn: &C,
    owner: &Owner,
) -> Result<Option<StoredRetention>, DbErr> {
    let sql = "SELECT legal_basis, retained_until, destroyed_time FROM data_key WHERE owner = ? AND purpose = ?";
    let Some(row) = query_one(conn, sql, name(owner, Purpose::Retained)).await? else { return Ok(None) };
    Ok(Some(StoredRetention {
        legal_basis: row.try_get("", "legal_basis")?,
        until: row.try_get("", "retained_until")?,
        destroyed: row.try_get::<Option<i64>>("", "destroyed_time")?.is_some(),
    }))
}

/// Owners whose retained key's end has come, oldest first.
pub(crate) async fn list_ended<C: ConnectionTrait>(conn: &C, now: Timestamp, limit: u32) -> Result<Vec<Owner>, DbErr> {
    let sql = "SELECT owner FROM data_key WHERE retained_until <= ? AND destroyed_time IS NULL \
               ORDER BY retained_until, owner LIMIT ?";
    let rows = query_all(conn, sql, vec![micros(now).into(), i64::from(limit).into()]).await?;
    rows.iter().map(|row| row.try_get::<String>("", "owner").map(Owner::from)).collect()
}

/// One live key, whichever: enough to tell whether the key-encryption key fits this database.
pub(crate) async fn find_any<C: ConnectionTrait>(conn: &C) -> Result<Option<(Owner, String, Stored)>, DbErr> {
    let sql = "SELECT owner, purpose, key_id, wrapped, kek FROM data_key WHERE destroyed_time IS NULL LIMIT 1";
    let Some(row) = query_one(conn, sql, vec![]).await? else { return Ok(None) };
    let stored = Stored {
        key_id: row.try_get("", "key_id")?,
        wrapped: row.try_get("", "wrapped")?,
        kek: row.try_get("", "kek")?,
    };
    Ok(Some((Owner::from(row.try_get::<String>("", "owner")?), row.try_get("", "purpose")?, stored)))
}

fn name(owner: &Owner, purpose: Purpose) -> Vec<Value> {
    vec![owner.as_str().into(), purpose.as_str().into()]
}

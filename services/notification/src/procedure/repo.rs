//! The only code that touches the tables `policy` and `calendar`.

use command::Fault;
use contracts::client_registry::v1 as registry;
use database::{ConnectionTrait, DatabaseTransaction, exec, query_one};
use prost::Message;

/// The highest version that is here.
pub async fn find_policy<C: ConnectionTrait>(conn: &C) -> Result<Option<registry::Policy>, Fault> {
    let row = query_one(conn, "SELECT body FROM policy ORDER BY version DESC LIMIT 1", vec![]).await?;
    let Some(row) = row else { return Ok(None) };
    let body: Vec<u8> = row.try_get("", "body")?;
    registry::Policy::decode(body.as_slice()).map(Some).map_err(Fault::answer)
}

/// A calendar by its name.
pub async fn find_calendar<C: ConnectionTrait>(conn: &C, name: &str) -> Result<Option<registry::Calendar>, Fault> {
    let row = query_one(conn, "SELECT body FROM calendar WHERE name = ?", vec![name.into()]).await?;
    let Some(row) = row else { return Ok(None) };
    let body: Vec<u8> = row.try_get("", "body")?;
    registry::Calendar::decode(body.as_slice()).map(Some).map_err(Fault::answer)
}

/// Stores a version; false where it is here already.
pub async fn insert_policy(tx: &DatabaseTransaction, policy: &registry::Policy) -> Result<bool, Fault> {
    let sql = "INSERT INTO policy (version, body) VALUES (?, ?) ON CONFLICT (version) DO NOTHING";
    let values = vec![crate::db::signed(policy.version).into(), policy.encode_to_vec().into()];
    Ok(exec(tx, sql, values).await? == 1)
}

/// Stores a calendar; false where this revision or a newer one is here already.
pub async fn save_calendar(tx: &DatabaseTransaction, calendar: &registry::Calendar) -> Result<bool, Fault> {
    let sql = "INSERT INTO calendar (name, revision, body) VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE \
               SET revision = excluded.revision, body = excluded.body WHERE calendar.revision < excluded.revision";
    let values = vec![
        calendar.name.as_str().into(),
        crate::db::signed(calendar.revision).into(),
        calendar.encode_to_vec().into(),
    ];
    Ok(exec(tx, sql, values).await? == 1)
}

//! The only code that touches the tables of copies. `db` draws them.

use command::Fault;
use database::{ConnectionTrait, exec, for_share, query_one};

use crate::case::entity::Policy;

/// Whether a client is known here.
///
/// # Errors
/// The database's.
pub async fn is_known_client<C: ConnectionTrait>(conn: &C, client: &str) -> Result<bool, Fault> {
    let sql = "SELECT 1 AS one FROM client_copy WHERE client = ?";
    Ok(query_one(conn, sql, vec![client.into()]).await?.is_some())
}

pub(super) async fn find_calendar_of<C: ConnectionTrait>(tx: &C, client: &str) -> Result<Option<String>, Fault> {
    let lock = for_share(tx.get_database_backend());
    let sql = format!("SELECT calendar FROM client_copy WHERE client = ?{lock}");
    let row = query_one(tx, &sql, vec![client.into()]).await?;
    Ok(row.map(|row| row.try_get("", "calendar")).transpose()?)
}

pub(super) async fn find_calendar_revision<C: ConnectionTrait>(tx: &C, name: &str) -> Result<Option<u64>, Fault> {
    let lock = for_share(tx.get_database_backend());
    let sql = format!("SELECT revision FROM calendar_copy WHERE name = ?{lock}");
    let row = query_one(tx, &sql, vec![name.into()]).await?;
    let revision = row.map(|row| row.try_get::<i64>("", "revision")).transpose()?;
    Ok(revision.map(|revision| u64::try_from(revision).unwrap_or_default()))
}

pub(super) async fn find_calendar_spec<C: ConnectionTrait>(tx: &C, name: &str) -> Result<Option<String>, Fault> {
    let row = query_one(tx, "SELECT spec FROM calendar_copy WHERE name = ?", vec![name.into()]).await?;
    Ok(row.map(|row| row.try_get("", "spec")).transpose()?)
}

pub(super) async fn newest_policy_version<C: ConnectionTrait>(conn: &C) -> Result<Option<u64>, Fault> {
    let row = query_one(conn, "SELECT version FROM policy_copy ORDER BY version DESC LIMIT 1", vec![]).await?;
    let version = row.map(|row| row.try_get::<i64>("", "version")).transpose()?;
    Ok(version.map(|version| u64::try_from(version).unwrap_or_default()))
}

pub(super) async fn find_policy<C: ConnectionTrait>(conn: &C, version: u64) -> Result<Option<String>, Fault> {
    let sql = "SELECT policy FROM policy_copy WHERE version = ?";
    let row = query_one(conn, sql, vec![signed(version).into()]).await?;
    Ok(row.map(|row| row.try_get("", "policy")).transpose()?)
}

/// Keeps which calendar a client has; false where this or a newer revision is here already.
///
/// # Errors
/// The database's.
pub async fn store_client<C: ConnectionTrait>(
    tx: &C,
    client: &str,
    calendar: &str,
    revision: u64,
) -> Result<bool, Fault> {
    let sql = "INSERT INTO client_copy (client, calendar, revision) VALUES (?, ?, ?) ON CONFLICT (client) DO UPDATE \
               SET calendar = excluded.calendar, revision = excluded.revision \
               WHERE client_copy.revision < excluded.revision";
    let values = vec![client.into(), calendar.into(), signed(revision).into()];
    Ok(exec(tx, sql, values).await? == 1)
}

/// Keeps a calendar, as the JSON of its `CalendarSpec`; false where this or a newer revision is here already.
///
/// # Errors
/// The database's.
pub async fn store_calendar<C: ConnectionTrait>(tx: &C, name: &str, revision: u64, spec: &str) -> Result<bool, Fault> {
    let sql = "INSERT INTO calendar_copy (name, revision, spec) VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE \
               SET revision = excluded.revision, spec = excluded.spec \
               WHERE calendar_copy.revision < excluded.revision";
    Ok(exec(tx, sql, vec![name.into(), signed(revision).into(), spec.into()]).await? == 1)
}

/// Keeps a version of the policy; false where it is here already. Versions never change.
///
/// # Errors
/// The database's.
pub async fn store_policy<C: ConnectionTrait>(tx: &C, policy: &Policy) -> Result<bool, Fault> {
    let text = serde_json::to_string(policy).map_err(|error| Fault::Stored(format!("a policy: {error}")))?;
    let sql = "INSERT INTO policy_copy (version, policy) VALUES (?, ?) ON CONFLICT (version) DO NOTHING";
    Ok(exec(tx, sql, vec![signed(policy.version).into(), text.into()]).await? == 1)
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

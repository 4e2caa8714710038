//! The only code that touches the table `incident_party`.

use command::Fault;
use database::{ConnectionTrait, DatabaseTransaction, exec, query_one};
use keyring::{Keyring, Owner, Place, Purpose};

use super::entity::Copy;

/// Stores a side as of this revision; false where the same or a newer one is here.
pub async fn save(
    tx: &DatabaseTransaction,
    keyring: &Keyring,
    side: &str,
    owner: &Owner,
    copy: &Copy,
    version: (u64, u64),
) -> Result<bool, Fault> {
    let text = serde_json::to_string(copy).map_err(|error| Fault::Stored(error.to_string()))?;
    let body = keyring.seal(tx, owner, Purpose::Erasable, place(side), &text).await?;
    let sql = "INSERT INTO incident_party (owner, key_owner, revision, policy_version, body) VALUES (?, ?, ?, ?, ?) \
               ON CONFLICT (owner) DO UPDATE SET revision = excluded.revision, \
               policy_version = excluded.policy_version, body = excluded.body \
               WHERE incident_party.revision < excluded.revision";
    let (revision, policy_version) = version;
    let values = vec![
        side.into(),
        owner.as_str().into(),
        crate::db::signed(revision).into(),
        crate::db::signed(policy_version).into(),
        body.into(),
    ];
    Ok(exec(tx, sql, values).await? == 1)
}

/// A side, and the policy's version that it is of.
pub async fn find<C: ConnectionTrait>(conn: &C, keyring: &Keyring, side: &str) -> Result<Option<(Copy, u64)>, Fault> {
    let sql = "SELECT key_owner, policy_version, body FROM incident_party WHERE owner = ?";
    let Some(row) = query_one(conn, sql, vec![side.into()]).await? else { return Ok(None) };
    let owner = Owner::new(row.try_get::<String>("", "key_owner")?);
    let body: Vec<u8> = row.try_get("", "body")?;
    let text = keyring.open(conn, &owner, Purpose::Erasable, place(side), &body).await?;
    let copy = serde_json::from_str(&text).map_err(|_| Fault::Stored("a copy that cannot be read".into()))?;
    Ok(Some((copy, crate::db::unsigned(row.try_get("", "policy_version")?))))
}

/// Some client of which a copy is here.
pub async fn any_client<C: ConnectionTrait>(conn: &C) -> Result<Option<String>, Fault> {
    let sql = "SELECT owner FROM incident_party WHERE owner <> ? ORDER BY owner LIMIT 1";
    let row = query_one(conn, sql, vec![super::FIRM.into()]).await?;
    Ok(row.map(|row| row.try_get("", "owner")).transpose()?)
}

fn place(side: &str) -> Place<'_> {
    Place::new("incident_party", "body", side)
}

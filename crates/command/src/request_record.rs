//! What was answered to which request.
//!
//! ```text
//! request_record(principal, method, request_id,   key
//!                digest,                          SHA-256 of the request's encoding
//!                answer,                          the encoded answer, encrypted; NULL only inside the command
//!                record_time)                     business time; kept 7 days
//! ```
//!
//! Each command takes a few records that are too old with it, so that nobody has to sweep.
//!
//! The row is inserted first: a second command with the same key waits for the first one's commit and then finds its
//! answer.

use aws_lc_rs::digest::{SHA256, digest as sha};
use business_time::Timestamp;
use database::{ConnectionTrait, DatabaseTransaction, MigrationSet, Step, exec, micros, query_one, skip_locked};
use jiff::SignedDuration;
use keyring::{Keyring, Owner, Place, Purpose};
use refusal::{Kind, Refusal};

use crate::{Call, Fault};

/// The table of answered requests.
pub const MIGRATIONS: MigrationSet = MigrationSet {
    owner: "command",
    steps: &[Step {
        name: "0001_request_record",
        sql: "
CREATE TABLE request_record (
  principal {text} NOT NULL,
  method {text} NOT NULL,
  request_id {text} NOT NULL,
  digest {bytes} NOT NULL,
  answer {bytes},
  record_time {bigint} NOT NULL,
  PRIMARY KEY (principal, method, request_id)
);
CREATE INDEX request_record_by_time ON request_record (record_time);
",
    }],
};

/// What identifies a request's body: its fields, its request id among them.
pub(crate) fn digest<Q: prost::Message>(request: &Q) -> Vec<u8> {
    sha(&SHA256, &request.encode_to_vec()).as_ref().to_vec()
}

/// How long an answer is kept.
const KEPT: SignedDuration = SignedDuration::from_hours(7 * 24);

/// How many old records a command takes with it; more than it adds, so that a backlog shrinks.
const SWEPT: i64 = 4;

/// Claims the key, or gives the answer that was given before.
pub(crate) async fn claim(
    tx: &DatabaseTransaction,
    keyring: &Keyring,
    call: &Call,
    digest: &[u8],
    now: Timestamp,
) -> Result<Option<Vec<u8>>, Fault> {
    sweep(tx, now).await?;
    let key = [call.principal.clone().into(), call.method.into(), call.request_id.clone().into()];
    let insert =
        "INSERT INTO request_record (principal, method, request_id, digest, record_time) VALUES (?, ?, ?, ?, ?)
                  ON CONFLICT (principal, method, request_id) DO NOTHING";
    let mut values = key.to_vec();
    values.extend([digest.to_vec().into(), micros(now).into()]);
    if exec(tx, insert, values).await? == 1 {
        return Ok(None);
    }
    let read = "SELECT digest, answer FROM request_record WHERE principal = ? AND method = ? AND request_id = ?";
    let row = query_one(tx, read, key.to_vec()).await?;
    let row = row.ok_or_else(|| Fault::Stored("a request record vanished".into()))?;
    if row.try_get::<Vec<u8>>("", "digest")? != digest {
        return Err(Refusal::new(
            Kind::Invalid,
            "REQUEST_ID_REUSED",
            "this request_id was used for another request; repeat with the same body or with a new id",
        )
        .and_field("request_id", "was used for another request")
        .into());
    }
    let sealed: Option<Vec<u8>> = row.try_get("", "answer")?;
    let sealed = sealed.ok_or_else(|| Fault::Stored("a request record holds no answer".into()))?;
    let answer = keyring.open_bytes(tx, &Owner::answers(), Purpose::Erasable, place(&row_key(call)), &sealed).await?;
    Ok(Some(answer))
}

async fn sweep(tx: &DatabaseTransaction, now: Timestamp) -> Result<(), Fault> {
    let sql = format!(
        "DELETE FROM request_record WHERE (principal, method, request_id) IN (
           SELECT principal, method, request_id FROM request_record WHERE record_time < ?
           ORDER BY record_time LIMIT ?{})",
        skip_locked(tx.get_database_backend())
    );
    let oldest = now.saturating_sub(KEPT).unwrap_or(Timestamp::MIN);
    exec(tx, &sql, vec![micros(oldest).into(), SWEPT.into()]).await?;
    Ok(())
}

/// Keeps the answer beside the claim.
pub(crate) async fn keep(tx: &DatabaseTransaction, keyring: &Keyring, call: &Call, answer: &[u8]) -> Result<(), Fault> {
    let sealed = keyring.seal_bytes(tx, &Owner::answers(), Purpose::Erasable, place(&row_key(call)), answer).await?;
    let sql = "UPDATE request_record SET answer = ? WHERE principal = ? AND method = ? AND request_id = ?";
    let values = vec![sealed.into(), call.principal.clone().into(), call.method.into(), call.request_id.clone().into()];
    exec(tx, sql, values).await?;
    Ok(())
}

fn place(row: &str) -> Place<'_> {
    Place { table: "request_record", column: "answer", row }
}

fn row_key(call: &Call) -> String {
    format!("{}\n{}\n{}", call.principal, call.method, call.request_id)
}

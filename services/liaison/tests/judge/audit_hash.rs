//! The audit's hashes once more, written from their description and not from the code that seals.

use ::evidence::audit_file::{FileOutcome, FileRow};
use aws_lc_rs::digest::{SHA256, digest};
use contracts::evidence::v1::{AuditBlock, AuditOutcome, AuditRow};

use crate::world::proto;

fn field(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
    out.extend_from_slice(bytes);
}

fn sha256(bytes: &[u8]) -> Vec<u8> {
    digest(&SHA256, bytes).as_ref().to_vec()
}

fn wire(row: &FileRow) -> AuditRow {
    let outcome = match row.outcome {
        FileOutcome::Done => AuditOutcome::Done,
        FileOutcome::Read => AuditOutcome::Read,
        FileOutcome::Refused => AuditOutcome::Refused,
    };
    AuditRow {
        number: row.number,
        time: Some(proto(row.time)),
        actor: row.actor.clone(),
        action: row.action.clone(),
        resources: row.resources.clone(),
        outcome: outcome.into(),
        reason: row.reason.clone(),
    }
}

fn row_hash(row: &AuditRow) -> Vec<u8> {
    let time = row.time.unwrap();
    let mut out = Vec::new();
    field(&mut out, b"liaison audit row 1");
    field(&mut out, &row.number.to_be_bytes());
    field(&mut out, &time.seconds.to_be_bytes());
    field(&mut out, &i64::from(time.nanos).to_be_bytes());
    field(&mut out, row.actor.as_bytes());
    field(&mut out, row.action.as_bytes());
    field(&mut out, &(row.resources.len() as u64).to_be_bytes());
    for resource in &row.resources {
        field(&mut out, resource.as_bytes());
    }
    field(&mut out, &i64::from(row.outcome).to_be_bytes());
    field(&mut out, row.reason.as_bytes());
    sha256(&out)
}

/// Rows, which are numbered already, as sealed blocks of at most `size`.
pub fn blocks(rows: &[FileRow], size: usize) -> Vec<AuditBlock> {
    let mut previous = vec![0; 32];
    let mut blocks = Vec::new();
    for (rows, number) in rows.chunks(size).zip(1_u64..) {
        let rows: Vec<_> = rows.iter().map(wire).collect();
        let mut out = Vec::new();
        field(&mut out, b"liaison audit block 1");
        field(&mut out, &number.to_be_bytes());
        field(&mut out, &previous);
        field(&mut out, &(rows.len() as u64).to_be_bytes());
        for row in &rows {
            field(&mut out, &row_hash(row));
        }
        let hash = sha256(&out);
        let previous_hash = if number == 1 { String::new() } else { hex::encode(&previous) };
        blocks.push(AuditBlock { number, hash: hex::encode(&hash), previous_hash, rows });
        previous = hash;
    }
    blocks
}

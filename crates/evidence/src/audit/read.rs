//! The audit as it is stored: how far it is sealed, whether it holds, and its export.

use contracts::evidence::v1::{AuditBlock, AuditRow};
use database::{ConnectionTrait, Database, DbErr, QueryResult, query_all, query_one};
use prost::Message;

use super::blocks::{AuditBreak, AuditFault, AuditPlace, BlockWalk, compare_heads};
use crate::hash::{Hash, Head};

/// Blocks in a page where the caller names no number, and at most.
const PAGE: u32 = 50;
const PAGE_MOST: u32 = 200;
/// Rows and bytes in a page at most, though always one block; under the 4 MiB that a gRPC client takes.
const PAGE_ROWS: u64 = 5_000;
const PAGE_BYTES: usize = 2 << 20;

/// How far the audit is sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditActivity {
    /// Rows committed but not sealed yet.
    pub unsealed: u64,
    /// Number of the last sealed row; 0 where there is none.
    pub sealed_through: u64,
    /// Hash of the last block; zeros where there is none.
    pub head: Hash,
}

/// What a verification found. Without a head obtained separately, no finding means no more than "consistent with
/// itself".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Rows that hold and the hash of their last block; where there is a finding, those before it.
    pub verified: Head,
    /// The unsealed tail: rows committed but in no block yet, of which this verdict says nothing.
    pub unsealed: u64,
    /// The first row or block that does not hold.
    pub finding: Option<AuditFault>,
}

impl Verdict {
    /// Whether every sealed row and block is as it was sealed.
    pub fn consistent(&self) -> bool {
        self.finding.is_none()
    }
}

/// How far the audit is sealed, in one look.
///
/// # Errors
/// The database's.
pub async fn activity(db: &Database) -> Result<AuditActivity, DbErr> {
    let sql = "SELECT last_row, head, (SELECT COUNT(*) FROM audit_row WHERE number IS NULL) AS unsealed \
               FROM audit_seal WHERE id = 1";
    let row = query_one(db.reader(), sql, vec![])
        .await?
        .ok_or_else(|| DbErr::RecordNotFound("the seal of the audit".to_owned()))?;
    Ok(AuditActivity {
        unsealed: row.try_get::<i64>("", "unsealed")? as u64,
        sealed_through: row.try_get::<i64>("", "last_row")? as u64,
        head: seal_hash(&row, "head")?,
    })
}

/// Recomputes the stored audit from its first block, a page at a time; what is sealed meanwhile is verified too.
///
/// # Errors
/// The database's. What does not hold is no error but a finding.
pub async fn verify(db: &Database) -> Result<Verdict, DbErr> {
    // Read before the blocks: what they must reach at least.
    let before = activity(db).await?;
    let mut walk = BlockWalk::default();
    let mut finding = None;
    'pages: loop {
        let (blocks, more) = export(db, walk.blocks(), PAGE_MOST).await?;
        for block in &blocks {
            if let Err(fault) = walk.push(block) {
                finding = Some(fault);
                break 'pages;
            }
            let reached = Head { count: before.sealed_through, hash: before.head };
            if walk.head().count == reached.count && walk.head().hash != reached.hash {
                finding = compare_heads(&walk.head(), &reached).err();
                break 'pages;
            }
        }
        if !more {
            break;
        }
    }
    let verified = walk.head();
    if finding.is_none() && verified.count < before.sealed_through {
        let what = AuditBreak::CutOff { sealed: before.sealed_through };
        finding = Some(AuditFault { at: AuditPlace::Row(verified.count + 1), what });
    }
    if finding.is_none() {
        // A row that bears a number though no block seals it was put there by somebody else.
        let sql = "SELECT MIN(number) AS number FROM audit_row \
                   WHERE number > (SELECT last_row FROM audit_seal WHERE id = 1)";
        let stray = query_one(db.reader(), sql, vec![]).await?;
        if let Some(number) = stray.and_then(|row| row.try_get::<Option<i64>>("", "number").ok().flatten()) {
            let what = AuditBreak::Beyond { sealed: verified.count };
            finding = Some(AuditFault { at: AuditPlace::Row(number as u64), what });
        }
    }
    let unsealed = activity(db).await?.unsealed;
    Ok(Verdict { verified, unsealed, finding })
}

/// Sealed blocks behind `after_block`, in order, and whether there are more; at most `page` of them (50 where 0, never
/// above 200), and fewer where they are large.
///
/// # Errors
/// The database's.
pub async fn export(db: &Database, after_block: u64, page: u32) -> Result<(Vec<AuditBlock>, bool), DbErr> {
    let limit = if page == 0 { PAGE } else { page.min(PAGE_MOST) };
    let conn = db.reader();
    let sql = "SELECT number, first_row, last_row, previous_hash, hash FROM audit_block WHERE number > ? \
               ORDER BY number LIMIT ?";
    let after = i64::try_from(after_block).unwrap_or(i64::MAX);
    let found = query_all(conn, sql, vec![after.into(), i64::from(limit + 1).into()]).await?;
    let mut more = found.len() > limit as usize;

    let mut blocks = Vec::new();
    let (mut rows_taken, mut bytes) = (0, 0);
    for row in found.iter().take(limit as usize) {
        let first: i64 = row.try_get("", "first_row")?;
        let last: i64 = row.try_get("", "last_row")?;
        let block = AuditBlock {
            number: row.try_get::<i64>("", "number")? as u64,
            hash: row.try_get("", "hash")?,
            previous_hash: row.try_get("", "previous_hash")?,
            rows: rows_between(conn, first, last).await?,
        };
        rows_taken += block.rows.len() as u64;
        bytes += block.encoded_len();
        if !blocks.is_empty() && (rows_taken > PAGE_ROWS || bytes > PAGE_BYTES) {
            more = true;
            break;
        }
        blocks.push(block);
    }
    Ok((blocks, more))
}

/// Every sealed block, for audits that fit into memory.
///
/// # Errors
/// The database's.
pub async fn export_all(db: &Database) -> Result<Vec<AuditBlock>, DbErr> {
    let mut all: Vec<AuditBlock> = Vec::new();
    loop {
        let after = all.last().map_or(0, |block| block.number);
        let (blocks, more) = export(db, after, PAGE_MOST).await?;
        all.extend(blocks);
        if !more {
            return Ok(all);
        }
    }
}

async fn rows_between<C: ConnectionTrait>(conn: &C, first: i64, last: i64) -> Result<Vec<AuditRow>, DbErr> {
    let sql = "SELECT number, recorded_time, actor, action, resources, outcome, reason FROM audit_row \
               WHERE number BETWEEN ? AND ? ORDER BY number";
    query_all(conn, sql, vec![first.into(), last.into()]).await?.iter().map(row).collect()
}

/// A row of `audit_row` as the contract has it, and as it is hashed.
pub(super) fn row(stored: &QueryResult) -> Result<AuditRow, DbErr> {
    let time: i64 = stored.try_get("", "recorded_time")?;
    let resources: String = stored.try_get("", "resources")?;
    Ok(AuditRow {
        number: stored.try_get::<i64>("", "number")? as u64,
        time: Some(prost_types::Timestamp {
            seconds: time.div_euclid(1_000_000),
            nanos: time.rem_euclid(1_000_000) as i32 * 1_000,
        }),
        actor: stored.try_get("", "actor")?,
        action: stored.try_get("", "action")?,
        // A text that is no list of names was not written by us; this is hashed in its place, and so found.
        resources: serde_json::from_str(&resources).unwrap_or_else(|_| vec![format!("no list of names: {resources}")]),
        outcome: stored.try_get::<i64>("", "outcome")?.try_into().unwrap_or_default(),
        reason: stored.try_get("", "reason")?,
    })
}

/// A stored hash; empty stands for zeros.
pub(super) fn seal_hash(row: &QueryResult, column: &str) -> Result<Hash, DbErr> {
    let text: String = row.try_get("", column)?;
    if text.is_empty() {
        return Ok(Hash::ZERO);
    }
    text.parse().map_err(|error| DbErr::Type(format!("head of the audit: {error}")))
}

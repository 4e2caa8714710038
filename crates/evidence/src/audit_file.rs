//! A service's audit as it lies in an evidence folder: `audit/<service>.json`.

use std::{fs, path::Path};

use business_time::Timestamp;
use contracts::evidence::v1::{AuditBlock, AuditOutcome, AuditRow};
use serde::{Deserialize, Serialize};

use crate::{
    audit::{AuditFault, BlockWalk, compare_heads},
    hash::Head,
    timeline_file::{FileError, write_json},
};

const FORMAT: u32 = 1;

/// Every sealed row of a service's audit, in its blocks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditFile {
    /// Version of this form.
    pub format: u32,
    /// Whose audit, for example `escalation`.
    pub service: String,
    /// In order, from the first.
    pub blocks: Vec<FileBlock>,
    /// Rows in all and the last block's hash.
    pub head: Head,
    /// The tail that was written but not sealed when this was made; those rows are not here.
    pub unsealed: u64,
}

/// A block; hashes as in `liaison.evidence.v1.AuditBlock`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileBlock {
    /// Dense from 1 upwards.
    pub number: u64,
    /// Over the block before it and its rows.
    pub hash: String,
    /// Empty in the first.
    pub previous_hash: String,
    /// Never empty.
    pub rows: Vec<FileRow>,
}

/// A row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileRow {
    /// Dense from 1 upwards, across blocks.
    pub number: u64,
    /// By the business clock.
    pub time: Timestamp,
    /// Who.
    pub actor: String,
    /// What.
    pub action: String,
    /// Names of the resources concerned.
    pub resources: Vec<String>,
    /// How it ended.
    pub outcome: FileOutcome,
    /// Why it was refused; empty otherwise.
    pub reason: String,
}

/// How an audited act ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum FileOutcome {
    /// Something was changed.
    Done,
    /// Personal data was read.
    Read,
    /// It was refused.
    Refused,
}

/// An exported block that has no place in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("row {0} of the export is malformed")]
pub struct MalformedRow(pub u64);

impl AuditFile {
    /// From what was exported.
    ///
    /// # Errors
    /// The first row without time or outcome, which no sealed row lacks.
    pub fn try_new(
        service: impl Into<String>,
        blocks: impl IntoIterator<Item = AuditBlock>,
        unsealed: u64,
    ) -> Result<Self, MalformedRow> {
        let blocks = blocks.into_iter().map(FileBlock::try_from).collect::<Result<Vec<_>, _>>()?;
        let mut file = Self { format: FORMAT, service: service.into(), blocks, head: Head::EMPTY, unsealed };
        if let Some(last) = file.blocks.last() {
            let count = last.rows.last().map_or(0, |row| row.number);
            // A hash of no known form stays zero here and is found by `verify`.
            file.head = Head { count, hash: last.hash.parse().unwrap_or_default() };
        }
        Ok(file)
    }

    /// Reads one.
    ///
    /// # Errors
    /// Where it cannot be read or is in another form.
    pub fn read(path: &Path) -> Result<Self, FileError> {
        let file: Self = serde_json::from_slice(&fs::read(path)?)?;
        if file.format == FORMAT { Ok(file) } else { Err(FileError::Format(file.format)) }
    }

    /// Writes it as indented JSON.
    ///
    /// # Errors
    /// The file system's.
    pub fn write(&self, path: &Path) -> Result<(), FileError> {
        write_json(path, self)
    }

    /// Recomputes every hash and compares with the file's own head.
    ///
    /// # Errors
    /// The first row or block that does not hold.
    pub fn verify(&self) -> Result<Head, AuditFault> {
        let mut walk = BlockWalk::default();
        for block in &self.blocks {
            walk.push(&block.into())?;
        }
        compare_heads(&walk.head(), &self.head)?;
        Ok(walk.head())
    }

    /// Every row in order.
    pub fn rows(&self) -> impl Iterator<Item = &FileRow> {
        self.blocks.iter().flat_map(|block| &block.rows)
    }
}

impl TryFrom<AuditBlock> for FileBlock {
    type Error = MalformedRow;

    fn try_from(block: AuditBlock) -> Result<Self, MalformedRow> {
        let rows = block.rows.into_iter().map(FileRow::try_from).collect::<Result<_, _>>()?;
        Ok(Self { number: block.number, hash: block.hash, previous_hash: block.previous_hash, rows })
    }
}

impl TryFrom<AuditRow> for FileRow {
    type Error = MalformedRow;

    fn try_from(row: AuditRow) -> Result<Self, MalformedRow> {
        let malformed = MalformedRow(row.number);
        let time = row.time.ok_or(malformed)?;
        let outcome = match AuditOutcome::try_from(row.outcome) {
            Ok(AuditOutcome::Done) => FileOutcome::Done,
            Ok(AuditOutcome::Read) => FileOutcome::Read,
            Ok(AuditOutcome::Refused) => FileOutcome::Refused,
            Ok(AuditOutcome::Unspecified) | Err(_) => return Err(malformed),
        };
        Ok(Self {
            number: row.number,
            time: Timestamp::new(time.seconds, time.nanos).map_err(|_| malformed)?,
            actor: row.actor,
            action: row.action,
            resources: row.resources,
            outcome,
            reason: row.reason,
        })
    }
}

impl From<&FileBlock> for AuditBlock {
    fn from(block: &FileBlock) -> Self {
        Self {
            number: block.number,
            hash: block.hash.clone(),
            previous_hash: block.previous_hash.clone(),
            rows: block.rows.iter().map(AuditRow::from).collect(),
        }
    }
}

impl From<&FileRow> for AuditRow {
    fn from(row: &FileRow) -> Self {
        // As protobuf has it: nanoseconds count forward, also before 1970.
        let nanos = row.time.as_nanosecond();
        let outcome = match row.outcome {
            FileOutcome::Done => AuditOutcome::Done,
            FileOutcome::Read => AuditOutcome::Read,
            FileOutcome::Refused => AuditOutcome::Refused,
        };
        Self {
            number: row.number,
            time: Some(prost_types::Timestamp {
                seconds: nanos.div_euclid(1_000_000_000) as i64,
                nanos: nanos.rem_euclid(1_000_000_000) as i32,
            }),
            actor: row.actor.clone(),
            action: row.action.clone(),
            resources: row.resources.clone(),
            outcome: outcome.into(),
            reason: row.reason.clone(),
        }
    }
}

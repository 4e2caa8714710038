//! The audit's hashes and their verification, without a database.

use contracts::evidence::v1::{AuditBlock, AuditOutcome, AuditRow};

use crate::hash::{Encoder, Hash, Head};

/// The first place where an audit breaks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{at}: {what}")]
pub struct AuditFault {
    /// Where.
    pub at: AuditPlace,
    /// What is wrong there.
    pub what: AuditBreak,
}

/// A place in an audit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuditPlace {
    /// The row that bears this number, or should.
    #[error("row {0}")]
    Row(u64),
    /// The block that bears this number, or should, with the rows it seals where they can be told.
    #[error("block {number} (rows {first} to {last})")]
    Block {
        /// Its number.
        number: u64,
        /// Its first row.
        first: u64,
        /// Its last row.
        last: u64,
    },
}

/// How an audit breaks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuditBreak {
    /// Another one lies there: one was deleted, inserted or moved.
    #[error("number {found} lies in its place")]
    Order {
        /// The number found.
        found: u64,
    },
    /// A row of the block is not as it was sealed, or one is missing at its end.
    #[error("a row in it is not as it was sealed")]
    Altered,
    /// It does not name the block before it.
    #[error("it does not follow the block before it")]
    Unlinked,
    /// It is in no form that a sealer writes.
    #[error("malformed: {0}")]
    Malformed(&'static str),
    /// The audit ends before what is known to be sealed.
    #[error("the audit was cut off: {sealed} rows were sealed")]
    CutOff {
        /// Rows known to be sealed.
        sealed: u64,
    },
    /// The audit goes on behind what is known to be sealed.
    #[error("it was added: {sealed} rows were sealed")]
    Beyond {
        /// Rows known to be sealed.
        sealed: u64,
    },
    /// The last block is not the one that is known.
    #[error("it is not the last row that the head names")]
    Head,
}

pub(crate) fn row_hash(row: &AuditRow) -> Result<Hash, AuditFault> {
    let malformed = |what| AuditFault { at: AuditPlace::Row(row.number), what: AuditBreak::Malformed(what) };
    let time = row.time.as_ref().ok_or_else(|| malformed("no time"))?;
    if !matches!(
        AuditOutcome::try_from(row.outcome),
        Ok(AuditOutcome::Done | AuditOutcome::Read | AuditOutcome::Refused)
    ) {
        return Err(malformed("unknown outcome"));
    }
    let mut encoder = Encoder::new("liaison audit row 1");
    encoder.number(row.number).signed(time.seconds).signed(time.nanos.into());
    encoder.text(&row.actor).text(&row.action).number(row.resources.len() as u64);
    for resource in &row.resources {
        encoder.text(resource);
    }
    Ok(encoder.signed(row.outcome.into()).text(&row.reason).finish())
}

pub(crate) fn block_hash(number: u64, previous: &Hash, rows: &[AuditRow]) -> Result<Hash, AuditFault> {
    let mut encoder = Encoder::new("liaison audit block 1");
    encoder.number(number).hash(previous).number(rows.len() as u64);
    for row in rows {
        encoder.hash(&row_hash(row)?);
    }
    Ok(encoder.finish())
}

/// A block's hash as the contract writes it: empty stands for "none before it".
pub(crate) fn previous_text(hash: &Hash) -> String {
    if *hash == Hash::ZERO { String::new() } else { hash.to_string() }
}

/// Verification block by block, for audits that do not fit into memory.
#[derive(Clone, Debug, Default)]
pub struct BlockWalk {
    head: Head,
    blocks: u64,
}

impl BlockWalk {
    /// Rows verified so far and the last block's hash.
    pub fn head(&self) -> Head {
        self.head
    }

    /// Blocks verified so far.
    pub fn blocks(&self) -> u64 {
        self.blocks
    }

    /// Takes the next block.
    ///
    /// # Errors
    /// Its first fault; the walk stays where it was.
    pub fn push(&mut self, block: &AuditBlock) -> Result<(), AuditFault> {
        let number = self.blocks + 1;
        let first = self.head.count + 1;
        let last = self.head.count + block.rows.len() as u64;
        let fault = |what| AuditFault { at: AuditPlace::Block { number, first, last }, what };
        if block.number != number {
            return Err(fault(AuditBreak::Order { found: block.number }));
        }
        if block.rows.is_empty() {
            return Err(fault(AuditBreak::Malformed("no rows")));
        }
        if block.previous_hash != previous_text(&self.head.hash) {
            return Err(fault(AuditBreak::Unlinked));
        }
        for (row, expected) in block.rows.iter().zip(first..) {
            if row.number != expected {
                let what = AuditBreak::Order { found: row.number };
                return Err(AuditFault { at: AuditPlace::Row(expected), what });
            }
        }
        let hash = block_hash(number, &self.head.hash, &block.rows)?;
        if block.hash != hash.to_string() {
            return Err(fault(AuditBreak::Altered));
        }
        self.blocks = number;
        self.head = Head { count: last, hash };
        Ok(())
    }
}

/// Recomputes an audit from its first block: how many rows it has and the last block's hash. Without a head obtained
/// separately this says no more than "consistent with itself".
///
/// # Errors
/// The first row or block that does not hold.
pub fn verify_blocks<B: std::borrow::Borrow<AuditBlock>>(
    blocks: impl IntoIterator<Item = B>,
) -> Result<Head, AuditFault> {
    let mut walk = BlockWalk::default();
    for block in blocks {
        walk.push(block.borrow())?;
    }
    Ok(walk.head())
}

/// Compares the head that an audit has with the one it should have.
pub(crate) fn compare_heads(found: &Head, expected: &Head) -> Result<(), AuditFault> {
    let sealed = expected.count;
    let (at, what) = if found.count < sealed {
        (found.count + 1, AuditBreak::CutOff { sealed })
    } else if found.count > sealed {
        (sealed + 1, AuditBreak::Beyond { sealed })
    } else if found.hash != expected.hash {
        (sealed, AuditBreak::Head)
    } else {
        return Ok(());
    };
    Err(AuditFault { at: AuditPlace::Row(at), what })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    fn row(number: u64) -> AuditRow {
        AuditRow {
            number,
            time: Some(prost_types::Timestamp { seconds: 1_700_000_000 + number as i64, nanos: 1_000 }),
            actor: "staff/anna".into(),
            action: "liaison.escalation.v1.CaseService/GetCase".into(),
            resources: vec![format!("cases/{number}"), "clients/acme".into()],
            outcome: AuditOutcome::Read.into(),
            reason: String::new(),
        }
    }

    fn sealed(sizes: &[u64]) -> Vec<AuditBlock> {
        let (mut previous, mut last) = (Hash::ZERO, 0);
        let mut blocks = Vec::new();
        for (size, number) in sizes.iter().zip(1..) {
            let rows: Vec<_> = (last + 1..=last + size).map(row).collect();
            let hash = block_hash(number, &previous, &rows).unwrap();
            blocks.push(AuditBlock { number, hash: hash.to_string(), previous_hash: previous_text(&previous), rows });
            (previous, last) = (hash, last + size);
        }
        blocks
    }

    fn fault(blocks: &[AuditBlock]) -> AuditFault {
        verify_blocks(blocks).unwrap_err()
    }

    #[test]
    fn the_hashes_are_those_of_an_implementation_written_from_the_module_text_alone() {
        let row = AuditRow {
            number: 1,
            time: Some(prost_types::Timestamp { seconds: 1_700_000_000, nanos: 1_000 }),
            actor: "staff/anna".into(),
            action: "a.v1.B/C".into(),
            resources: vec!["cases/1".into(), "clients/acme".into()],
            outcome: AuditOutcome::Read.into(),
            reason: String::new(),
        };
        let known = "03f8a876792cffb580fbbdb4bf5dddcb63081f9407db3cc3e2ae5cfc2135668e";
        assert_eq!(row_hash(&row).unwrap().to_string(), known);
        let known = "e5f477fde54be21c8731cc0597928c988cf12e954d00f07c985e2d00cdc1cc07";
        assert_eq!(block_hash(1, &Hash::ZERO, &[row]).unwrap().to_string(), known);
    }

    #[test]
    fn an_audit_verifies_and_its_head_counts_rows() {
        assert_eq!(verify_blocks::<AuditBlock>([]), Ok(Head::EMPTY));
        let head = verify_blocks(sealed(&[3, 1, 5])).unwrap();
        assert_eq!(head.count, 9);
    }

    #[test]
    fn every_field_of_a_row_is_sealed() {
        let altered: [fn(&mut AuditRow); 9] = [
            |row| row.time.as_mut().unwrap().seconds += 1,
            |row| row.time.as_mut().unwrap().nanos += 1,
            |row| row.actor.push('x'),
            |row| row.action.push('x'),
            |row| row.resources[0].push('x'),
            |row| row.resources.swap(0, 1),
            |row| drop(row.resources.pop()),
            |row| row.outcome = AuditOutcome::Done.into(),
            |row| row.reason.push('x'),
        ];
        for alter in altered {
            let mut blocks = sealed(&[2, 3, 2]);
            alter(&mut blocks[1].rows[1]);
            let at = AuditPlace::Block { number: 2, first: 3, last: 5 };
            assert_eq!(fault(&blocks), AuditFault { at, what: AuditBreak::Altered });
        }
    }

    #[test]
    fn rows_and_blocks_that_were_deleted_inserted_or_moved_are_named() {
        let mut blocks = sealed(&[2, 3, 2]);
        blocks[1].rows.remove(1);
        assert_eq!(fault(&blocks).to_string(), "row 4: number 5 lies in its place");

        let mut blocks = sealed(&[2, 3, 2]);
        blocks[1].rows.pop();
        assert_eq!(fault(&blocks).to_string(), "block 2 (rows 3 to 4): a row in it is not as it was sealed");

        let mut blocks = sealed(&[2, 3, 2]);
        blocks[1].rows.swap(0, 1);
        assert_eq!(fault(&blocks).to_string(), "row 3: number 4 lies in its place");

        let mut blocks = sealed(&[2, 3, 2]);
        blocks[1].rows.insert(1, row(4));
        assert_eq!(fault(&blocks).to_string(), "row 5: number 4 lies in its place");

        let mut blocks = sealed(&[2, 3, 2]);
        blocks.remove(1);
        assert!(fault(&blocks).to_string().starts_with("block 2"), "{}", fault(&blocks));

        let mut blocks = sealed(&[2, 3, 2]);
        blocks.swap(0, 1);
        assert!(matches!(fault(&blocks).what, AuditBreak::Order { found: 2 }));

        let mut blocks = sealed(&[2, 3, 2]);
        blocks[2].previous_hash = blocks[0].hash.clone();
        assert_eq!(fault(&blocks).what, AuditBreak::Unlinked);
    }

    #[test]
    fn a_block_sealed_anew_no_longer_carries_the_blocks_behind_it() {
        let mut blocks = sealed(&[2, 3, 2]);
        blocks[0].rows[0].actor.push('x');
        blocks[0].hash = block_hash(1, &Hash::ZERO, &blocks[0].rows).unwrap().to_string();
        assert_eq!(fault(&blocks).to_string(), "block 2 (rows 3 to 5): it does not follow the block before it");
        blocks[1].previous_hash = blocks[0].hash.clone();
        assert_eq!(fault(&blocks).to_string(), "block 2 (rows 3 to 5): a row in it is not as it was sealed");
    }

    #[test]
    fn rows_that_nobody_could_have_sealed_are_refused() {
        let mut blocks = sealed(&[2]);
        blocks[0].rows[0].time = None;
        assert_eq!(fault(&blocks).to_string(), "row 1: malformed: no time");
        let mut blocks = sealed(&[2]);
        blocks[0].rows[1].outcome = 17;
        assert_eq!(fault(&blocks).to_string(), "row 2: malformed: unknown outcome");
        let mut blocks = sealed(&[2]);
        blocks[0].rows.clear();
        assert!(matches!(fault(&blocks).what, AuditBreak::Malformed("no rows")));
    }

    #[test]
    fn a_cut_off_or_recomputed_audit_is_found_by_its_head_alone() {
        let blocks = sealed(&[2, 3, 2]);
        let head = verify_blocks(&blocks).unwrap();
        let shorter = verify_blocks(&blocks[..2]).unwrap();
        assert_eq!(
            compare_heads(&shorter, &head).unwrap_err().to_string(),
            "row 6: the audit was cut off: 7 rows were sealed"
        );
        assert_eq!(compare_heads(&head, &shorter).unwrap_err().to_string(), "row 6: it was added: 5 rows were sealed");
        let other = verify_blocks(sealed(&[3, 2, 2])).unwrap();
        assert_eq!(compare_heads(&other, &head).unwrap_err().what, AuditBreak::Head);
    }
}

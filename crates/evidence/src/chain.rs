//! The timeline of one aggregate as a chain (SOP 8.3). Pure: no database, no clock.
//!
//! ```text
//! content  = SHA-256("liaison timeline content 1", salt, plaintext)
//! hash     = SHA-256("liaison timeline link 1", aggregate, sequence, previous hash, content)
//! ```
//!
//! A row stores `sequence`, `content` and `hash` in the clear, and salt and plaintext together ([`pack`]) in one
//! encrypted column. So a reader ties what he reads to the chain, and after the key is destroyed the chain still
//! verifies over `content`, of which the salt's destruction leaves nothing to guess from. The plaintext is hashed as the
//! bytes that were stored, since an encoding made again need not give the same ones. The aggregate's name is part of each
//! hash, so that no entry can move to another case.

use aws_lc_rs::rand;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::hash::Encoder;
pub use crate::hash::{Hash, Head};

const SALT_LENGTH: usize = 32;

/// 16 to 32 random bytes that keep a short plaintext from being guessed from its hash. Hex in JSON.
#[derive(Clone, PartialEq, Eq)]
pub struct Salt(Vec<u8>);

/// Something that is no salt or holds none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SaltError {
    /// Shorter than 16 bytes or longer than 32.
    #[error("a salt has 16 to 32 bytes")]
    Length,
    /// Not what [`pack`] made.
    #[error("no salt lies in front of the text")]
    Unpacked,
    /// The system gives no randomness.
    #[error("no randomness")]
    Random,
}

impl Salt {
    /// A new one.
    ///
    /// # Errors
    /// [`SaltError::Random`] alone.
    pub fn random() -> Result<Self, SaltError> {
        let mut bytes = vec![0; SALT_LENGTH];
        rand::fill(&mut bytes).map_err(|_| SaltError::Random)?;
        Ok(Self(bytes))
    }

    /// From stored bytes.
    ///
    /// # Errors
    /// [`SaltError::Length`] where they are fewer than 16 or more than 32.
    pub fn try_new(bytes: impl Into<Vec<u8>>) -> Result<Self, SaltError> {
        let bytes = bytes.into();
        if (16..=32).contains(&bytes.len()) { Ok(Self(bytes)) } else { Err(SaltError::Length) }
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

// As good as the plaintext where that is short, so it is not printed.
impl std::fmt::Debug for Salt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Salt(..)")
    }
}

impl Serialize for Salt {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Salt {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = hex::decode(String::deserialize(deserializer)?).map_err(de::Error::custom)?;
        Self::try_new(bytes).map_err(de::Error::custom)
    }
}

/// Salt and plaintext as they lie together in the encrypted column; [`unpack`] takes them apart.
pub fn pack(salt: &Salt, plaintext: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(1 + salt.0.len() + plaintext.len());
    // A salt has at most 32 bytes.
    out.push(salt.0.len() as u8);
    out.extend_from_slice(&salt.0);
    out.extend_from_slice(plaintext);
    out
}

/// What [`pack`] put together.
///
/// # Errors
/// Where the bytes are no such pair.
pub fn unpack(packed: &[u8]) -> Result<(Salt, &[u8]), SaltError> {
    let (length, rest) = packed.split_first().ok_or(SaltError::Unpacked)?;
    let (salt, plaintext) = rest.split_at_checked(usize::from(*length)).ok_or(SaltError::Unpacked)?;
    Ok((Salt::try_new(salt)?, plaintext))
}

/// What an entry's hash is taken over.
#[derive(Clone, Copy, Debug)]
pub struct Link<'a> {
    /// Dense from 1 upwards.
    pub sequence: u64,
    /// Hash of the entry before; zeros for the first.
    pub previous: Hash,
    /// The entry's own.
    pub salt: &'a Salt,
    /// The bytes as they are stored.
    pub plaintext: &'a [u8],
}

/// The hash of salt and plaintext, which stays when both are gone.
pub fn content_hash(salt: &Salt, plaintext: &[u8]) -> Hash {
    Encoder::new("liaison timeline content 1").bytes(&salt.0).bytes(plaintext).finish()
}

/// The hash of an entry of the aggregate so named.
pub fn link_hash(aggregate: &str, link: &Link<'_>) -> Hash {
    chained(aggregate, link.sequence, &link.previous, &content_hash(link.salt, link.plaintext))
}

fn chained(aggregate: &str, sequence: u64, previous: &Hash, content: &Hash) -> Hash {
    Encoder::new("liaison timeline link 1").text(aggregate).number(sequence).hash(previous).hash(content).finish()
}

/// A new entry, ready to be stored.
#[derive(Clone, Debug)]
pub struct Appended {
    /// One above the last.
    pub sequence: u64,
    /// Goes into the encrypted column with the plaintext, see [`pack`].
    pub salt: Salt,
    /// Stored in the clear.
    pub content: Hash,
    /// Stored in the clear; the new head's hash.
    pub hash: Hash,
}

impl Appended {
    /// The chain's head with this entry.
    pub fn head(&self) -> Head {
        Head { count: self.sequence, hash: self.hash }
    }
}

impl Head {
    /// Chains a plaintext to this head under a new salt. The caller holds the aggregate's row lock, since two who append
    /// to the same head fork the chain.
    ///
    /// # Errors
    /// [`SaltError::Random`] alone.
    pub fn append(&self, aggregate: &str, plaintext: &[u8]) -> Result<Appended, SaltError> {
        let salt = Salt::random()?;
        let content = content_hash(&salt, plaintext);
        let sequence = self.count + 1;
        let hash = chained(aggregate, sequence, &self.hash, &content);
        Ok(Appended { sequence, salt, content, hash })
    }
}

/// What is known of an entry's content.
#[derive(Clone, Copy, Debug)]
pub enum Body<'a> {
    /// Salt and plaintext, which are tied to the chain.
    Disclosed {
        /// As stored.
        salt: &'a Salt,
        /// As stored.
        plaintext: &'a [u8],
    },
    /// The key is destroyed: the content's hash alone.
    Shredded(Hash),
}

impl Body<'_> {
    /// The content's hash, recomputed where the content is known.
    pub fn content(&self) -> Hash {
        match self {
            Self::Disclosed { salt, plaintext } => content_hash(salt, plaintext),
            Self::Shredded(content) => *content,
        }
    }
}

/// An entry as it was stored.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// As stored.
    pub sequence: u64,
    /// What it says, where that is still known.
    pub body: Body<'a>,
    /// As stored.
    pub hash: Hash,
}

impl<'a> Entry<'a> {
    /// An entry whose content is known.
    pub fn new(sequence: u64, salt: &'a Salt, plaintext: &'a [u8], hash: Hash) -> Self {
        Self { sequence, body: Body::Disclosed { salt, plaintext }, hash }
    }
}

/// The first place where a chain breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("entry {at}: {what}")]
pub struct ChainFault {
    /// The sequence number that belongs there.
    pub at: u64,
    /// What is wrong.
    pub what: ChainBreak,
}

/// How a chain breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChainBreak {
    /// Another entry lies there: one was deleted, inserted or moved.
    #[error("entry {found} lies in its place")]
    Order {
        /// The number found.
        found: u64,
    },
    /// Salt and text are not those whose hash was stored.
    #[error("its text is not the one that was written")]
    Content,
    /// The hash is not the one of this entry after the one before it in this aggregate.
    #[error("its hash does not follow from the entry before it")]
    Hash,
    /// The chain ends before the head that was given.
    #[error("the timeline was cut off: its head names {count} entries")]
    CutOff {
        /// Entries that the head names.
        count: u64,
    },
    /// The chain goes on behind the head that was given.
    #[error("it was added: the head names {count} entries")]
    Beyond {
        /// Entries that the head names.
        count: u64,
    },
    /// The last entry is not the one that the head names.
    #[error("it is not the last entry that the head names")]
    Head,
}

/// Recomputes a chain from its first entry and answers with its head.
///
/// # Errors
/// The first entry that does not hold.
pub fn verify_chain<'a>(aggregate: &str, entries: impl IntoIterator<Item = Entry<'a>>) -> Result<Head, ChainFault> {
    let mut head = Head::EMPTY;
    for entry in entries {
        let at = head.count + 1;
        if entry.sequence != at {
            return Err(ChainFault { at, what: ChainBreak::Order { found: entry.sequence } });
        }
        if entry.hash != chained(aggregate, at, &head.hash, &entry.body.content()) {
            return Err(ChainFault { at, what: ChainBreak::Hash });
        }
        head = Head { count: at, hash: entry.hash };
    }
    Ok(head)
}

/// Compares the head that a chain has with the one it should have.
///
/// # Errors
/// Where the chain was cut off, goes on, or ends otherwise.
pub fn compare_heads(found: &Head, expected: &Head) -> Result<(), ChainFault> {
    let count = expected.count;
    if found.count < count {
        return Err(ChainFault { at: found.count + 1, what: ChainBreak::CutOff { count } });
    }
    if found.count > count {
        return Err(ChainFault { at: count + 1, what: ChainBreak::Beyond { count } });
    }
    if found.hash != expected.hash {
        return Err(ChainFault { at: count, what: ChainBreak::Head });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    const CASE: &str = "cases/one";

    struct Row {
        sequence: u64,
        salt: Salt,
        text: Vec<u8>,
        hash: Hash,
    }

    fn timeline(aggregate: &str, texts: &[&str]) -> (Vec<Row>, Head) {
        let mut head = Head::EMPTY;
        let mut rows = Vec::new();
        for text in texts {
            let new = head.append(aggregate, text.as_bytes()).unwrap();
            head = new.head();
            rows.push(Row { sequence: new.sequence, salt: new.salt, text: text.as_bytes().to_vec(), hash: new.hash });
        }
        (rows, head)
    }

    fn verify(aggregate: &str, rows: &[Row]) -> Result<Head, ChainFault> {
        verify_chain(aggregate, rows.iter().map(|row| Entry::new(row.sequence, &row.salt, &row.text, row.hash)))
    }

    fn fault(at: u64, what: ChainBreak) -> Result<Head, ChainFault> {
        Err(ChainFault { at, what })
    }

    #[test]
    fn the_hashes_are_those_of_an_implementation_written_from_the_module_text_alone() {
        let salt = Salt::try_new((0..16).collect::<Vec<u8>>()).unwrap();
        let link = Link { sequence: 1, previous: Hash::ZERO, salt: &salt, plaintext: b"opened" };
        let known = "b98009de9df024fe4c8e27a7400109dcd5bb1d76775174d672c2802193289c90";
        assert_eq!(content_hash(&salt, b"opened").to_string(), known);
        let known = "c14b03eb540d0341512ffe1c82dde2112e6f9fef3469a4d67b8c71a3d2eca78c";
        assert_eq!(link_hash(CASE, &link).to_string(), known);
    }

    #[test]
    fn a_timeline_verifies_and_its_head_counts_it() {
        assert_eq!(verify(CASE, &[]), Ok(Head::EMPTY));
        let (rows, head) = timeline(CASE, &["opened", "answered", "closed"]);
        assert_eq!(head.count, 3);
        assert_eq!(verify(CASE, &rows), Ok(head));
        let link = Link { sequence: 2, previous: rows[0].hash, salt: &rows[1].salt, plaintext: &rows[1].text };
        assert_eq!(link_hash(CASE, &link), rows[1].hash);
    }

    #[test]
    fn an_altered_text_salt_or_hash_is_found_where_it_lies() {
        let altered: [fn(&mut Row); 3] = [|row| row.text[0] ^= 1, |row| row.salt.0[0] ^= 1, |row| row.hash.0[31] ^= 1];
        for alter in altered {
            let (mut rows, _) = timeline(CASE, &["opened", "answered", "closed"]);
            alter(&mut rows[1]);
            assert_eq!(verify(CASE, &rows), fault(2, ChainBreak::Hash));
        }
    }

    #[test]
    fn entries_reordered_deleted_or_inserted_are_found() {
        let (mut rows, _) = timeline(CASE, &["opened", "answered", "closed"]);
        rows.swap(1, 2);
        assert_eq!(verify(CASE, &rows), fault(2, ChainBreak::Order { found: 3 }));
        // Renumbering them does not help.
        rows[1].sequence = 2;
        rows[2].sequence = 3;
        assert_eq!(verify(CASE, &rows), fault(2, ChainBreak::Hash));

        let (mut rows, _) = timeline(CASE, &["opened", "answered", "closed"]);
        rows.remove(0);
        assert_eq!(verify(CASE, &rows), fault(1, ChainBreak::Order { found: 2 }));

        let (mut rows, _) = timeline(CASE, &["opened", "answered", "closed"]);
        let forged = Head { count: 1, hash: rows[0].hash }.append(CASE, b"nothing happened").unwrap();
        let text = b"nothing happened".to_vec();
        rows.insert(1, Row { sequence: 2, salt: forged.salt, text, hash: forged.hash });
        assert_eq!(verify(CASE, &rows), fault(3, ChainBreak::Order { found: 2 }));
    }

    #[test]
    fn an_entry_written_anew_no_longer_carries_the_entries_behind_it() {
        let (mut rows, _) = timeline(CASE, &["opened", "answered", "closed"]);
        let (others, _) = timeline(CASE, &["opened late"]);
        rows.splice(..1, others);
        assert_eq!(verify(CASE, &rows), fault(2, ChainBreak::Hash));
    }

    #[test]
    fn an_entry_of_another_case_does_not_fit_and_neither_does_a_whole_timeline() {
        let (mut rows, _) = timeline(CASE, &["opened"]);
        let (others, _) = timeline("cases/two", &["opened"]);
        assert_eq!(verify("cases/two", &rows), fault(1, ChainBreak::Hash));
        rows.splice(.., others);
        assert_eq!(verify(CASE, &rows), fault(1, ChainBreak::Hash));
    }

    #[test]
    fn a_cut_off_timeline_is_found_by_its_head_alone() {
        let (mut rows, head) = timeline(CASE, &["opened", "answered", "closed"]);
        rows.pop();
        let shorter = verify(CASE, &rows).unwrap();
        assert_eq!(compare_heads(&shorter, &head), Err(ChainFault { at: 3, what: ChainBreak::CutOff { count: 3 } }));
        assert_eq!(compare_heads(&head, &shorter), Err(ChainFault { at: 3, what: ChainBreak::Beyond { count: 2 } }));
    }

    #[test]
    fn somebody_who_recomputes_every_hash_is_found_by_the_head_alone() {
        let (_, head) = timeline(CASE, &["opened", "answered", "closed"]);
        let (forged, other) = timeline(CASE, &["opened", "never answered", "closed"]);
        assert_eq!(verify(CASE, &forged), Ok(other), "consistent with itself");
        assert_eq!(compare_heads(&other, &head), Err(ChainFault { at: 3, what: ChainBreak::Head }));
    }

    #[test]
    fn the_chain_still_verifies_when_the_texts_are_gone() {
        let (rows, head) = timeline(CASE, &["opened", "answered", "closed"]);
        let shredded = |row: &Row| Entry {
            sequence: row.sequence,
            body: Body::Shredded(content_hash(&row.salt, &row.text)),
            hash: row.hash,
        };
        assert_eq!(verify_chain(CASE, rows.iter().map(shredded)), Ok(head));
        let altered = rows.iter().map(|row| Entry { body: Body::Shredded(Hash::ZERO), ..shredded(row) });
        assert_eq!(verify_chain(CASE, altered), fault(1, ChainBreak::Hash));
    }

    #[test]
    fn the_same_text_twice_gives_unlike_contents() {
        let (one, two) = (Head::EMPTY.append(CASE, b"yes").unwrap(), Head::EMPTY.append(CASE, b"yes").unwrap());
        assert_ne!(one.content, two.content);
    }

    #[test]
    fn salt_and_text_lie_together_and_come_apart_again() {
        let salt = Salt::random().unwrap();
        let packed = pack(&salt, b"opened");
        assert_eq!(unpack(&packed), Ok((salt, &b"opened"[..])));
        for bytes in [&[][..], &[40], &[200, 1, 2], &[3, 1, 2, 3]] {
            assert!(unpack(bytes).is_err(), "{bytes:?}");
        }
        assert!(Salt::try_new([0; 15]).is_err() && Salt::try_new([0; 33]).is_err());
        assert!(Salt::try_new([0; 16]).is_ok() && Salt::try_new([0; 32]).is_ok());
    }
}

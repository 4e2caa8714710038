//! SHA-256 over one unambiguous encoding: a domain, then each field with its length in front. Lengths and numbers are
//! eight big-endian bytes (a time in a head is sixteen: nanoseconds since the epoch). Two different sequences of fields,
//! or the same ones for another purpose, never give the same bytes.

use std::{fmt, str::FromStr};

use aws_lc_rs::digest;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A SHA-256 value; lower-case hex in text and JSON.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// The head of what is still empty.
    pub const ZERO: Self = Self([0; 32]);

    /// From stored bytes; `None` where they are not 32.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl Default for Hash {
    fn default() -> Self {
        Self::ZERO
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hash({self})")
    }
}

/// A text that is not 64 lower-case hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a hash is 64 lower-case hex digits")]
pub struct NoHash;

impl FromStr for Hash {
    type Err = NoHash;

    fn from_str(text: &str) -> Result<Self, NoHash> {
        let mut bytes = [0; 32];
        if text.bytes().any(|letter| letter.is_ascii_uppercase()) {
            return Err(NoHash);
        }
        hex::decode_to_slice(text, &mut bytes).map_err(|_| NoHash)?;
        Ok(Self(bytes))
    }
}

impl Serialize for Hash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Hash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// How far a chain reaches: the number of its entries and the last one's hash; all zeros where it is empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// Entries in the chain.
    pub count: u64,
    /// Hash of the last one.
    pub hash: Hash,
}

impl Head {
    /// The head of the empty chain.
    pub const EMPTY: Self = Self { count: 0, hash: Hash::ZERO };
}

impl Default for Head {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} in all)", self.hash, self.count)
    }
}

/// The encoding: a domain, then fields, each with its length as eight big-endian bytes in front.
pub(crate) struct Encoder(Vec<u8>);

impl Encoder {
    pub(crate) fn new(domain: &str) -> Self {
        let mut out = Self(Vec::with_capacity(256));
        out.bytes(domain.as_bytes());
        out
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
        self.0.extend_from_slice(bytes);
        self
    }

    pub(crate) fn text(&mut self, text: &str) -> &mut Self {
        self.bytes(text.as_bytes())
    }

    pub(crate) fn number(&mut self, number: u64) -> &mut Self {
        self.bytes(&number.to_be_bytes())
    }

    pub(crate) fn signed(&mut self, number: i64) -> &mut Self {
        self.bytes(&number.to_be_bytes())
    }

    pub(crate) fn hash(&mut self, hash: &Hash) -> &mut Self {
        self.bytes(&hash.0)
    }

    pub(crate) fn encoded(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn finish(&self) -> Hash {
        sha256(&self.0)
    }
}

pub(crate) fn sha256(bytes: &[u8]) -> Hash {
    finish(digest::digest(&digest::SHA256, bytes))
}

pub(crate) fn finish(digest: digest::Digest) -> Hash {
    let mut out = Hash::ZERO;
    out.0.copy_from_slice(digest.as_ref());
    out
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn a_hash_reads_back_from_its_text_and_other_texts_are_refused() {
        let hash = sha256(b"abc");
        assert_eq!(hash.to_string(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(hash.to_string().parse(), Ok(hash));
        for text in ["", "ba", &hash.to_string().to_uppercase(), &format!("{hash}00"), &"zz".repeat(32)] {
            assert_eq!(text.parse::<Hash>(), Err(NoHash), "{text}");
        }
        let json = serde_json::to_string(&hash).unwrap();
        assert_eq!(serde_json::from_str::<Hash>(&json).unwrap(), hash);
    }

    #[test]
    fn fields_split_otherwise_or_under_another_domain_give_another_hash() {
        let hash = |domain: &str, fields: &[&str]| {
            let mut encoder = Encoder::new(domain);
            for field in fields {
                encoder.text(field);
            }
            encoder.finish()
        };
        let known = [
            hash("a", &["bc", "d"]),
            hash("a", &["b", "cd"]),
            hash("ab", &["c", "d"]),
            hash("a", &["bcd"]),
            hash("a", &["bc", "d", ""]),
        ];
        for (at, one) in known.iter().enumerate() {
            assert!(!known[at + 1..].contains(one));
        }
    }
}

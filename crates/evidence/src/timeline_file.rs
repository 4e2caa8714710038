//! A timeline as it lies in an evidence folder: `timelines/<case>.json`.

use std::{fs, path::Path};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{
    chain::{Body, ChainBreak, ChainFault, Entry, Salt, compare_heads, verify_chain},
    hash::{Hash, Head},
};

const FORMAT: u32 = 1;

/// A case's timeline with what ties each entry to the chain (SOP 8.3).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimelineFile {
    /// Version of this form.
    pub format: u32,
    /// The aggregate's name, for example `cases/0192…`, to which every hash is bound.
    pub case: String,
    /// In order.
    pub entries: Vec<TimelineEntry>,
    /// Where the timeline ends.
    pub head: Head,
}

/// One entry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimelineEntry {
    /// Dense from 1 upwards.
    pub sequence: u64,
    /// Hex; absent where the key was destroyed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub salt: Option<Salt>,
    /// Base64 of the bytes as they were stored; absent where the key was destroyed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plaintext: Option<Plaintext>,
    /// The plaintext decoded, for people. Nothing ties it to the chain: a program decodes `plaintext` itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub readable: Option<serde_json::Value>,
    /// Hash of salt and plaintext.
    pub content: Hash,
    /// Hash of this entry after the one before it.
    pub hash: Hash,
}

/// Stored bytes; base64 in JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plaintext(pub Vec<u8>);

impl Serialize for Plaintext {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Plaintext {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        STANDARD.decode(String::deserialize(deserializer)?).map(Self).map_err(de::Error::custom)
    }
}

/// Why a file of evidence could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// The file system refused.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// It is not the JSON form.
    #[error("not in the form of such a file: {0}")]
    Form(#[from] serde_json::Error),
    /// A later release wrote it.
    #[error("format {0} is not known to this release")]
    Format(u32),
}

impl TimelineFile {
    /// A timeline file without entries.
    pub fn new(case: impl Into<String>) -> Self {
        Self { format: FORMAT, case: case.into(), entries: Vec::new(), head: Head::EMPTY }
    }

    /// Adds the next entry and moves the head.
    pub fn push(&mut self, entry: TimelineEntry) {
        self.head = Head { count: entry.sequence, hash: entry.hash };
        self.entries.push(entry);
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

    /// Recomputes the chain and compares it with the file's own head.
    ///
    /// # Errors
    /// The first entry that does not hold.
    pub fn verify(&self) -> Result<Head, ChainFault> {
        let head = verify_chain(&self.case, self.entries.iter().map(TimelineEntry::entry)).map_err(|fault| {
            // The link's hash only says that something is wrong; the content's tells whether it is the text.
            let altered = self.entries.get(fault.at as usize - 1).is_some_and(|entry| !entry.holds_its_content());
            if fault.what == ChainBreak::Hash && altered {
                ChainFault { what: ChainBreak::Content, ..fault }
            } else {
                fault
            }
        })?;
        if let Some(entry) = self.entries.iter().find(|entry| !entry.holds_its_content()) {
            return Err(ChainFault { at: entry.sequence, what: ChainBreak::Content });
        }
        compare_heads(&head, &self.head)?;
        Ok(head)
    }

    /// Entries whose content was destroyed with its key.
    pub fn shredded(&self) -> usize {
        self.entries.iter().filter(|entry| matches!(entry.body(), Body::Shredded(_))).count()
    }
}

impl TimelineEntry {
    /// What is known of its content.
    pub fn body(&self) -> Body<'_> {
        match (&self.salt, &self.plaintext) {
            (Some(salt), Some(plaintext)) => Body::Disclosed { salt, plaintext: &plaintext.0 },
            _ => Body::Shredded(self.content),
        }
    }

    /// The stored bytes, where they are still known; tied to the chain once the file has verified.
    pub fn bytes(&self) -> Option<&[u8]> {
        match self.body() {
            Body::Disclosed { plaintext, .. } => Some(plaintext),
            Body::Shredded(_) => None,
        }
    }

    fn holds_its_content(&self) -> bool {
        // Salt without text, or text without salt, is nothing that was ever written.
        self.salt.is_some() == self.plaintext.is_some() && self.body().content() == self.content
    }

    fn entry(&self) -> Entry<'_> {
        Entry { sequence: self.sequence, body: self.body(), hash: self.hash }
    }
}

pub(crate) fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<(), FileError> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut text = serde_json::to_vec_pretty(value)?;
    text.push(b'\n');
    Ok(fs::write(path, text)?)
}

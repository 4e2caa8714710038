//! Whose key, for what, and for which value.

use std::fmt;

/// Whose personal data a key protects, for example `clients/acme` or `staff`. A resource name, never a person's own
/// name: it stands in the clear in the database.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Owner(String);

impl Owner {
    /// An owner by its name.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// A client by its id: `clients/{id}`.
    pub fn client(id: &str) -> Self {
        Self(format!("clients/{id}"))
    }

    /// The firm's own people.
    pub fn staff() -> Self {
        Self::new("staff")
    }

    /// Mail that no client's contact sent.
    pub fn unknown_senders() -> Self {
        Self::new("unknown-senders")
    }

    /// Stored answers of the idempotency record.
    pub fn answers() -> Self {
        Self::new("answers")
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&str> for Owner {
    fn from(name: &str) -> Self {
        Self::new(name)
    }
}

impl From<String> for Owner {
    fn from(name: String) -> Self {
        Self(name)
    }
}

/// Which of an owner's two keys a column is under.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Purpose {
    /// Destroyed by an erasure.
    Erasable,
    /// Kept after an erasure because law requires it, with its legal basis and an end.
    Retained,
}

impl Purpose {
    /// As it is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Erasable => "erasable",
            Self::Retained => "retained",
        }
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where an encrypted value lies. It is bound into the ciphertext, so that a value moved to another place is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place<'a> {
    /// The table's name.
    pub table: &'a str,
    /// The column's name.
    pub column: &'a str,
    /// The row's key as text.
    pub row: &'a str,
}

impl<'a> Place<'a> {
    /// A place by table, column and row.
    pub const fn new(table: &'a str, column: &'a str, row: &'a str) -> Self {
        Self { table, column, row }
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}[{}]", self.table, self.column, self.row)
    }
}

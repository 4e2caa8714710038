use std::fmt;

/// The first file of a folder that is not as it should be, or could not be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {what}")]
pub struct FolderFault {
    /// The file, relative to the folder; empty for the folder itself.
    pub path: String,
    /// What is wrong with it.
    pub what: Fault,
}

/// What can be wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// It is not there.
    Missing,
    /// The file system refused to read it.
    Unreadable(String),
    /// It is there but not in its form.
    Wrong(String),
    /// The folder holds something already.
    NotEmpty,
    /// The file system refused to write it, or its content cannot be written.
    Unwritable(String),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("is missing"),
            Self::Unreadable(why) => write!(f, "cannot be read: {why}"),
            Self::Wrong(why) => write!(f, "is not in its form: {why}"),
            Self::NotEmpty => f.write_str("the folder holds something already; name one that is new or empty"),
            Self::Unwritable(why) => write!(f, "cannot be written: {why}"),
        }
    }
}

impl FolderFault {
    pub(super) fn new(path: impl Into<String>, what: Fault) -> Self {
        Self { path: path.into(), what }
    }
}

use std::path::Path;

use ::evidence::{
    SignedHead,
    folder::{self, Standing},
};

use super::{Table, judge};
use crate::folder::Folder;

/// What a verifier may say of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is what the head's key signed, and this is what it shows.
    Proven {
        /// The head says that a simulated clock made it: it proves nothing about real conduct.
        trial: bool,
        /// Every clause, recomputed.
        table: Table,
    },
    /// It is consistent with itself, and no more can be said without a head.
    ConsistentWithItself {
        /// Every clause, recomputed.
        table: Table,
    },
    /// It was altered, or is no evidence folder; the first file or entry is named.
    Fault(String),
}

/// Verifies a folder against a head where there is one, and judges it.
pub fn verify(folder: &Path, head: Option<&SignedHead>) -> Verdict {
    let standing = match folder::verify(folder, head) {
        Ok(verified) => verified.standing,
        Err(fault) => return Verdict::Fault(fault.to_string()),
    };
    let table = match Folder::read(folder) {
        Ok(evidence) => judge(&evidence),
        Err(fault) => return Verdict::Fault(fault.to_string()),
    };
    match standing {
        Standing::Proven { trial } => Verdict::Proven { trial, table },
        Standing::ConsistentWithItself => Verdict::ConsistentWithItself { table },
    }
}

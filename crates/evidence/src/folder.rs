//! An evidence folder as a whole.
//!
//! ```text
//! <folder>/manifest.json            every other file with its hash
//! <folder>/timelines/<case>.json    one per case; <case> is the last part of its name
//! <folder>/audit/<service>.json     one per service
//! <folder>/…                        mails, reports, calendars, index.html: whatever else, bound by the manifest
//! ```
//!
//! The signed head lies beside the folder, never in it.

use std::{collections::BTreeMap, path::Path};

use business_time::Timestamp;

use crate::{
    audit::{AuditFault, compare_heads},
    audit_file::AuditFile,
    chain::ChainFault,
    hash::Head,
    head::{HeadError, SignedHead, SigningKey, Statement},
    manifest::{self, FILE_NAME, FileBreak, Finding, Manifest},
    timeline_file::{FileError, TimelineFile},
};

/// Where timelines lie.
pub const TIMELINES: &str = "timelines";
/// Where audits lie.
pub const AUDITS: &str = "audit";

/// What a verified folder proves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is what the head's key signed.
    Proven {
        /// The head says that a simulated clock made it.
        trial: bool,
    },
    /// Nothing in it contradicts anything else in it; there was no head to hold it against, so whoever wrote it may
    /// have made up all of it.
    ConsistentWithItself,
}

/// A folder that verified, and what a judge reads from it.
#[derive(Clone, Debug)]
pub struct VerifiedFolder {
    /// What that proves.
    pub standing: Standing,
    /// Its files.
    pub manifest: Manifest,
    /// By case name, for example `cases/0192…`.
    pub timelines: BTreeMap<String, TimelineFile>,
    /// By service.
    pub audits: BTreeMap<String, AuditFile>,
}

/// The first thing that does not hold.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FolderFault {
    /// The head itself is not believed.
    #[error(transparent)]
    Head(#[from] HeadError),
    /// A file is not as the manifest says, or the manifest is not the one that was signed.
    #[error(transparent)]
    File(#[from] Finding),
    /// A timeline does not hold.
    #[error("{path}: {fault}")]
    Timeline {
        /// The file.
        path: String,
        /// Where it breaks.
        fault: ChainFault,
    },
    /// An audit does not hold, or is not the one that was signed.
    #[error("{path}: {fault}")]
    Audit {
        /// The file.
        path: String,
        /// Where it breaks.
        fault: AuditFault,
    },
    /// A file bears another name than its content.
    #[error("{path}: holds {found}")]
    Misnamed {
        /// The file.
        path: String,
        /// Whose timeline or audit it holds.
        found: String,
    },
    /// The head names another number of timelines.
    #[error("timelines: the head names {signed}, the folder holds {found}")]
    Timelines {
        /// Named by the head.
        signed: u64,
        /// In the folder.
        found: u64,
    },
    /// A file could not be written.
    #[error("{path}: {error}")]
    Write {
        /// The file.
        path: String,
        /// Why.
        error: FileError,
    },
}

/// Verifies what lies in a folder, writes its manifest and signs its head. Nothing may be added afterwards.
///
/// # Errors
/// Where a timeline or audit in it does not hold, or the file system refuses.
pub fn seal(folder: &Path, made_time: Timestamp, trial: bool, key: &SigningKey) -> Result<SignedHead, FolderFault> {
    let manifest = Manifest::of(folder)?;
    let (timelines, audits) = read_chains(folder, &manifest)?;
    manifest.write(folder).map_err(|error| FolderFault::Write { path: FILE_NAME.to_owned(), error })?;
    let statement = Statement {
        made_time,
        trial,
        manifest: manifest.root(),
        audits: audits.iter().map(|(service, audit)| (service.clone(), audit.head)).collect(),
        timelines: timelines.len() as u64,
    };
    Ok(SignedHead::sign(statement, key))
}

/// Verifies a folder: against a head where there is one, and otherwise against itself alone.
///
/// # Errors
/// The first file, entry, row or block that was altered, added, reordered, cut off or deleted.
pub fn verify(folder: &Path, head: Option<&SignedHead>) -> Result<VerifiedFolder, FolderFault> {
    if let Some(head) = head {
        head.verify()?;
    }
    let manifest = Manifest::read(folder)?;
    if let Some(head) = head
        && manifest.root() != head.manifest
    {
        // Somebody wrote the manifest anew. Where an audit differs from its signed head, that says more.
        compare_audits(folder, &manifest, head)?;
        return Err(Finding { path: FILE_NAME.to_owned(), what: FileBreak::Altered }.into());
    }
    manifest::check(folder, &manifest)?;
    let (timelines, audits) = read_chains(folder, &manifest)?;
    let standing = match head {
        None => Standing::ConsistentWithItself,
        Some(head) => {
            compare_audits(folder, &manifest, head)?;
            let (signed, found) = (head.timelines, timelines.len() as u64);
            if signed != found {
                return Err(FolderFault::Timelines { signed, found });
            }
            Standing::Proven { trial: head.trial }
        }
    };
    Ok(VerifiedFolder { standing, manifest, timelines, audits })
}

type Chains = (BTreeMap<String, TimelineFile>, BTreeMap<String, AuditFile>);

fn read_chains(folder: &Path, manifest: &Manifest) -> Result<Chains, FolderFault> {
    let mut timelines = BTreeMap::new();
    for (path, stem) in files_in(manifest, TIMELINES) {
        let timeline = TimelineFile::read(&folder.join(path)).map_err(|error| unreadable(path, &error))?;
        timeline.verify().map_err(|fault| FolderFault::Timeline { path: path.to_owned(), fault })?;
        if timeline.case.rsplit('/').next() != Some(stem) {
            return Err(FolderFault::Misnamed { path: path.to_owned(), found: timeline.case });
        }
        timelines.insert(timeline.case.clone(), timeline);
    }
    let mut audits = BTreeMap::new();
    for (path, stem) in files_in(manifest, AUDITS) {
        let audit = read_audit(folder, path, stem)?;
        audits.insert(audit.service.clone(), audit);
    }
    Ok((timelines, audits))
}

fn read_audit(folder: &Path, path: &str, stem: &str) -> Result<AuditFile, FolderFault> {
    let audit = AuditFile::read(&folder.join(path)).map_err(|error| unreadable(path, &error))?;
    audit.verify().map_err(|fault| FolderFault::Audit { path: path.to_owned(), fault })?;
    if audit.service != stem {
        return Err(FolderFault::Misnamed { path: path.to_owned(), found: audit.service });
    }
    Ok(audit)
}

fn compare_audits(folder: &Path, manifest: &Manifest, head: &SignedHead) -> Result<(), FolderFault> {
    let mut expected: BTreeMap<&str, &Head> =
        head.audits.iter().map(|(service, head)| (service.as_str(), head)).collect();
    for (path, stem) in files_in(manifest, AUDITS) {
        let Some(signed) = expected.remove(stem) else {
            return Err(Finding { path: path.to_owned(), what: FileBreak::Added }.into());
        };
        let audit = read_audit(folder, path, stem)?;
        compare_heads(&audit.head, signed).map_err(|fault| FolderFault::Audit { path: path.to_owned(), fault })?;
    }
    match expected.keys().next() {
        None => Ok(()),
        Some(service) => Err(Finding { path: format!("{AUDITS}/{service}.json"), what: FileBreak::Deleted }.into()),
    }
}

/// Path and stem of the JSON files that lie directly in a folder of the manifest.
fn files_in<'a>(manifest: &'a Manifest, inside: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
    manifest.files.iter().filter_map(move |file| {
        let name = file.path.strip_prefix(inside)?.strip_prefix('/')?;
        let stem = name.strip_suffix(".json")?;
        (!stem.contains('/')).then_some((file.path.as_str(), stem))
    })
}

fn unreadable(path: &str, error: &FileError) -> FolderFault {
    Finding { path: path.to_owned(), what: FileBreak::Unreadable(error.to_string()) }.into()
}

/// Where a case's timeline lies below the folder.
pub fn timeline_path(case: &str) -> String {
    format!("{TIMELINES}/{}.json", case.rsplit('/').next().unwrap_or(case))
}

/// Where a service's audit lies below the folder.
pub fn audit_path(service: &str) -> String {
    format!("{AUDITS}/{service}.json")
}

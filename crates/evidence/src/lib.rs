//! Evidence that the procedure was followed (SOP 8.3): what was written cannot be altered, reordered or cut off
//! afterwards without being found, also by somebody who has nothing but a folder and a signed head.
//!
//! - [`hash`]: [`struct@Hash`] and the one encoding over which all hashes here are taken.
//! - [`chain`]: the timeline of one aggregate, each entry chained to the one before it.
//! - [`audit`]: the service-wide audit: rows inserted with the command, sealed in blocks behind it.
//! - [`timeline_file`], [`audit_file`]: both as they lie in an evidence folder.
//! - [`manifest`]: every file of a folder with its hash.
//! - [`head`]: what is signed, and the key that signs, which lives outside the database.
//! - [`folder`]: all of it together: seal a folder, verify a folder.
//!
//! Without a head that was obtained separately, a folder is at best "consistent with itself": whoever can write it can
//! recompute every hash. With one, only the signing key can make another folder that verifies.

pub mod audit;
pub mod audit_file;
pub mod chain;
pub mod folder;
pub mod hash;
pub mod head;
pub mod manifest;
mod private_file;
pub mod timeline_file;

pub use audit::{AuditEntry, Outcome, Sealer, service};
pub use audit_file::AuditFile;
pub use chain::Salt;
pub use hash::{Hash, Head};
pub use head::{PublicKey, SignedHead, SigningKey, Statement};
pub use manifest::Manifest;
pub use timeline_file::TimelineFile;

use database::{MigrationSet, Step};

/// The tables `audit_row`, `audit_block` and `audit_seal`; see [`audit`].
pub const MIGRATIONS: MigrationSet = MigrationSet {
    owner: "evidence",
    steps: &[Step { name: "0001_audit", sql: include_str!("../migrations/0001_audit.sql") }],
};

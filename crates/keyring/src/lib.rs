//! Personal data at rest: data keys per owner, wrapped by the service's key-encryption key; blind indexes; erasure
//! (SOP 7).
//!
//! - [`kek`]: the key-encryption key, which lives outside the database, and the two keys derived from it.
//! - [`place`]: whose key ([`Owner`], [`Purpose`]) and for which column of which row ([`Place`]).
//! - [`data_key`]: one unwrapped key; AES-256-GCM whose additional data binds a value to owner, purpose and place.
//! - `keyring`: [`Keyring`], what services use: keys made on first use, values sealed and opened, erasure, retention.
//! - `cache`: unwrapped keys stay in memory for at most 60 s.
//! - `repo`: the table, drawn here:
//!
//! ```text
//! data_key(owner, purpose, key_id, wrapped, kek, created_time, legal_basis, retained_until, destroyed_time)
//!   key (owner, purpose); purpose is `erasable` or `retained`
//!   wrapped         the 32 key bytes under the key-encryption key named by `kek`; NULL once destroyed
//!   legal_basis     why a retained key outlives an erasure, and until when (`retained_until`)
//!   destroyed_time  set: a tombstone. The row stays, so that a late event makes no new key
//! ```
//!
//! An owner's erasable row is its lock: whoever makes a key of that owner holds it, and an erasure changes it.
//! Each encrypted column names its purpose in the code that writes it; the stored bytes name the key they need.

mod cache;
pub mod data_key;
pub mod kek;
mod keyring;
pub mod place;
mod repo;

pub use data_key::DataKey;
pub use kek::{Kek, KekError};
pub use keyring::{Keyring, Retention};
pub use place::{Owner, Place, Purpose};

use database::{DbErr, MigrationSet, Retryable, Step};

/// The table `data_key`.
pub const MIGRATIONS: MigrationSet = MigrationSet {
    owner: "keyring",
    steps: &[Step { name: "0001_data_key", sql: include_str!("../migrations/0001_data_key.sql") }],
};

/// Why a key or a value was not given. No variant carries a secret or a plaintext.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The key was destroyed (erasure, or a retention that ended) and no new one is made.
    #[error("the {purpose} key of {owner} was destroyed")]
    Erased {
        /// Whose key.
        owner: Owner,
        /// Which of the owner's keys.
        purpose: Purpose,
    },
    /// The owner has no such key, so nothing can have been encrypted under it.
    #[error("{owner} has no {purpose} key")]
    NoKey {
        /// Whose key.
        owner: Owner,
        /// Which of the owner's keys.
        purpose: Purpose,
    },
    /// The service runs with another key-encryption key than the one that wrapped this data key.
    #[error(
        "the {purpose} key of {owner} was wrapped by key-encryption key {wrapped_by}, but this service has {given}: \
         give it the key-encryption key that this database was made with"
    )]
    WrongKek {
        /// Whose key.
        owner: Owner,
        /// Which of the owner's keys.
        purpose: Purpose,
        /// Fingerprint of the key-encryption key that is needed.
        wrapped_by: String,
        /// Fingerprint of the one at hand.
        given: String,
    },
    /// The wrapped key in the database was altered, or moved from another owner.
    #[error("the wrapped {purpose} key of {owner} was altered")]
    AlteredKey {
        /// Whose key.
        owner: Owner,
        /// Which of the owner's keys.
        purpose: Purpose,
    },
    /// The stored bytes were altered, or belong to another owner, purpose, table, column or row.
    #[error("the value in {place} of {owner} was altered or belongs elsewhere")]
    Refused {
        /// For whom it was opened.
        owner: Owner,
        /// `table.column[row]`.
        place: String,
    },
    /// The stored bytes are in no form that this release knows.
    #[error("the stored value has an unknown form: {0}")]
    Malformed(&'static str),
    /// The library refused; memory or randomness is exhausted.
    #[error("the cryptographic library failed")]
    Crypto,
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbErr),
}

impl Retryable for Error {
    fn db_error(&self) -> Option<&DbErr> {
        match self {
            Self::Database(error) => Some(error),
            _ => None,
        }
    }
}

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

//! Keys over both databases.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod erasure;
mod keys;
mod races;

use std::sync::Arc;

use business_time::ManualClock;
use database::Database;
use keyring::{Kek, Keyring, Place};
use secrecy::SecretString;

pub const EMAIL: Place<'_> = Place::new("contact", "email", "1");

/// Base64 of the key-encryption key that the tests share.
pub const KEK: &str = "S0tLS0tLS0tLS0tLS0tLS0tLS0tLS0tLS0tLS0tLS0s=";

pub fn kek() -> Kek {
    Kek::from_base64(&SecretString::from(KEK)).unwrap()
}

pub fn clock() -> ManualClock {
    ManualClock::new("2026-11-24T08:00:00Z".parse().unwrap())
}

/// One process's keyring; two over one database are two replicas.
pub fn keyring(db: &Database, clock: &ManualClock) -> Keyring {
    Keyring::new(kek(), db.clone(), Arc::new(clock.clone()))
}

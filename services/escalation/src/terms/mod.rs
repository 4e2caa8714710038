//! What cases run by: this service's own copies of clients' calendars, of calendars and of policies. Their owner is
//! client-registry; a copy is only ever replaced by a higher revision, so that what comes late or twice does no harm.
//!
//! What a copy lacks never holds a case back: the case opens at once, and a work row ([`fetch`]) asks the owner.

pub mod fetch;
mod read;
mod repo;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use business_time::Calendar;
use command::Fault;
use database::ConnectionTrait;

pub use read::{calendar_spec, policy};
pub use repo::{is_known_client, store_calendar, store_client, store_policy};

use crate::case::entity::{Policy, WorkingCalendar};

/// Copies that stay in memory at most, of calendars and of policies.
const KEPT: usize = 1000;

/// The copies. Cheap to clone; clones share what they have read.
#[derive(Clone, Debug, Default)]
pub struct Terms {
    read: Arc<Mutex<Read>>,
}

/// What never changes under its key.
#[derive(Debug, Default)]
struct Read {
    calendars: HashMap<(String, u64), Arc<WorkingCalendar>>,
    policies: HashMap<u64, Arc<Policy>>,
}

/// What a case of one client runs by, as far as it is here.
#[derive(Clone, Debug, Default)]
pub struct ClientTerms {
    /// Whether the client is known here at all.
    pub known: bool,
    /// Its calendar.
    pub calendar: Option<Arc<WorkingCalendar>>,
    /// The policy in force, for a case that has none yet.
    pub policy: Option<Arc<Policy>>,
}

impl ClientTerms {
    /// Whether everything is here.
    pub fn complete(&self) -> bool {
        self.calendar.is_some() && self.policy.is_some()
    }
}

impl Terms {
    /// What a client's cases run by. In a transaction the copies stay as they were read until it ends, so that a change of
    /// calendar finds every case that was opened under the one before.
    ///
    /// # Errors
    /// The database's, and where a copy does not read.
    pub async fn of_client<C: ConnectionTrait>(&self, tx: &C, client: &str) -> Result<ClientTerms, Fault> {
        let policy = match repo::newest_policy_version(tx).await? {
            Some(version) => self.policy(tx, version).await?,
            None => None,
        };
        let Some(calendar) = repo::find_calendar_of(tx, client).await? else {
            return Ok(ClientTerms { policy, ..ClientTerms::default() });
        };
        let calendar = self.calendar(tx, &calendar).await?;
        Ok(ClientTerms { known: true, calendar, policy })
    }

    async fn calendar<C: ConnectionTrait>(&self, tx: &C, name: &str) -> Result<Option<Arc<WorkingCalendar>>, Fault> {
        let Some(revision) = repo::find_calendar_revision(tx, name).await? else { return Ok(None) };
        let key = (name.to_owned(), revision);
        if let Some(known) = self.read().calendars.get(&key) {
            return Ok(Some(known.clone()));
        }
        let Some(spec) = repo::find_calendar_spec(tx, name).await? else { return Ok(None) };
        let calendar: Calendar =
            serde_json::from_str(&spec).map_err(|error| Fault::Stored(format!("copy of a calendar: {error}")))?;
        let calendar = Arc::new(WorkingCalendar { name: name.to_owned(), calendar });
        let mut read = self.read();
        if read.calendars.len() >= KEPT {
            read.calendars.clear();
        }
        read.calendars.insert(key, calendar.clone());
        Ok(Some(calendar))
    }

    /// A version of the policy, where it is here.
    ///
    /// # Errors
    /// The database's, and where the copy does not read.
    pub async fn policy<C: ConnectionTrait>(&self, conn: &C, version: u64) -> Result<Option<Arc<Policy>>, Fault> {
        if version == 0 {
            return Ok(None);
        }
        if let Some(known) = self.read().policies.get(&version) {
            return Ok(Some(known.clone()));
        }
        let Some(text) = repo::find_policy(conn, version).await? else { return Ok(None) };
        let policy: Policy =
            serde_json::from_str(&text).map_err(|error| Fault::Stored(format!("copy of a policy: {error}")))?;
        let policy = Arc::new(policy);
        let mut read = self.read();
        if read.policies.len() >= KEPT {
            read.policies.clear();
        }
        read.policies.insert(version, policy.clone());
        Ok(Some(policy))
    }

    fn read(&self) -> std::sync::MutexGuard<'_, Read> {
        // Every change under the lock is whole.
        self.read.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

use std::sync::Mutex;

use business_time::Timestamp;
use database::DatabaseTransaction;
use event_log::NewEvent;
use evidence::audit::{AuditEntry, Outcome};
use keyring::Keyring;
use uuid::Uuid;

use crate::Fault;

/// A unit of work: what a use case is handed. It owns neither begin nor commit.
pub struct Unit<'t> {
    tx: &'t DatabaseTransaction,
    now: Timestamp,
    actor: String,
    action: String,
    keyring: Keyring,
    cause: Option<String>,
    touched: Mutex<Vec<String>>,
}

impl<'t> Unit<'t> {
    pub(crate) fn new(
        tx: &'t DatabaseTransaction,
        now: Timestamp,
        actor: &str,
        action: &str,
        keyring: Keyring,
    ) -> Self {
        Self {
            tx,
            now,
            actor: actor.to_owned(),
            action: action.to_owned(),
            keyring,
            cause: None,
            touched: Mutex::default(),
        }
    }

    /// Names what causes this unit, an event's id or a timer's row with its due time: the same cause then tells the same
    /// events, also after a restore, and readers take what they have seen before for what it is. A command has no cause:
    /// its request id does that.
    #[must_use]
    pub fn caused_by(mut self, cause: impl Into<String>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// The transaction; inside it nothing else may be used to reach the database.
    pub fn tx(&self) -> &'t DatabaseTransaction {
        self.tx
    }

    /// The business time of this unit; the same for all that it writes.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Who does it: a principal's name, `timer`, or the service whose event it is.
    pub fn actor(&self) -> &str {
        &self.actor
    }

    /// The service's keys.
    pub fn keyring(&self) -> &Keyring {
        &self.keyring
    }

    /// Names a resource in this unit's audit row.
    pub fn touched(&self, resource: &str) {
        let mut touched = self.touched.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if !touched.iter().any(|known| known == resource) {
            touched.push(resource.to_owned());
        }
    }

    /// Says what happened. Call it after the aggregate's row is locked or written, so that later in an aggregate means
    /// later in the stream. Gives the event's id.
    ///
    /// # Errors
    /// The database's.
    pub async fn publish<M: prost::Message + prost::Name>(
        &self,
        aggregate: &str,
        revision: u64,
        event: &M,
    ) -> Result<Uuid, Fault> {
        let id = match &self.cause {
            // An aggregate's revision rises with each event, so that no two effects of one cause share an id.
            Some(cause) => derived(cause, &format!("{}/{aggregate}/{revision}", M::NAME)),
            None => Uuid::new_v4(),
        };
        let new = NewEvent {
            id,
            aggregate: aggregate.to_owned(),
            revision,
            time: self.now,
            traceparent: runtime::telemetry::traceparent(),
            payload: prost_types::Any { type_url: M::type_url(), value: event.encode_to_vec() },
        };
        event_log::outbox::insert(self.tx, new).await?;
        self.touched(aggregate);
        Ok(id)
    }

    /// Writes the unit's audit row. `execute` does it for commands; whoever opened the unit otherwise does it last.
    ///
    /// # Errors
    /// The database's.
    pub async fn finish(self) -> Result<(), Fault> {
        let entry = AuditEntry {
            time: self.now,
            actor: self.actor,
            action: self.action,
            resources: self.touched.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner),
            outcome: Outcome::Done,
            reason: String::new(),
        };
        evidence::audit::insert(self.tx, &entry).await?;
        Ok(())
    }
}

/// A new resource's id, in the order of creation.
pub fn new_id() -> String {
    Uuid::now_v7().to_string()
}

/// The id of what an event causes, so that the same event seen twice causes the same thing.
pub fn derived_id(event_id: &str, purpose: &str) -> String {
    derived(event_id, purpose).to_string()
}

fn derived(cause: &str, effect: &str) -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{cause}/{effect}").as_bytes())
}

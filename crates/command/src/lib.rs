//! One command, one transaction: state, outbox row, audit row, and the request's idempotency record.
//!
//! - [`Commands::execute`] runs an RPC that changes something. What it is handed is a [`Unit`]; the use case writes its
//!   state through [`Unit::tx`], says what happened with [`Unit::publish`], and names what it touched with
//!   [`Unit::touched`]. Refused or failed, nothing of it stays; that it was refused is audited where every refusal is, by
//!   the permission layer through [`Commands::audits_refusals`].
//! - [`Commands::unit`] opens the same unit inside the transaction of an event's reader or a timer, so that one use case
//!   serves all three; [`Unit::finish`] writes its audit row.
//! - [`Commands::audit_read`] commits the audit row of a read of personal data before the answer leaves (SOP 7).
//! - [`paging`]: opaque keyset page tokens. [`wire`]: times between proto, jiff and the database.
//!
//! No outside call is made inside a transaction: what needs the outside world becomes a work row (`timers::work`).

mod activity;
mod fault;
pub mod paging;
mod request_record;
mod strangers;
mod unit;
pub mod wire;

use std::{sync::Arc, time::Instant};

use access::Caller;
pub use activity::Activity;
use business_time::{BusinessClock, Timestamp};
use database::{BoxFuture, Database, DatabaseTransaction};
use event_log::EventLog;
use evidence::{
    Sealer,
    audit::{AuditEntry, Outcome},
};
pub use fault::Fault;
use keyring::Keyring;
use refusal::Refusal;
pub use request_record::MIGRATIONS;
use strangers::{Strangers, Written};
pub use unit::{Unit, derived_id, new_id};

/// Runs commands on one service's database. Cheap to clone.
#[derive(Clone)]
pub struct Commands {
    inner: Arc<Inner>,
}

struct Inner {
    db: Database,
    clock: Arc<dyn BusinessClock>,
    keyring: Keyring,
    log: EventLog,
    sealer: Sealer,
    strangers: Strangers,
}

/// Who asks for what: the identity of a command.
#[derive(Clone, Debug)]
pub struct Call {
    /// The principal's name.
    pub principal: String,
    /// The RPC, `liaison.escalation.v1.CaseService/OpenCase`.
    pub method: &'static str,
    /// The caller's key for idempotency; empty for none.
    pub request_id: String,
}

impl Call {
    /// The call that a tonic request is.
    pub fn new(caller: &Caller, method: &'static str, request_id: &str) -> Self {
        Self { principal: caller.principal().name().to_owned(), method, request_id: request_id.to_owned() }
    }
}

impl Commands {
    /// Over one service's database, clock, keys, event log and sealer.
    pub fn new(db: Database, clock: Arc<dyn BusinessClock>, keyring: Keyring, log: EventLog, sealer: Sealer) -> Self {
        Self { inner: Arc::new(Inner { db, clock, keyring, log, sealer, strangers: Strangers::default() }) }
    }

    /// The database below.
    pub fn db(&self) -> &Database {
        &self.inner.db
    }

    /// The business clock.
    pub fn clock(&self) -> &Arc<dyn BusinessClock> {
        &self.inner.clock
    }

    /// The service's keys.
    pub fn keyring(&self) -> &Keyring {
        &self.inner.keyring
    }

    /// The business time now.
    pub fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    /// Runs `body` as one command. With a request id, the same body from the same principal gets the first answer again,
    /// and another body is refused with `REQUEST_ID_REUSED`.
    ///
    /// # Errors
    /// What the body refused, told as it is; a fault of ours, logged here and told neutrally.
    pub async fn execute<Q, A, F>(&self, call: &Call, request: &Q, body: F) -> Result<A, Refusal>
    where
        Q: prost::Message,
        A: prost::Message + Default + Send + 'static,
        F: for<'u> Fn(&'u Unit<'u>) -> BoxFuture<'u, Result<A, Fault>> + Send + Sync + 'static,
    {
        let digest = Arc::new(request_record::digest(request));
        let body = Arc::new(body);
        let (this, owned) = (self.clone(), call.clone());
        let outcome = self
            .inner
            .db
            .transaction(move |tx| {
                let (this, call, digest, body) = (this.clone(), owned.clone(), digest.clone(), body.clone());
                Box::pin(async move { this.attempt(tx, &call, &digest, body.as_ref()).await })
            })
            .await;
        self.committed();
        match outcome {
            Ok(answer) => Ok(answer),
            Err(fault) => Err(fault.into_refusal(call.method)),
        }
    }

    async fn attempt<A, F>(&self, tx: &DatabaseTransaction, call: &Call, digest: &[u8], body: &F) -> Result<A, Fault>
    where
        A: prost::Message + Default,
        F: for<'u> Fn(&'u Unit<'u>) -> BoxFuture<'u, Result<A, Fault>> + Send + Sync,
    {
        let keyring = &self.inner.keyring;
        if !call.request_id.is_empty()
            && let Some(answer) = request_record::claim(tx, keyring, call, digest, self.now()).await?
        {
            return A::decode(answer.as_slice()).map_err(Fault::answer);
        }
        let unit = self.unit(tx, &call.principal, call.method);
        let answer = body(&unit).await?;
        unit.finish().await?;
        if !call.request_id.is_empty() {
            request_record::keep(tx, keyring, call, &answer.encode_to_vec()).await?;
        }
        Ok(answer)
    }

    /// A unit of work inside a transaction that somebody else opened: an event's reader, or a timer. `actor` is who it is
    /// done for, `action` what is done.
    pub fn unit<'t>(&self, tx: &'t DatabaseTransaction, actor: &str, action: &str) -> Unit<'t> {
        Unit::new(tx, self.now(), actor, action, self.inner.keyring.clone())
    }

    /// To be called after a transaction that published or audited was committed: wakes relay and sealer, which would
    /// otherwise find it at their next look.
    pub fn committed(&self) {
        self.inner.log.wake();
        self.inner.sealer.wake();
    }

    /// Commits the audit row of a read of personal data. The answer leaves only after it.
    ///
    /// # Errors
    /// The database's, logged: then the read is refused.
    pub async fn audit_read(&self, caller: &Caller, method: &str, resources: Vec<String>) -> Result<(), Refusal> {
        let entry = AuditEntry {
            time: self.now(),
            actor: caller.principal().name().to_owned(),
            action: method.to_owned(),
            resources,
            outcome: Outcome::Read,
            reason: String::new(),
        };
        evidence::audit::insert(self.inner.db.writer(), &entry)
            .await
            .map_err(|error| Fault::from(error).into_refusal(method))?;
        self.inner.sealer.wake();
        Ok(())
    }

    /// For the permission layer: writes an audit row for each refused call before its answer leaves, whichever layer or use
    /// case refused it. A failure is logged: the refusal stands all the same. Callers without a valid token get 60 rows a
    /// minute, all of them together; how many more there were is told in one.
    pub fn audits_refusals(&self) -> access::OnRefused {
        let this = self.clone();
        Arc::new(move |principal, method, reason| {
            let (this, principal, method, reason) =
                (this.clone(), principal.to_owned(), method.to_owned(), reason.to_owned());
            Box::pin(async move {
                if principal == access::layer::UNKNOWN {
                    match this.inner.strangers.refused(Instant::now(), this.now()) {
                        Written::No => return,
                        Written::Row => {}
                        Written::RowAfter { without, since } => {
                            let reason = format!("{without} MORE IN THE MINUTE FROM {since}");
                            this.audit_refusal(&principal, access::layer::UNKNOWN, &reason).await;
                        }
                    }
                }
                this.audit_refusal(&principal, &method, &reason).await;
            })
        })
    }

    /// Writes one such row, for what reaches a use case by another way than the front door.
    pub async fn audit_refusal(&self, principal: &str, method: &str, reason: &str) {
        let entry = AuditEntry {
            time: self.now(),
            actor: principal.to_owned(),
            action: method.to_owned(),
            resources: Vec::new(),
            outcome: Outcome::Refused,
            reason: reason.to_owned(),
        };
        if let Err(error) = evidence::audit::insert(self.inner.db.writer(), &entry).await {
            tracing::error!(error = %error, rpc.method = method, "refusal was not audited");
        }
        self.inner.sealer.wake();
    }
}

//! The registry's gRPC services: checks, call, mapping. One file per service; all are answered by [`Api`].
//!
//! A resource of a client that the caller may not reach answers as if it were not there.

mod access;
mod calendar;
mod client;
mod consent;
mod contact;
mod convert;
mod engagement;
mod plan;
mod policy;
mod staff;

use std::sync::Arc;

use ::access::Caller;
use business_time::SystemClock;
use command::{Commands, Fault, new_id};
use refusal::Refusal;
use tonic::Status;

use crate::{decision::RegistryDecisions, staff::clocks::Bell, store::Store};

/// The full name of a method for idempotency and audit.
macro_rules! method {
    ($method:literal) => {
        concat!("liaison.client_registry.v1.", $method)
    };
}
use method;

/// Answers every service of the registry. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Api {
    pub commands: Commands,
    pub store: Store,
    pub decisions: RegistryDecisions,
    pub system: Arc<dyn SystemClock>,
    pub bell: Bell,
}

impl Api {
    /// Commits the audit row of a read of personal data before the answer leaves; nothing read, nothing written.
    async fn audit_read(&self, caller: &Caller, method: &str, names: Vec<String>) -> Result<(), Status> {
        if names.is_empty() {
            return Ok(());
        }
        Ok(self.commands.audit_read(caller, method, names).await?)
    }
}

/// Demands a permission for a client, given by its id; without it `resource` is not there.
fn reach(caller: &Caller, permission: &str, client: &str, resource: &str) -> Result<(), Refusal> {
    caller.require(permission, &crate::name::client(client)).map_err(|_| Refusal::not_found(resource))
}

/// The id that the caller chose, or a new one.
fn chosen(id: &str) -> String {
    if id.is_empty() { new_id() } else { id.to_owned() }
}

/// A message that the contract requires; the validation layer lets none pass without it.
fn required<T>(field: Option<T>, path: &str) -> Result<T, Refusal> {
    field.ok_or_else(|| Refusal::field("REQUIRED", path, "is required"))
}

/// What went wrong in a read, for the caller.
fn told(method: &'static str) -> impl Fn(Fault) -> Status {
    move |fault| fault.into_refusal(method).into()
}

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use refusal::{Kind, Refusal};
use tonic::Status;

use crate::{Grants, HeldRole, Principal, Role, Scope, ServiceName};

/// Who makes a call and what they may; the permission layer puts it into the request.
#[derive(Clone, Debug)]
pub struct Caller {
    principal: Principal,
    grants: Arc<Grants>,
    /// Set by a denial, so that the layer can ask once whether the answer it had from its cache was too old.
    denied: Arc<AtomicBool>,
}

impl Caller {
    /// A caller with these grants. In a server the permission layer makes it; this is for jobs and tests.
    pub fn new(principal: Principal, grants: Arc<Grants>) -> Self {
        Self { principal, grants, denied: Arc::default() }
    }

    /// One of our own services, for what it does by itself.
    pub fn service(service: ServiceName) -> Self {
        let role = HeldRole { role: Role::Service(service), client: None };
        Self::new(Principal::service(service), Arc::new(Grants::of_roles([role])))
    }

    /// The caller of a request.
    ///
    /// # Errors
    /// INTERNAL where no permission layer stands in front of the server.
    pub fn of<T>(request: &tonic::Request<T>) -> Result<&Self, Status> {
        request.extensions().get::<Self>().ok_or_else(|| {
            tracing::error!("a request reached a handler without passing the permission layer");
            Refusal::internal().into()
        })
    }

    /// Who it is.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// What they may; empty where the method is open to every valid token.
    pub fn grants(&self) -> &Grants {
        &self.grants
    }

    /// Demands a permission for one client, given as `clients/{client}`.
    ///
    /// # Errors
    /// PERMISSION_DENIED, reason NO_PERMISSION.
    pub fn require(&self, permission: &str, client: &str) -> Result<(), Refusal> {
        if self.grants.holds_on(permission, client) { Ok(()) } else { Err(self.deny(permission)) }
    }

    /// As [`Caller::require`], for what the caller must not learn of: the answer is the same as for what is not there.
    ///
    /// # Errors
    /// NOT_FOUND for `resource`.
    pub fn require_or_hide(&self, permission: &str, client: &str, resource: &str) -> Result<(), Refusal> {
        self.require(permission, client).map_err(|_| Refusal::not_found(resource))
    }

    /// Demands a permission for the whole firm.
    ///
    /// # Errors
    /// PERMISSION_DENIED, reason NO_PERMISSION.
    pub fn require_everywhere(&self, permission: &str) -> Result<(), Refusal> {
        if self.grants.holds_everywhere(permission) { Ok(()) } else { Err(self.deny(permission)) }
    }

    /// Whose rows a list may show to this caller.
    pub fn scope(&self, permission: &str) -> Scope {
        self.grants.scope(permission)
    }

    fn deny(&self, permission: &str) -> Refusal {
        self.denied.store(true, Ordering::Relaxed);
        no_permission(permission)
    }

    pub(crate) fn was_denied(&self) -> bool {
        self.denied.load(Ordering::Relaxed)
    }
}

pub(crate) fn no_permission(permission: &str) -> Refusal {
    let sentence = "you do not hold the permission that this call needs here; ask management for the role";
    Refusal::new(Kind::Denied, "NO_PERMISSION", sentence).with("permission", permission)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn a_caller_is_denied_for_a_foreign_client_with_a_reason_that_names_no_client() {
        let grants = Grants::of_roles([HeldRole { role: Role::AccountManager, client: Some("clients/acme".into()) }]);
        let caller = Caller::new(Principal::parse("staff/anna").unwrap(), Arc::new(grants));
        assert!(caller.require("clients.read", "clients/acme").is_ok());
        assert!(!caller.was_denied());
        let refusal = caller.require("clients.read", "clients/other").unwrap_err();
        assert_eq!((refusal.kind, refusal.reason), (Kind::Denied, "NO_PERMISSION"));
        assert_eq!(refusal.metadata, [("permission", "clients.read".to_owned())]);
        assert!(caller.was_denied());
        assert!(caller.require_everywhere("clients.read").is_err());
    }

    #[test]
    fn a_handler_without_the_layer_in_front_answers_internal() {
        assert_eq!(Caller::of(&tonic::Request::new(())).unwrap_err().code(), tonic::Code::Internal);
    }
}

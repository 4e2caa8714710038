//! Who calls, and may they (SOP 7, SOP 9).
//!
//! A call meets these in order:
//!
//! - [`token`]: a bearer JWT becomes a [`Principal`]: [`Verifier`] checks it, [`TrialIssuer`] mints it where a firm tries
//!   the suite out, [`TokenSource`] is what a service sends on its own calls.
//! - [`rules`]: what the method asks for, as its contract declares it. A method that declares nothing is refused.
//! - [`decisions`]: what the principal may, asked of the registry and kept for 30 seconds at most. Services are no people:
//!   what they may stands in [`roles`] and needs nobody's answer.
//! - [`layer`]: puts the above in front of a server, and a [`Caller`] into the request. A stream ends with its token.
//! - [`Caller`]: what a use case asks, once it knows which client the call concerns.
//!
//! A new permission is a word in a contract's `access` option and a row in [`roles`]; a test fails until both are there.

mod caller;
pub mod decisions;
mod expiring;
pub mod grants;
pub mod layer;
pub mod principal;
mod recent;
pub mod remote;
pub mod roles;
pub mod rules;
pub mod token;

pub use caller::Caller;
pub use decisions::{CachedDecisions, DecisionError, Decisions};
pub use grants::{Grants, HeldRole, Scope};
pub use layer::{AccessLayer, OnRefused};
pub use principal::{Principal, PrincipalError, PrincipalKind};
pub use remote::RemoteDecisions;
pub use roles::{Role, ServiceName};
pub use rules::{AccessRule, Reach, Rules, RulesError};
pub use token::{Issuer, TokenError, TokenSource, TrialIssuer, Verified, Verifier};

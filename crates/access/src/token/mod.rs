//! Bearer tokens: JSON Web Tokens (RFC 7519) by issuers whose keys we hold.
//!
//! - [`verifier`]: is it genuine, for us, and valid now?
//! - [`keys`]: the issuers' public keys (JWKS, RFC 7517), read again when they were rotated.
//! - [`revoked`]: tokens that no longer count although they have not expired.
//! - [`trial`]: an issuer of our own, for trials.
//! - [`source`]: the token that a service sends on its own calls.

pub mod keys;
pub mod revoked;
pub mod source;
pub mod trial;
pub mod verifier;

pub use keys::{Issuer, IssuerError, Keys};
pub use source::{TokenSource, TokenSourceError};
pub use trial::{INTERNAL_ISSUER, TRIAL_AUDIENCE, TRIAL_ISSUER, TrialError, TrialIssuer};
pub use verifier::{TokenError, Verified, Verifier};

//! How mail comes in beside the RPC: by LMTP, and from a maildir.

use serde::Deserialize;

/// The LMTP listener.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct LmtpSettings {
    /// Where it listens, as `address:port`; nowhere where this is not told.
    pub listen: Option<String>,
    /// For whom it takes mail: addresses, or all of a domain as `@firm.example`, separated by commas.
    pub recipients: String,
}

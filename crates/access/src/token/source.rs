//! The token that a service sends on its own calls.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use business_time::SystemClock;
use secrecy::{ExposeSecret, SecretString};

use super::trial::{TrialError, TrialIssuer};
use crate::Principal;

/// How long a token of the trial issuer lives, and for how long of that it is sent.
const TRIAL_LIFETIME: Duration = Duration::from_secs(600);
const TRIAL_USE: Duration = Duration::from_secs(540);
/// How long a file's token is sent before the file is read again. Kubernetes writes a new one long before the old one
/// expires.
const FILE_USE: Duration = Duration::from_secs(10);

/// Where a service's own token comes from. Cheap to clone; clones share what they keep.
#[derive(Clone)]
pub struct TokenSource {
    shared: Arc<Shared>,
}

struct Shared {
    origin: Origin,
    kept: Mutex<Option<(SecretString, Instant)>>,
}

enum Origin {
    File(PathBuf, Arc<dyn SystemClock>),
    Trial(Arc<TrialIssuer>, Principal),
    Fixed(SecretString),
}

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum TokenSourceError {
    /// The file.
    #[error("the token's file cannot be read: {0}")]
    File(#[from] std::io::Error),
    /// There is nothing in it.
    #[error("the token's file is empty")]
    Empty,
    /// The trial issuer.
    #[error(transparent)]
    Trial(#[from] TrialError),
}

impl std::fmt::Debug for TokenSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.shared.origin {
            Origin::File(path, _) => f.debug_tuple("TokenSource::File").field(path).finish(),
            Origin::Trial(_, subject) => f.debug_tuple("TokenSource::Trial").field(subject).finish(),
            Origin::Fixed(_) => f.write_str("TokenSource::Fixed"),
        }
    }
}

impl TokenSource {
    /// A file that somebody else keeps fresh, such as a Kubernetes service account's; read again every ten seconds.
    pub fn file(path: impl Into<PathBuf>, clock: Arc<dyn SystemClock>) -> Self {
        Self::of(Origin::File(path.into(), clock))
    }

    /// The trial issuer, in the name of `subject`.
    pub fn trial(issuer: Arc<TrialIssuer>, subject: Principal) -> Self {
        Self::of(Origin::Trial(issuer, subject))
    }

    /// This token, for good; for command-line tools and tests.
    pub fn fixed(token: impl Into<SecretString>) -> Self {
        Self::of(Origin::Fixed(token.into()))
    }

    fn of(origin: Origin) -> Self {
        Self { shared: Arc::new(Shared { origin, kept: Mutex::new(None) }) }
    }

    /// A token that is valid now.
    ///
    /// # Errors
    /// Where none can be had.
    pub fn token(&self) -> Result<SecretString, TokenSourceError> {
        let (clock, usable) = match &self.shared.origin {
            Origin::Fixed(token) => return Ok(token.clone()),
            Origin::File(_, clock) => (clock, FILE_USE),
            Origin::Trial(issuer, _) => (issuer.clock(), TRIAL_USE),
        };
        let now = clock.monotonic();
        let mut kept = self.shared.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((token, since)) = &*kept
            && now.saturating_duration_since(*since) < usable
        {
            return Ok(token.clone());
        }
        let token = SecretString::from(self.make()?);
        if token.expose_secret().is_empty() {
            return Err(TokenSourceError::Empty);
        }
        *kept = Some((token.clone(), now));
        Ok(token)
    }

    fn make(&self) -> Result<String, TokenSourceError> {
        match &self.shared.origin {
            Origin::File(path, _) => Ok(std::fs::read_to_string(path)?.trim().to_owned()),
            Origin::Trial(issuer, subject) => Ok(issuer.mint(subject, TRIAL_LIFETIME)?),
            Origin::Fixed(token) => Ok(token.expose_secret().to_owned()),
        }
    }
}

//! Issuers and their public keys.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};

use jsonwebtoken::{
    Algorithm, AlgorithmFamily, DecodingKey,
    jwk::{JwkSet, PublicKeyUse},
};
use serde::Deserialize;

use crate::PrincipalKind;

/// One who may issue tokens to us.
#[derive(Clone, Debug)]
pub struct Issuer {
    /// The token's `iss`, compared byte by byte.
    pub issuer: String,
    /// What the token's `aud` must name.
    pub audience: String,
    /// The algorithms that this issuer signs with; a token of another is refused. HMAC is never allowed.
    pub algorithms: Vec<Algorithm>,
    /// Its public keys.
    pub keys: Keys,
    /// Of whom it may speak: an issuer for the firm's people cannot make itself a service.
    pub speaks_for: Vec<PrincipalKind>,
}

/// Where an issuer's public keys are.
#[derive(Clone, Debug)]
pub enum Keys {
    /// A JWKS file, read again when a token names a key that it did not hold and the file has changed.
    File(PathBuf),
    /// These, for good.
    Set(JwkSet),
}

/// An issuer as a configuration file gives it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssuerSettings {
    /// See [`Issuer::issuer`].
    pub issuer: String,
    /// See [`Issuer::audience`].
    pub audience: String,
    /// For example `["RS256"]`.
    pub algorithms: Vec<Algorithm>,
    /// The JWKS file.
    pub jwks: PathBuf,
    /// Everybody, unless told.
    #[serde(default = "everybody")]
    pub speaks_for: Vec<PrincipalKind>,
}

/// Staff, contacts and services.
pub fn everybody() -> Vec<PrincipalKind> {
    vec![PrincipalKind::Staff, PrincipalKind::Contact, PrincipalKind::Service]
}

impl From<IssuerSettings> for Issuer {
    fn from(settings: IssuerSettings) -> Self {
        Self {
            issuer: settings.issuer,
            audience: settings.audience,
            algorithms: settings.algorithms,
            keys: Keys::File(settings.jwks),
            speaks_for: settings.speaks_for,
        }
    }
}

/// An issuer that cannot be trusted as it is configured.
#[derive(Debug, thiserror::Error)]
pub enum IssuerError {
    /// No issuer at all, or the same twice.
    #[error("each issuer stands once, and there is at least one")]
    NotOnce,
    /// No algorithm, or one that signs with a shared secret.
    #[error("{0}: name the algorithms it signs with; HMAC is not allowed")]
    Algorithms(String),
    /// Keys that cannot be read.
    #[error("{issuer}: its keys cannot be read: {fault}")]
    Keys {
        /// Whose.
        issuer: String,
        /// Why not.
        fault: String,
    },
    /// A list of revoked tokens that cannot be read.
    #[error("the list of revoked tokens cannot be read: {0}")]
    Revoked(#[source] std::io::Error),
}

/// A public key and what it may be used for.
pub(crate) struct Key {
    decoding: DecodingKey,
    algorithm: Option<Algorithm>,
}

impl Key {
    /// The key, if a token of this algorithm may be checked by it.
    pub(crate) fn fits(&self, algorithm: Algorithm) -> Option<&DecodingKey> {
        let fits =
            self.decoding.family() == algorithm.family() && self.algorithm.is_none_or(|declared| declared == algorithm);
        fits.then_some(&self.decoding)
    }
}

/// An issuer with its keys at hand.
pub(crate) struct KnownIssuer {
    pub(crate) issuer: Issuer,
    keys: Mutex<Loaded>,
}

#[derive(Default)]
struct Loaded {
    by_id: HashMap<String, Arc<Key>>,
    stamp: Option<Stamp>,
}

/// What tells that a file was changed.
pub(crate) type Stamp = (SystemTime, u64);

pub(crate) fn stamp(file: &Path) -> std::io::Result<Stamp> {
    let data = std::fs::metadata(file)?;
    Ok((data.modified()?, data.len()))
}

impl KnownIssuer {
    pub(crate) fn try_new(issuer: Issuer) -> Result<Self, IssuerError> {
        let secret = |algorithm: &Algorithm| algorithm.family() == AlgorithmFamily::Hmac;
        if issuer.algorithms.is_empty() || issuer.algorithms.iter().any(secret) {
            return Err(IssuerError::Algorithms(issuer.issuer));
        }
        let wrong = |fault| IssuerError::Keys { issuer: issuer.issuer.clone(), fault };
        let loaded = match &issuer.keys {
            Keys::Set(set) => Loaded { by_id: usable(set), stamp: None },
            Keys::File(file) => read(file).map_err(wrong)?,
        };
        if loaded.by_id.is_empty() {
            return Err(wrong("there is no key that could check a signature".into()));
        }
        Ok(Self { issuer, keys: Mutex::new(loaded) })
    }

    /// The key of this id. An unknown one has the file read again if it changed, so that a rotation needs no restart and
    /// a flood of made-up ids costs no more than looking at the file's date.
    pub(crate) fn key(&self, id: &str) -> Option<Arc<Key>> {
        let mut loaded = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = loaded.by_id.get(id) {
            return Some(key.clone());
        }
        let Keys::File(file) = &self.issuer.keys else { return None };
        if stamp(file).ok() == loaded.stamp {
            return None;
        }
        match read(file) {
            Ok(read) if !read.by_id.is_empty() => *loaded = read,
            Ok(_) => {
                tracing::error!(issuer = self.issuer.issuer, "the issuer's file holds no key; keeping the old ones")
            }
            Err(fault) => tracing::error!(issuer = self.issuer.issuer, fault, "the issuer's keys cannot be read"),
        }
        loaded.by_id.get(id).cloned()
    }
}

fn read(file: &Path) -> Result<Loaded, String> {
    // The stamp first: a change in between is read again, never missed.
    let stamp = stamp(file).map_err(|error| error.to_string())?;
    let text = std::fs::read(file).map_err(|error| error.to_string())?;
    let set: JwkSet = serde_json::from_slice(&text).map_err(|error| error.to_string())?;
    Ok(Loaded { by_id: usable(&set), stamp: Some(stamp) })
}

/// The set's keys for signatures. A key without an id cannot be named by a token; a shared secret is no public key.
fn usable(set: &JwkSet) -> HashMap<String, Arc<Key>> {
    let signs = |usage: &Option<PublicKeyUse>| usage.as_ref().is_none_or(|usage| *usage == PublicKeyUse::Signature);
    let mut by_id = HashMap::new();
    for jwk in set.keys.iter().filter(|jwk| signs(&jwk.common.public_key_use)) {
        let (Some(id), Ok(decoding)) = (&jwk.common.key_id, DecodingKey::from_jwk(jwk)) else { continue };
        if decoding.family() == AlgorithmFamily::Hmac {
            continue;
        }
        let algorithm = match &jwk.common.key_algorithm {
            None => None,
            Some(declared) => match declared.to_string().parse() {
                Ok(algorithm) => Some(algorithm),
                Err(_) => continue,
            },
        };
        by_id.insert(id.clone(), Arc::new(Key { decoding, algorithm }));
    }
    by_id
}

//! An issuer of our own, so that a firm can try the suite before it connects its own. Off unless asked for. Of the same
//! kind is the one by which the services of one process name themselves to each other.

use std::{
    fs, io,
    io::Write,
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::Path,
    sync::Arc,
    time::Duration,
};

use aws_lc_rs::{
    digest::{SHA256, digest},
    rand,
    signature::{Ed25519KeyPair, KeyPair},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use business_time::SystemClock;
use jsonwebtoken::{
    Algorithm, EncodingKey, Header, encode,
    jwk::{
        AlgorithmParameters, CommonParameters, EllipticCurve, Jwk, JwkSet, KeyAlgorithm, OctetKeyPairParameters,
        OctetKeyPairType, PublicKeyUse,
    },
};
use serde::Serialize;

use super::keys::{Issuer, Keys, everybody};
use crate::{Principal, PrincipalKind};

/// The trial issuer's `iss`.
pub const TRIAL_ISSUER: &str = "liaison-trial";
/// The `aud` of its tokens.
pub const TRIAL_AUDIENCE: &str = "liaison";
/// The `iss` of [`TrialIssuer::internal`].
pub const INTERNAL_ISSUER: &str = "liaison-internal";
/// Its key, in the data folder: an Ed25519 key as PKCS #8.
pub const KEY_FILE: &str = "trial-issuer.key";

/// Mints tokens for anybody, signed with a key of its own (Ed25519).
pub struct TrialIssuer {
    name: &'static str,
    speaks_for: Vec<PrincipalKind>,
    key: EncodingKey,
    id: String,
    public: Vec<u8>,
    clock: Arc<dyn SystemClock>,
}

/// Why the trial issuer cannot be had, or cannot mint.
#[derive(Debug, thiserror::Error)]
pub enum TrialError {
    /// The key's file.
    #[error("the trial issuer's key: {0}")]
    File(#[from] io::Error),
    /// Others may read the key.
    #[error("the trial issuer's key {0} may be read by others: set its mode to 0600")]
    Open(String),
    /// What is in the file, or our random source.
    #[error("the trial issuer's key is none")]
    Key,
    /// A lifetime beyond the end of time.
    #[error("a token cannot live that long")]
    Lifetime,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    aud: &'a str,
    sub: &'a str,
    iat: i64,
    nbf: i64,
    exp: i64,
    jti: String,
}

impl std::fmt::Debug for TrialIssuer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TrialIssuer").field("id", &self.id).finish_non_exhaustive()
    }
}

impl TrialIssuer {
    /// The issuer whose key lies in `folder`; it is made on first use, readable by this user only.
    ///
    /// # Errors
    /// Where the key can be neither read nor made, or others may read it.
    pub fn open(folder: &Path, clock: Arc<dyn SystemClock>) -> Result<Self, TrialError> {
        let path = folder.join(KEY_FILE);
        let document = match fs::read(&path) {
            Ok(document) => document,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                fs::create_dir_all(folder)?;
                write_once(folder, &path)?;
                fs::read(&path)?
            }
            Err(error) => return Err(error.into()),
        };
        if fs::metadata(&path)?.permissions().mode() & 0o077 != 0 {
            return Err(TrialError::Open(path.display().to_string()));
        }
        Self::of_key(&document, clock)
    }

    /// For the calls that the services of one process make to each other, where no one else gives them tokens: its key
    /// lives as long as the process, and it speaks for services alone.
    ///
    /// # Errors
    /// Where there is no randomness.
    pub fn internal(clock: Arc<dyn SystemClock>) -> Result<Self, TrialError> {
        let issuer = Self::passing(clock)?;
        Ok(Self { name: INTERNAL_ISSUER, speaks_for: vec![PrincipalKind::Service], ..issuer })
    }

    /// An issuer with a key that nobody keeps, for tests.
    ///
    /// # Errors
    /// Where there is no randomness.
    pub fn passing(clock: Arc<dyn SystemClock>) -> Result<Self, TrialError> {
        let document = Ed25519KeyPair::generate_pkcs8(&rand::SystemRandom::new()).map_err(|_| TrialError::Key)?;
        Self::of_key(document.as_ref(), clock)
    }

    fn of_key(document: &[u8], clock: Arc<dyn SystemClock>) -> Result<Self, TrialError> {
        let pair = Ed25519KeyPair::from_pkcs8(document).map_err(|_| TrialError::Key)?;
        let public = pair.public_key().as_ref().to_vec();
        let id = hex::encode(&digest(&SHA256, &public).as_ref()[..8]);
        let key = EncodingKey::from_ed_der(document);
        Ok(Self { name: TRIAL_ISSUER, speaks_for: everybody(), key, id, public, clock })
    }

    /// Its public key.
    pub fn jwks(&self) -> JwkSet {
        let common = CommonParameters {
            public_key_use: Some(PublicKeyUse::Signature),
            key_algorithm: Some(KeyAlgorithm::EdDSA),
            key_id: Some(self.id.clone()),
            ..CommonParameters::default()
        };
        let algorithm = AlgorithmParameters::OctetKeyPair(OctetKeyPairParameters {
            key_type: OctetKeyPairType::OctetKeyPair,
            curve: EllipticCurve::Ed25519,
            x: URL_SAFE_NO_PAD.encode(&self.public),
        });
        JwkSet { keys: vec![Jwk { common, algorithm }] }
    }

    /// Writes [`TrialIssuer::jwks`] to a file, for services in other processes. A reader never sees half of it.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn publish(&self, file: &Path) -> Result<(), TrialError> {
        let text = serde_json::to_vec_pretty(&self.jwks()).map_err(io::Error::other)?;
        let part = file.with_extension(format!("part-{}", std::process::id()));
        fs::write(&part, text)?;
        Ok(fs::rename(&part, file)?)
    }

    /// How a verifier knows it.
    pub fn as_issuer(&self) -> Issuer {
        Issuer {
            issuer: self.name.into(),
            audience: TRIAL_AUDIENCE.into(),
            algorithms: vec![Algorithm::EdDSA],
            keys: Keys::Set(self.jwks()),
            speaks_for: self.speaks_for.clone(),
        }
    }

    /// A token for `subject` that lives for `ttl`, counted from now by the system clock.
    ///
    /// # Errors
    /// Where it would live beyond the end of time.
    pub fn mint(&self, subject: &Principal, ttl: Duration) -> Result<String, TrialError> {
        let now = self.clock.now().as_second();
        let ttl = i64::try_from(ttl.as_secs()).map_err(|_| TrialError::Lifetime)?;
        let mut id = [0; 16];
        rand::fill(&mut id).map_err(|_| TrialError::Key)?;
        let claims = Claims {
            iss: self.name,
            aud: TRIAL_AUDIENCE,
            sub: subject.name(),
            iat: now,
            nbf: now,
            exp: now.checked_add(ttl).ok_or(TrialError::Lifetime)?,
            jti: hex::encode(id),
        };
        let header = Header { kid: Some(self.id.clone()), ..Header::new(Algorithm::EdDSA) };
        encode(&header, &claims, &self.key).map_err(|_| TrialError::Key)
    }

    pub(crate) fn clock(&self) -> &Arc<dyn SystemClock> {
        &self.clock
    }
}

/// Two processes may start at once: each writes a key of its own, and the first to give it its name wins.
fn write_once(folder: &Path, path: &Path) -> Result<(), TrialError> {
    let document = Ed25519KeyPair::generate_pkcs8(&rand::SystemRandom::new()).map_err(|_| TrialError::Key)?;
    let mut salt = [0; 8];
    rand::fill(&mut salt).map_err(|_| TrialError::Key)?;
    let part = folder.join(format!("{KEY_FILE}.{}", hex::encode(salt)));
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&part)?;
    file.write_all(document.as_ref())?;
    file.sync_all()?;
    let linked = fs::hard_link(&part, path);
    fs::remove_file(&part)?;
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error.into()),
        _ => Ok(()),
    }
}

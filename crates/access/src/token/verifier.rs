//! Is a token genuine, for us, and valid now?

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use aws_lc_rs::digest::{SHA256, digest};
use business_time::{SystemClock, Timestamp};
use jsonwebtoken::{Validation, dangerous::insecure_decode_claims, decode, decode_header, errors::ErrorKind};
use refusal::{Kind, Refusal};
use serde::Deserialize;

use super::{
    keys::{Issuer, IssuerError, KnownIssuer},
    revoked::Revoked,
};
use crate::{Principal, recent::Recent};

/// What a token proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Its subject.
    pub principal: Principal,
    /// Who issued it.
    pub issuer: String,
    /// Its `jti`, where it has one.
    pub id: Option<String>,
    /// From when it counts no more.
    pub expire_time: Timestamp,
    /// From when it counts.
    not_before: Timestamp,
}

/// Why a token does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// No token at all, a forged, revoked or early one, of a foreign key, algorithm or subject.
    #[error("the token is not valid")]
    Bad,
    /// It was valid once.
    #[error("the token has expired")]
    Expired,
    /// It is meant for somebody else.
    #[error("the token is for another audience")]
    WrongAudience,
    /// We do not know whoever issued it.
    #[error("the token's issuer is not known here")]
    UnknownIssuer,
}

impl From<TokenError> for Refusal {
    fn from(error: TokenError) -> Self {
        let reason = match error {
            TokenError::Bad => "BAD_TOKEN",
            TokenError::Expired => "TOKEN_EXPIRED",
            TokenError::WrongAudience => "WRONG_AUDIENCE",
            TokenError::UnknownIssuer => "UNKNOWN_ISSUER",
        };
        Refusal::new(Kind::Unauthenticated, reason, error.to_string())
    }
}

/// Longer than any token that an issuer gives.
const LONGEST_TOKEN: usize = 16 * 1024;

/// By how much an issuer's clock may be ahead of ours, in seconds; so a token just issued counts.
const AHEAD_SECONDS: i64 = 5;

const BOUND: usize = 10_000;

/// Checks tokens. One that passed is kept by its hash until it expires, since a signature costs more than all the rest
/// of a call's edge.
pub struct Verifier {
    issuers: HashMap<String, KnownIssuer>,
    revoked: Option<Revoked>,
    clock: Arc<dyn SystemClock>,
    passed: Mutex<Recent<[u8; 32], Arc<Verified>>>,
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Verifier").field("issuers", &self.issuers.keys()).finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct Peek {
    iss: String,
}

/// Times may have fractions (RFC 7519, NumericDate).
#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    exp: f64,
    #[serde(default)]
    nbf: Option<f64>,
    #[serde(default)]
    jti: Option<String>,
}

impl Verifier {
    /// A verifier of tokens by these issuers.
    ///
    /// # Errors
    /// Where an issuer is there twice, pins no algorithm or has no usable key.
    pub fn try_new(
        issuers: impl IntoIterator<Item = Issuer>,
        clock: Arc<dyn SystemClock>,
    ) -> Result<Self, IssuerError> {
        let mut known = HashMap::new();
        for issuer in issuers {
            let name = issuer.issuer.clone();
            if known.insert(name, KnownIssuer::try_new(issuer)?).is_some() {
                return Err(IssuerError::NotOnce);
            }
        }
        if known.is_empty() {
            return Err(IssuerError::NotOnce);
        }
        Ok(Self { issuers: known, revoked: None, clock, passed: Mutex::new(Recent::new(BOUND)) })
    }

    /// Honours a list of revoked tokens: a file with one `jti` per line, read again within a second of its change.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub fn with_revoked(mut self, file: PathBuf) -> Result<Self, IssuerError> {
        self.revoked = Some(Revoked::open(file, self.clock.clone()).map_err(IssuerError::Revoked)?);
        Ok(self)
    }

    /// Checks a token.
    ///
    /// # Errors
    /// Why it does not count.
    pub fn verify(&self, token: &str) -> Result<Arc<Verified>, TokenError> {
        if token.is_empty() || token.len() > LONGEST_TOKEN {
            return Err(TokenError::Bad);
        }
        let hash = hash(token);
        let known = self.passed.lock().unwrap_or_else(PoisonError::into_inner).get(&hash);
        let verified = match known {
            Some(verified) => verified,
            None => Arc::new(self.prove(token)?),
        };
        self.counts_now(&verified)?;
        self.passed.lock().unwrap_or_else(PoisonError::into_inner).insert(hash, verified.clone());
        Ok(verified)
    }

    /// What does not change while the token lives: signature, issuer, audience, subject.
    fn prove(&self, token: &str) -> Result<Verified, TokenError> {
        let header = decode_header(token).map_err(|_| TokenError::Bad)?;
        let peek: Peek = insecure_decode_claims(token).map_err(|_| TokenError::Bad)?;
        let known = self.issuers.get(&peek.iss).ok_or(TokenError::UnknownIssuer)?;
        let issuer = &known.issuer;
        // A header that must be understood is not: we understand none beyond RFC 7515's own (its section 4.1.11).
        if header.crit.is_some() || !issuer.algorithms.contains(&header.alg) {
            return Err(TokenError::Bad);
        }
        let key = header.kid.as_deref().and_then(|id| known.key(id)).ok_or(TokenError::Bad)?;
        let key = key.fits(header.alg).ok_or(TokenError::Bad)?;

        // Times are checked by our own clock, below.
        let mut validation = Validation::new(header.alg);
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation.set_audience(&[&issuer.audience]);
        validation.set_issuer(&[&issuer.issuer]);
        validation.set_required_spec_claims(&["exp", "sub", "iss", "aud"]);
        let claims = decode::<Claims>(token, key, &validation).map_err(|error| match error.kind() {
            ErrorKind::InvalidAudience => TokenError::WrongAudience,
            _ => TokenError::Bad,
        })?;
        let claims = claims.claims;
        let principal = Principal::parse(&claims.sub).map_err(|_| TokenError::Bad)?;
        if claims.iss != issuer.issuer || !issuer.speaks_for.contains(&principal.kind()) {
            return Err(TokenError::Bad);
        }
        Ok(Verified {
            principal,
            issuer: claims.iss,
            id: claims.jti,
            expire_time: time(claims.exp)?,
            not_before: claims.nbf.map_or(Ok(Timestamp::MIN), time)?,
        })
    }

    /// How long it is until then; nothing where it has passed.
    pub(crate) fn left_until(&self, time: Timestamp) -> Duration {
        Duration::try_from(time.duration_since(self.clock.now())).unwrap_or_default()
    }

    fn counts_now(&self, verified: &Verified) -> Result<(), TokenError> {
        let now = self.clock.now();
        if now >= verified.expire_time {
            return Err(TokenError::Expired);
        }
        if now.as_second().saturating_add(AHEAD_SECONDS) < verified.not_before.as_second() {
            return Err(TokenError::Bad);
        }
        if let (Some(revoked), Some(id)) = (&self.revoked, &verified.id)
            && revoked.contains(id)
        {
            return Err(TokenError::Bad);
        }
        Ok(())
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a cast from float saturates, and the time is checked")]
fn time(seconds: f64) -> Result<Timestamp, TokenError> {
    if !seconds.is_finite() {
        return Err(TokenError::Bad);
    }
    Timestamp::from_millisecond((seconds * 1000.0) as i64).map_err(|_| TokenError::Bad)
}

fn hash(token: &str) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
    hash
}

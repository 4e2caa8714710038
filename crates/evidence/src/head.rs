//! What is signed, and the key that signs.
//!
//! A signed head says where every chain ended and what the folder held. It is obtained apart from the folder, with the
//! key's public part; then whoever recomputes every hash is found, since only the key could have signed another head.
//! The signature (Ed25519) is over an encoding of the fields, not over the JSON text, so that the file may be
//! reformatted.

use std::{collections::BTreeMap, fmt, io::ErrorKind, path::Path, str::FromStr};

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use base64::{Engine, engine::general_purpose::STANDARD};
use business_time::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{
    hash::{Encoder, Hash, Head},
    private_file,
    timeline_file::{FileError, write_json},
};

const FORMAT: u32 = 1;
const PEM_BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const PEM_END: &str = "-----END PRIVATE KEY-----";

/// The evidence key. Lives in a file of its own, outside every database; is never printed.
pub struct SigningKey(Ed25519KeyPair);

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The file could not be read or made, or may be read by others.
    #[error("evidence key file: {0}")]
    File(#[from] std::io::Error),
    /// It is no Ed25519 key in this form.
    #[error("an evidence key is an Ed25519 key in PKCS#8, in a file as PEM")]
    Form,
    /// The library refused; memory or randomness is exhausted.
    #[error("the cryptographic library failed")]
    Crypto,
}

impl SigningKey {
    /// A new random key.
    ///
    /// # Errors
    /// [`KeyError::Crypto`] where the system gives no randomness.
    pub fn generate() -> Result<Self, KeyError> {
        Ed25519KeyPair::generate().map(Self).map_err(|_| KeyError::Crypto)
    }

    /// From its 32-byte seed.
    ///
    /// # Errors
    /// [`KeyError::Form`] where it is not 32 bytes.
    pub fn from_seed(seed: &[u8]) -> Result<Self, KeyError> {
        Ed25519KeyPair::from_seed_unchecked(seed).map(Self).map_err(|_| KeyError::Form)
    }

    /// From PKCS#8 DER, with or without the public key in it.
    ///
    /// # Errors
    /// [`KeyError::Form`] where it is anything else.
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, KeyError> {
        Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).map(Self).map_err(|_| KeyError::Form)
    }

    /// PKCS#8 v1 DER, as other tools read it. It holds the secret.
    ///
    /// # Errors
    /// [`KeyError::Crypto`] alone.
    pub fn to_pkcs8(&self) -> Result<Vec<u8>, KeyError> {
        self.0.to_pkcs8v1().map(|der| der.as_ref().to_vec()).map_err(|_| KeyError::Crypto)
    }

    /// Reads a PEM file.
    ///
    /// # Errors
    /// Where the file cannot be read, may be read by everybody, or holds something else.
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        let text = private_file::read(path)?;
        let body =
            text.trim().strip_prefix(PEM_BEGIN).and_then(|rest| rest.strip_suffix(PEM_END)).ok_or(KeyError::Form)?;
        let body: String = body.split_whitespace().collect();
        Self::from_pkcs8(&STANDARD.decode(body).map_err(|_| KeyError::Form)?)
    }

    /// Writes a new PEM file that its owner alone may read (mode 600).
    ///
    /// # Errors
    /// Where the file exists or cannot be made.
    pub fn write(&self, path: &Path) -> Result<(), KeyError> {
        let body = STANDARD.encode(self.to_pkcs8()?);
        Ok(private_file::write_new(path, format!("{PEM_BEGIN}\n{body}\n{PEM_END}\n").as_bytes())?)
    }

    /// The file's key, or where there is none a new one, which is written there first.
    ///
    /// # Errors
    /// As [`SigningKey::read`].
    pub fn read_or_generate(path: &Path) -> Result<Self, KeyError> {
        if path.try_exists()? {
            return Self::read(path);
        }
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let new = Self::generate()?;
        match new.write(path) {
            Ok(()) => Ok(new),
            Err(KeyError::File(error)) if error.kind() == ErrorKind::AlreadyExists => Self::read(path),
            Err(error) => Err(error),
        }
    }

    /// The part that verifiers get.
    pub fn public_key(&self) -> PublicKey {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(self.0.public_key().as_ref());
        PublicKey(bytes)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("public_key", &self.public_key()).finish_non_exhaustive()
    }
}

/// The public part of an evidence key; 64 lower-case hex digits in text and JSON.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

impl FromStr for PublicKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| KeyError::Form)?;
        Ok(Self(bytes))
    }
}

impl Serialize for PublicKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PublicKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|_| de::Error::custom("a public key is 64 hex digits"))
    }
}

/// What a head states, before it is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// When it was made, by the business clock.
    pub made_time: Timestamp,
    /// It comes from a simulated business clock and proves nothing about real conduct.
    pub trial: bool,
    /// [`crate::Manifest::root`] of the folder.
    pub manifest: Hash,
    /// Each service's audit: rows and the last block's hash.
    pub audits: BTreeMap<String, Head>,
    /// How many timelines the folder holds.
    pub timelines: u64,
}

/// A statement and its signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedHead {
    /// Version of this form.
    pub format: u32,
    /// When it was made, by the business clock.
    pub made_time: Timestamp,
    /// It comes from a simulated business clock and proves nothing about real conduct.
    pub trial: bool,
    /// The root of the folder's manifest.
    pub manifest: Hash,
    /// Each service's audit: rows and the last block's hash.
    pub audits: BTreeMap<String, Head>,
    /// How many timelines the folder holds.
    pub timelines: u64,
    /// Whose signature it is.
    pub public_key: PublicKey,
    /// 128 hex digits.
    pub signature: String,
}

/// Why a head is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HeadError {
    /// A later release wrote it.
    #[error("head: format {0} is not known to this release")]
    Format(u32),
    /// The signature is not of these fields by this key.
    #[error("head: the signature does not fit: a field was altered, or another key signed")]
    Signature,
    /// It was signed by another key than the one that is trusted.
    #[error("head: signed by {found}, not by the trusted key {trusted}")]
    Key {
        /// The key in the head.
        found: PublicKey,
        /// The key that is trusted.
        trusted: PublicKey,
    },
}

impl SignedHead {
    /// Signs a statement.
    pub fn sign(statement: Statement, key: &SigningKey) -> Self {
        let Statement { made_time, trial, manifest, audits, timelines } = statement;
        let public_key = key.public_key();
        let mut head = Self {
            format: FORMAT,
            made_time,
            trial,
            manifest,
            audits,
            timelines,
            public_key,
            signature: String::new(),
        };
        head.signature = hex::encode(key.0.sign(&head.signed_bytes()));
        head
    }

    /// Checks the signature under the key that the head itself names. That is proof only where the head reached the
    /// verifier apart from the folder.
    ///
    /// # Errors
    /// Where it does not hold.
    pub fn verify(&self) -> Result<(), HeadError> {
        if self.format != FORMAT {
            return Err(HeadError::Format(self.format));
        }
        let signature = hex::decode(&self.signature).map_err(|_| HeadError::Signature)?;
        UnparsedPublicKey::new(&ED25519, &self.public_key.0)
            .verify(&self.signed_bytes(), &signature)
            .map_err(|_| HeadError::Signature)
    }

    /// As [`SignedHead::verify`], and the key must be the one that is trusted.
    ///
    /// # Errors
    /// Where it does not hold, or another key signed.
    pub fn verify_by(&self, trusted: &PublicKey) -> Result<(), HeadError> {
        if self.public_key != *trusted {
            return Err(HeadError::Key { found: self.public_key, trusted: *trusted });
        }
        self.verify()
    }

    /// Reads one; it is not verified yet.
    ///
    /// # Errors
    /// Where it cannot be read or is in another form.
    pub fn read(path: &Path) -> Result<Self, FileError> {
        Ok(serde_json::from_slice(&std::fs::read(path)?)?)
    }

    /// Writes it as indented JSON.
    ///
    /// # Errors
    /// The file system's.
    pub fn write(&self, path: &Path) -> Result<(), FileError> {
        write_json(path, self)
    }

    fn signed_bytes(&self) -> Vec<u8> {
        let mut encoder = Encoder::new("liaison signed head 1");
        encoder.number(self.format.into());
        encoder.bytes(&self.made_time.as_nanosecond().to_be_bytes());
        encoder.number(self.trial.into()).hash(&self.manifest).number(self.audits.len() as u64);
        for (service, head) in &self.audits {
            encoder.text(service).number(head.count).hash(&head.hash);
        }
        encoder.number(self.timelines).bytes(&self.public_key.0);
        encoder.encoded().to_vec()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    fn statement() -> Statement {
        Statement {
            made_time: "2026-11-24T08:00:00.000001Z".parse().unwrap(),
            trial: true,
            manifest: Hash([1; 32]),
            audits: BTreeMap::from([
                ("escalation".to_owned(), Head { count: 7, hash: Hash([2; 32]) }),
                ("notification".to_owned(), Head::EMPTY),
            ]),
            timelines: 3,
        }
    }

    #[test]
    fn a_signed_head_verifies_after_it_was_written_and_read() {
        let folder = tempfile::tempdir().unwrap();
        let key = SigningKey::generate().unwrap();
        let head = SignedHead::sign(statement(), &key);
        let path = folder.path().join("head.json");
        head.write(&path).unwrap();
        let read = SignedHead::read(&path).unwrap();
        assert_eq!(read, head);
        assert_eq!(read.verify_by(&key.public_key()), Ok(()));
        // The JSON text may be laid out otherwise.
        let compact: SignedHead = serde_json::from_str(&serde_json::to_string(&read).unwrap()).unwrap();
        assert_eq!(compact.verify(), Ok(()));
    }

    #[test]
    fn every_field_of_a_head_is_signed() {
        let changes: [fn(&mut SignedHead); 9] = [
            |head| head.made_time = Timestamp::UNIX_EPOCH,
            |head| head.trial = false,
            |head| head.manifest.0[0] ^= 1,
            |head| head.timelines += 1,
            |head| head.audits.values_mut().for_each(|head| head.count += 1),
            |head| head.audits.values_mut().for_each(|head| head.hash.0[0] ^= 1),
            |head| drop(head.audits.pop_last()),
            |head| {
                head.audits.insert("registry".to_owned(), Head::EMPTY);
            },
            |head| head.public_key = SigningKey::from_seed(&[9; 32]).unwrap().public_key(),
        ];
        for change in changes {
            let mut head = SignedHead::sign(statement(), &SigningKey::from_seed(&[8; 32]).unwrap());
            assert_eq!(head.verify(), Ok(()));
            change(&mut head);
            assert_eq!(head.verify(), Err(HeadError::Signature));
        }
        let mut head = SignedHead::sign(statement(), &SigningKey::from_seed(&[8; 32]).unwrap());
        head.format = 2;
        assert_eq!(head.verify(), Err(HeadError::Format(2)));
        head.format = FORMAT;
        for signature in ["", "zz", &"00".repeat(64), &head.signature.clone()[2..]] {
            signature.clone_into(&mut head.signature);
            assert_eq!(head.verify(), Err(HeadError::Signature));
        }
    }

    #[test]
    fn a_head_signed_by_another_key_is_not_believed() {
        let (trusted, other) = (SigningKey::generate().unwrap(), SigningKey::generate().unwrap());
        let forged = SignedHead::sign(statement(), &other);
        assert_eq!(forged.verify(), Ok(()), "it agrees with its own key");
        assert!(matches!(forged.verify_by(&trusted.public_key()), Err(HeadError::Key { .. })));
        let renamed = SignedHead { public_key: trusted.public_key(), ..forged };
        assert_eq!(renamed.verify_by(&trusted.public_key()), Err(HeadError::Signature));
    }

    #[test]
    fn a_field_that_nobody_signed_is_refused() {
        let head = SignedHead::sign(statement(), &SigningKey::generate().unwrap());
        let mut json = serde_json::to_value(&head).unwrap();
        json["note"] = "all is well".into();
        assert!(serde_json::from_value::<SignedHead>(json).is_err());
    }

    #[test]
    fn a_key_keeps_to_its_file_and_is_never_printed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys/evidence.pem");
        let made = SigningKey::read_or_generate(&path).unwrap();
        let read = SigningKey::read_or_generate(&path).unwrap();
        assert_eq!(made.public_key(), read.public_key());
        assert!(SigningKey::generate().unwrap().write(&path).is_err(), "a key file is never overwritten");
        let secret = hex::encode(&made.to_pkcs8().unwrap()[16..]);
        assert!(!format!("{made:?}").contains(&secret));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o604)).unwrap();
            assert!(matches!(SigningKey::read(&path), Err(KeyError::File(_))));
        }
    }

    #[test]
    fn a_file_that_is_no_key_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        for (at, text) in ["", PEM_BEGIN, &format!("{PEM_BEGIN}\nAAAA\n{PEM_END}"), "no key"].iter().enumerate() {
            let path = folder.path().join(at.to_string());
            private_file::write_new(&path, text.as_bytes()).unwrap();
            assert!(matches!(SigningKey::read(&path), Err(KeyError::Form)), "{text}");
        }
        assert!(SigningKey::from_seed(&[1; 31]).is_err());
        assert!(SigningKey::from_pkcs8(&[1; 48]).is_err());
    }
}

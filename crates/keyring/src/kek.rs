//! The key-encryption key: 32 bytes from outside the database, of which nothing is used directly. Three values are
//! derived from it (HKDF-SHA256): the key that wraps data keys, the key of the blind index, and a fingerprint by which a
//! wrong key is told from a damaged one.

use std::{
    fmt,
    fs::{self, File, OpenOptions},
    io::{ErrorKind, Write},
    path::Path,
};

use aws_lc_rs::{hkdf, hmac, rand};
use base64::{Engine, engine::general_purpose::STANDARD};
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use crate::{Owner, Purpose, Result, data_key};

/// Bytes in a key-encryption key and in a data key.
pub const KEY_LENGTH: usize = 32;

/// The key-encryption key of one service. Its `Debug` shows the fingerprint alone.
pub struct Kek {
    secret: Zeroizing<[u8; KEY_LENGTH]>,
    wrap: Zeroizing<[u8; KEY_LENGTH]>,
    blind: hmac::Key,
    fingerprint: String,
}

/// Why there is no key-encryption key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KekError {
    /// The file could not be read or made.
    #[error("key-encryption key file: {0}")]
    File(#[from] std::io::Error),
    /// Everybody on the machine may read the file.
    #[error("key-encryption key file may be read by others: its mode is {mode:03o}, make it 600")]
    Exposed {
        /// The file's permission bits.
        mode: u32,
    },
    /// The text is not the base64 form of 32 bytes.
    #[error("a key-encryption key is the base64 form of 32 bytes")]
    Form,
    /// The library refused; memory or randomness is exhausted.
    #[error("the cryptographic library failed")]
    Crypto,
}

impl Kek {
    /// A new random key.
    ///
    /// # Errors
    /// [`KekError::Crypto`] where the system gives no randomness.
    pub fn generate() -> Result<Self, KekError> {
        let mut secret = Zeroizing::new([0; KEY_LENGTH]);
        rand::fill(&mut *secret).map_err(|_| KekError::Crypto)?;
        Self::derive(secret)
    }

    /// From its base64 text, as an environment variable or a mounted secret carries it.
    ///
    /// # Errors
    /// [`KekError::Form`] where the text is anything but 32 bytes in base64.
    pub fn from_base64(text: &SecretString) -> Result<Self, KekError> {
        let text = text.expose_secret().trim();
        let bytes = Zeroizing::new(STANDARD.decode(text).map_err(|_| KekError::Form)?);
        let mut secret = Zeroizing::new([0; KEY_LENGTH]);
        if bytes.len() != KEY_LENGTH {
            return Err(KekError::Form);
        }
        secret.copy_from_slice(&bytes);
        Self::derive(secret)
    }

    /// From a file that holds the base64 text.
    ///
    /// # Errors
    /// Where the file cannot be read, may be read by everybody, or holds something else.
    pub fn from_file(path: &Path) -> Result<Self, KekError> {
        let file = File::open(path)?;
        refuse_exposed(&file)?;
        Self::from_base64(&SecretString::from(std::io::read_to_string(file)?))
    }

    /// From the file, or where there is none a new key, which is written there first. Two processes that start at once
    /// end with the same key.
    ///
    /// # Errors
    /// As [`Kek::from_file`].
    pub fn from_file_or_generate(path: &Path) -> Result<Self, KekError> {
        if path.try_exists()? {
            return Self::from_file(path);
        }
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let new = Self::generate()?;
        match new.write(path) {
            Ok(()) => Ok(new),
            Err(KekError::File(error)) if error.kind() == ErrorKind::AlreadyExists => Self::from_file(path),
            Err(error) => Err(error),
        }
    }

    /// Writes the base64 text to a new file that its owner alone may read (mode 600). It appears with its content or not
    /// at all.
    ///
    /// # Errors
    /// Where the file exists or cannot be made.
    pub fn write(&self, path: &Path) -> Result<(), KekError> {
        let mut draft = path.as_os_str().to_owned();
        draft.push(format!(".{}.new", uuid::Uuid::now_v7()));
        let draft = Path::new(&draft);
        let written = self.write_draft(draft).and_then(|()| fs::hard_link(draft, path));
        let removed = fs::remove_file(draft);
        written?;
        Ok(removed?)
    }

    fn write_draft(&self, path: &Path) -> std::io::Result<()> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path)?;
        let text = Zeroizing::new(STANDARD.encode(self.secret.as_slice()));
        file.write_all(text.as_bytes())?;
        file.write_all(b"\n")?;
        file.sync_all()
    }

    /// The base64 text, for handing the key to another process.
    pub fn to_base64(&self) -> SecretString {
        SecretString::from(STANDARD.encode(self.secret.as_slice()))
    }

    /// Which key this is: 16 hex digits that give nothing of it away.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    fn derive(secret: Zeroizing<[u8; KEY_LENGTH]>) -> Result<Self, KekError> {
        let root = hkdf::Salt::new(hkdf::HKDF_SHA256, b"liaison keyring v1").extract(&*secret);
        let derive = |label: &[u8]| -> Result<Zeroizing<[u8; KEY_LENGTH]>, KekError> {
            let mut out = Zeroizing::new([0; KEY_LENGTH]);
            root.expand(&[label], hkdf::HKDF_SHA256)
                .and_then(|okm| okm.fill(&mut *out))
                .map_err(|_| KekError::Crypto)?;
            Ok(out)
        };
        let wrap = derive(b"wrap data keys")?;
        let blind = hmac::Key::new(hmac::HMAC_SHA256, &*derive(b"blind index")?);
        let fingerprint = hex::encode(&derive(b"fingerprint")?[..8]);
        Ok(Self { secret, wrap, blind, fingerprint })
    }

    /// A data key's bytes under this key, bound to owner, purpose and key id.
    pub(crate) fn wrap(&self, id: &str, owner: &Owner, purpose: Purpose, key: &[u8; KEY_LENGTH]) -> Result<Vec<u8>> {
        data_key::seal(&self.wrap, &wrap_context(id, owner, purpose), &[], key)
    }

    /// What [`Kek::wrap`] wrapped; `None` where it was altered or moved.
    pub(crate) fn unwrap(
        &self,
        id: &str,
        owner: &Owner,
        purpose: Purpose,
        wrapped: &[u8],
    ) -> Option<Zeroizing<[u8; KEY_LENGTH]>> {
        let bytes = Zeroizing::new(data_key::open(&self.wrap, &wrap_context(id, owner, purpose), wrapped)?);
        let mut key = Zeroizing::new([0; KEY_LENGTH]);
        if bytes.len() != KEY_LENGTH {
            return None;
        }
        key.copy_from_slice(&bytes);
        Some(key)
    }

    /// HMAC-SHA256 of a kind and a value, lower-case hex.
    pub(crate) fn blind_index(&self, kind: &str, value: &str) -> String {
        hex::encode(hmac::sign(&self.blind, &data_key::context("blind index", &[kind, value])))
    }
}

fn wrap_context(id: &str, owner: &Owner, purpose: Purpose) -> Vec<u8> {
    data_key::context("wrapped key", &[id, owner.as_str(), purpose.as_str()])
}

impl fmt::Debug for Kek {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kek").field("fingerprint", &self.fingerprint).finish_non_exhaustive()
    }
}

#[cfg(unix)]
fn refuse_exposed(file: &File) -> Result<(), KekError> {
    use std::os::unix::fs::PermissionsExt;
    let mode = file.metadata()?.permissions().mode() & 0o777;
    // A mounted secret is often readable by the pod's group, which is fine.
    if mode & 0o007 != 0 { Err(KekError::Exposed { mode }) } else { Ok(()) }
}

#[cfg(not(unix))]
fn refuse_exposed(_: &File) -> Result<(), KekError> {
    Ok(())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn a_key_written_to_a_file_comes_back_and_only_its_owner_may_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys/kek");
        let made = Kek::from_file_or_generate(&path).unwrap();
        let read = Kek::from_file_or_generate(&path).unwrap();
        assert_eq!(made.fingerprint(), read.fingerprint());
        assert_eq!(made.to_base64().expose_secret(), read.to_base64().expose_secret());
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "no draft stays behind");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
            assert!(matches!(Kek::from_file(&path), Err(KekError::Exposed { mode: 0o644 })));
        }
    }

    #[test]
    fn a_key_file_is_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kek");
        let first = Kek::generate().unwrap();
        first.write(&path).unwrap();
        assert!(Kek::generate().unwrap().write(&path).is_err());
        assert_eq!(Kek::from_file(&path).unwrap().fingerprint(), first.fingerprint());
    }

    #[test]
    fn a_text_that_is_no_key_is_refused() {
        for text in ["", "short", "AAAA", "not base64 at all!", &STANDARD.encode([0; 31]), &STANDARD.encode([0; 33])] {
            assert!(matches!(Kek::from_base64(&SecretString::from(text)), Err(KekError::Form)), "{text}");
        }
        assert!(Kek::from_base64(&SecretString::from(format!(" {}\n", STANDARD.encode([7; 32])))).is_ok());
    }

    #[test]
    fn a_blind_index_depends_on_kind_value_and_key_and_splits_unambiguously() {
        let (one, other) = (Kek::generate().unwrap(), Kek::generate().unwrap());
        let index = one.blind_index("email", "anna@acme.example");
        assert_eq!(index.len(), 64);
        assert_eq!(index, one.blind_index("email", "anna@acme.example"));
        assert_ne!(index, one.blind_index("phone", "anna@acme.example"));
        assert_ne!(index, other.blind_index("email", "anna@acme.example"));
        assert_ne!(one.blind_index("ab", "c"), one.blind_index("a", "bc"));
    }

    #[test]
    fn a_key_shows_nothing_of_itself_when_printed() {
        let kek = Kek::generate().unwrap();
        let text = format!("{kek:?}");
        assert_eq!(text, format!("Kek {{ fingerprint: \"{}\", .. }}", kek.fingerprint()));
        assert!(!text.contains(kek.to_base64().expose_secret()));
        assert!(!text.contains(&hex::encode(&kek.secret[..8])));
    }
}

//! One unwrapped key and what it does to a value.
//!
//! Stored form, version 1: `01 | key id (16 bytes) | nonce (12) | ciphertext | tag (16)`, AES-256-GCM. The additional
//! data is the length-prefixed sequence of version, key id, owner, purpose, table, column and row, so that bytes copied
//! anywhere else are refused.

use std::{fmt, sync::Arc};

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    rand,
};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{Error, Owner, Place, Purpose, Result, kek::KEY_LENGTH};

const VERSION: u8 = 1;
const ID_LENGTH: usize = 16;

/// An owner's key, unwrapped. Cheap to clone; the bytes are wiped when the last clone goes. Keep it no longer than the
/// transaction it was asked for.
#[derive(Clone)]
pub struct DataKey(Arc<Inner>);

struct Inner {
    id: Uuid,
    owner: Owner,
    purpose: Purpose,
    bytes: Zeroizing<[u8; KEY_LENGTH]>,
}

impl DataKey {
    pub(crate) fn new(id: Uuid, owner: Owner, purpose: Purpose, bytes: Zeroizing<[u8; KEY_LENGTH]>) -> Self {
        Self(Arc::new(Inner { id, owner, purpose, bytes }))
    }

    /// Which key this is.
    pub fn id(&self) -> Uuid {
        self.0.id
    }

    /// Whose key.
    pub fn owner(&self) -> &Owner {
        &self.0.owner
    }

    /// Which of the owner's keys.
    pub fn purpose(&self) -> Purpose {
        self.0.purpose
    }

    /// Encrypts a value for one place.
    ///
    /// # Errors
    /// [`Error::Crypto`] alone.
    pub fn encrypt(&self, place: Place<'_>, plaintext: &[u8]) -> Result<Vec<u8>> {
        let mut head = Vec::with_capacity(1 + ID_LENGTH);
        head.push(VERSION);
        head.extend_from_slice(self.0.id.as_bytes());
        seal(&self.0.bytes, &self.context(place), &head, plaintext)
    }

    /// Decrypts what [`DataKey::encrypt`] gave for the same place.
    ///
    /// # Errors
    /// [`Error::Refused`] where the bytes were altered or belong elsewhere, [`Error::Malformed`] where they are of no
    /// known form.
    pub fn decrypt(&self, place: Place<'_>, stored: &[u8]) -> Result<Vec<u8>> {
        let refused = || Error::Refused { owner: self.0.owner.clone(), place: place.to_string() };
        if key_id(stored)? != self.0.id {
            return Err(refused());
        }
        open(&self.0.bytes, &self.context(place), &stored[1 + ID_LENGTH..]).ok_or_else(refused)
    }

    fn context(&self, place: Place<'_>) -> Vec<u8> {
        let id = self.0.id.to_string();
        let parts = [&id, self.0.owner.as_str(), self.0.purpose.as_str(), place.table, place.column, place.row];
        context("column 1", &parts)
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DataKey")
            .field("id", &self.0.id)
            .field("owner", &self.0.owner)
            .field("purpose", &self.0.purpose)
            .finish_non_exhaustive()
    }
}

/// The key that stored bytes name.
pub(crate) fn key_id(stored: &[u8]) -> Result<Uuid> {
    match stored.split_first() {
        None => Err(Error::Malformed("empty")),
        Some((&VERSION, rest)) => {
            let id = rest.first_chunk::<ID_LENGTH>().ok_or(Error::Malformed("cut off"))?;
            Ok(Uuid::from_bytes(*id))
        }
        Some(_) => Err(Error::Malformed("unknown version")),
    }
}

/// An unambiguous byte string of a domain and its parts: each with its length in front.
pub(crate) fn context(domain: &str, parts: &[&str]) -> Vec<u8> {
    let mut out = Vec::with_capacity(64);
    for part in std::iter::once(&domain).chain(parts) {
        out.extend_from_slice(&(part.len() as u64).to_be_bytes());
        out.extend_from_slice(part.as_bytes());
    }
    out
}

/// `head | nonce | ciphertext | tag`.
pub(crate) fn seal(key: &[u8; KEY_LENGTH], context: &[u8], head: &[u8], plaintext: &[u8]) -> Result<Vec<u8>> {
    let mut nonce = [0; NONCE_LEN];
    rand::fill(&mut nonce).map_err(|_| Error::Crypto)?;
    let start = head.len() + NONCE_LEN;
    let mut out = Vec::with_capacity(start + plaintext.len() + AES_256_GCM.tag_len());
    out.extend_from_slice(head);
    out.extend_from_slice(&nonce);
    out.extend_from_slice(plaintext);
    let tag = cipher(key)?
        .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(context), &mut out[start..])
        .map_err(|_| Error::Crypto)?;
    out.extend_from_slice(tag.as_ref());
    Ok(out)
}

/// The plaintext of `nonce | ciphertext | tag`; `None` where it does not belong to this key and context.
pub(crate) fn open(key: &[u8; KEY_LENGTH], context: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    let (nonce, sealed) = sealed.split_first_chunk::<NONCE_LEN>()?;
    let mut out = sealed.to_vec();
    let nonce = Nonce::assume_unique_for_key(*nonce);
    let length = cipher(key).ok()?.open_in_place(nonce, Aad::from(context), &mut out).ok()?.len();
    out.truncate(length);
    Some(out)
}

// Made anew for each value: the library wipes its key schedule when it is dropped, so nothing outlives the 60 s.
fn cipher(key: &[u8; KEY_LENGTH]) -> Result<LessSafeKey> {
    Ok(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).map_err(|_| Error::Crypto)?))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    const PLACE: Place<'_> = Place::new("contact", "email", "1");

    fn key(owner: &str, purpose: Purpose, bytes: u8) -> DataKey {
        DataKey::new(Uuid::from_u128(7), Owner::from(owner), purpose, Zeroizing::new([bytes; KEY_LENGTH]))
    }

    #[test]
    fn a_value_comes_back_from_its_own_place_and_never_twice_as_the_same_bytes() {
        let key = key("clients/acme", Purpose::Erasable, 1);
        for plaintext in [&b""[..], b"a", &[9; 10_000]] {
            let (one, two) = (key.encrypt(PLACE, plaintext).unwrap(), key.encrypt(PLACE, plaintext).unwrap());
            assert_ne!(one, two);
            assert_eq!(key.decrypt(PLACE, &one).unwrap(), plaintext);
            assert_eq!(key.decrypt(PLACE, &two).unwrap(), plaintext);
        }
    }

    #[test]
    fn a_value_moved_to_another_row_column_table_owner_or_purpose_is_refused() {
        let home = key("clients/acme", Purpose::Erasable, 1);
        let stored = home.encrypt(PLACE, b"anna").unwrap();
        for place in [
            Place { row: "2", ..PLACE },
            Place { column: "phone", ..PLACE },
            Place { table: "staff", ..PLACE },
            Place::new("contac", "temail", "1"),
        ] {
            assert!(matches!(home.decrypt(place, &stored), Err(Error::Refused { .. })), "{place}");
        }
        // The same key bytes and id under another name, which only the additional data can tell apart.
        for other in [key("clients/bolt", Purpose::Erasable, 1), key("clients/acme", Purpose::Retained, 1)] {
            assert!(matches!(other.decrypt(PLACE, &stored), Err(Error::Refused { .. })), "{other:?}");
        }
        let other_key = key("clients/acme", Purpose::Erasable, 2);
        assert!(matches!(other_key.decrypt(PLACE, &stored), Err(Error::Refused { .. })));
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_refused() {
        let key = key("clients/acme", Purpose::Erasable, 1);
        let stored = key.encrypt(PLACE, b"anna").unwrap();
        for at in 0..stored.len() * 8 {
            let mut altered = stored.clone();
            altered[at / 8] ^= 1 << (at % 8);
            assert!(key.decrypt(PLACE, &altered).is_err(), "bit {at}");
        }
        for length in 0..stored.len() {
            assert!(key.decrypt(PLACE, &stored[..length]).is_err(), "length {length}");
        }
        let mut longer = stored;
        longer.push(0);
        assert!(key.decrypt(PLACE, &longer).is_err());
    }

    #[test]
    fn a_key_shows_nothing_of_itself_when_printed() {
        let text = format!("{:?}", key("clients/acme", Purpose::Erasable, 0xab));
        assert!(text.starts_with("DataKey {") && text.contains("clients/acme"), "{text}");
        assert!(!text.contains("171") && !text.contains("abab"), "{text}");
    }
}

//! What services use.

use std::{fmt, sync::Arc};

use business_time::{SystemClock, Timestamp};
use database::{ConnectionTrait, Database, instant};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{
    DataKey, Error, Kek, Owner, Place, Purpose, Result,
    cache::Cache,
    data_key,
    kek::KEY_LENGTH,
    repo::{self, Stored},
};

/// A service's keys. Cheap to clone.
///
/// Everything that is handed a transaction uses that alone, so that SQLite's one writer never waits for itself.
#[derive(Clone)]
pub struct Keyring {
    kek: Arc<Kek>,
    db: Database,
    clock: Arc<dyn SystemClock>,
    cache: Cache,
}

/// Why and until when an owner's retained key outlives an erasure (SOP 7): what law requires to keep is kept and named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retention {
    /// For example `HGB section 257`; empty until somebody named it.
    pub legal_basis: String,
    /// From then on the key may be destroyed; none until somebody named it.
    pub until: Option<Timestamp>,
    /// The key was destroyed.
    pub ended: bool,
}

impl Keyring {
    /// The keyring of one service's database.
    pub fn new(kek: Kek, db: Database, clock: Arc<dyn SystemClock>) -> Self {
        let cache = Cache::new(clock.clone());
        Self { kek: Arc::new(kek), db, clock, cache }
    }

    /// Whether the key-encryption key is the one that this database was made with; for the start of a process.
    ///
    /// # Errors
    /// [`Error::WrongKek`] where it is not.
    pub async fn check(&self) -> Result<()> {
        if let Some((owner, purpose, stored)) = repo::find_any(self.db.reader()).await? {
            let purpose = [Purpose::Erasable, Purpose::Retained]
                .into_iter()
                .find(|known| known.as_str() == purpose)
                .ok_or(Error::Malformed("unknown purpose of a key"))?;
            self.unwrap(&owner, purpose, stored)?;
        }
        Ok(())
    }

    /// The owner's key, made on first use inside the caller's transaction. Two transactions that use it first at the
    /// same time get the same key.
    ///
    /// # Errors
    /// [`Error::Erased`] where it was destroyed: a late event makes no new key. The same for a retained key asked for
    /// first after the owner's erasure.
    pub async fn key<C: ConnectionTrait>(&self, tx: &C, owner: &Owner, purpose: Purpose) -> Result<DataKey> {
        if let Some(stored) = repo::find(tx, owner, purpose).await? {
            return self.unwrap(owner, purpose, stored);
        }
        // The erasable row first, whichever is asked for: it is the owner's lock against an erasure at the same time.
        let erasable = self.make(tx, owner, Purpose::Erasable).await?;
        match purpose {
            Purpose::Erasable => Ok(erasable),
            Purpose::Retained => self.make(tx, owner, Purpose::Retained).await,
        }
    }

    /// The owner's key where there is one; makes none.
    ///
    /// # Errors
    /// [`Error::Erased`] where it was destroyed, [`Error::NoKey`] where there never was one.
    pub async fn existing_key<C: ConnectionTrait>(&self, conn: &C, owner: &Owner, purpose: Purpose) -> Result<DataKey> {
        match repo::find(conn, owner, purpose).await? {
            Some(stored) => self.unwrap(owner, purpose, stored),
            None => Err(Error::NoKey { owner: owner.clone(), purpose }),
        }
    }

    /// Encrypts a value for one place.
    ///
    /// # Errors
    /// [`Error::Crypto`] alone.
    pub fn encrypt(&self, key: &DataKey, place: Place<'_>, plaintext: &[u8]) -> Result<Vec<u8>> {
        key.encrypt(place, plaintext)
    }

    /// Decrypts what was encrypted for the same place under the same key.
    ///
    /// # Errors
    /// [`Error::Refused`] where the bytes were altered or belong elsewhere.
    pub fn decrypt(&self, key: &DataKey, place: Place<'_>, stored: &[u8]) -> Result<Vec<u8>> {
        key.decrypt(place, stored)
    }

    /// As [`Keyring::encrypt`], for text.
    ///
    /// # Errors
    /// As [`Keyring::encrypt`].
    pub fn encrypt_text(&self, key: &DataKey, place: Place<'_>, text: &str) -> Result<Vec<u8>> {
        key.encrypt(place, text.as_bytes())
    }

    /// As [`Keyring::decrypt`], for text.
    ///
    /// # Errors
    /// As [`Keyring::decrypt`], and [`Error::Malformed`] where it is no text.
    pub fn decrypt_text(&self, key: &DataKey, place: Place<'_>, stored: &[u8]) -> Result<String> {
        text(key.decrypt(place, stored)?)
    }

    /// Text under the owner's key, which is made on first use.
    ///
    /// # Errors
    /// As [`Keyring::key`].
    pub async fn seal<C: ConnectionTrait>(
        &self,
        tx: &C,
        owner: &Owner,
        purpose: Purpose,
        place: Place<'_>,
        text: &str,
    ) -> Result<Vec<u8>> {
        self.seal_bytes(tx, owner, purpose, place, text.as_bytes()).await
    }

    /// As [`Keyring::seal`], for bytes.
    ///
    /// # Errors
    /// As [`Keyring::key`].
    pub async fn seal_bytes<C: ConnectionTrait>(
        &self,
        tx: &C,
        owner: &Owner,
        purpose: Purpose,
        place: Place<'_>,
        plaintext: &[u8],
    ) -> Result<Vec<u8>> {
        self.key(tx, owner, purpose).await?.encrypt(place, plaintext)
    }

    /// The text that [`Keyring::seal`] sealed. Works on a transaction and on a reader. Asks the database only where the
    /// key is not in memory, so a key that another process destroyed still opens here for up to 60 s.
    ///
    /// # Errors
    /// [`Error::Erased`] where the key was destroyed, [`Error::Refused`] where the bytes were altered or belong
    /// elsewhere.
    pub async fn open<C: ConnectionTrait>(
        &self,
        conn: &C,
        owner: &Owner,
        purpose: Purpose,
        place: Place<'_>,
        stored: &[u8],
    ) -> Result<String> {
        text(self.open_bytes(conn, owner, purpose, place, stored).await?)
    }

    /// As [`Keyring::open`], for bytes.
    ///
    /// # Errors
    /// As [`Keyring::open`].
    pub async fn open_bytes<C: ConnectionTrait>(
        &self,
        conn: &C,
        owner: &Owner,
        purpose: Purpose,
        place: Place<'_>,
        stored: &[u8],
    ) -> Result<Vec<u8>> {
        let named = self.cache.get(data_key::key_id(stored)?);
        let key = match named.filter(|key| key.owner() == owner && key.purpose() == purpose) {
            Some(key) => key,
            None => self.existing_key(conn, owner, purpose).await?,
        };
        key.decrypt(place, stored)
    }

    /// What stands in a column to find an encrypted value by: HMAC-SHA256 under a key derived from the key-encryption
    /// key, 64 hex digits. The caller normalises the value first (case, spaces), and clears the column on erasure.
    pub fn blind_index(&self, kind: &str, value: &str) -> String {
        self.kek.blind_index(kind, value)
    }

    /// Destroys the owner's erasable key for good and leaves a tombstone, also where there was no key yet (SOP 7). The
    /// retained key, where there is one, stays until its end; see [`Keyring::retention`]. Doing it again changes
    /// nothing.
    ///
    /// # Errors
    /// The database's.
    pub async fn erase<C: ConnectionTrait>(&self, tx: &C, owner: &Owner) -> Result<()> {
        repo::destroy(tx, owner, Purpose::Erasable, self.clock.now()).await?;
        self.cache.drop_key(owner, Purpose::Erasable);
        Ok(())
    }

    /// Names why and until when the owner's retained key is kept; makes the key where there is none.
    ///
    /// # Errors
    /// As [`Keyring::key`].
    pub async fn retain<C: ConnectionTrait>(
        &self,
        tx: &C,
        owner: &Owner,
        legal_basis: &str,
        until: Timestamp,
    ) -> Result<()> {
        self.key(tx, owner, Purpose::Retained).await?;
        Ok(repo::set_retention(tx, owner, legal_basis, until).await?)
    }

    /// What is kept of an owner beyond an erasure; none where the owner has no retained key.
    ///
    /// # Errors
    /// The database's.
    pub async fn retention<C: ConnectionTrait>(&self, conn: &C, owner: &Owner) -> Result<Option<Retention>> {
        let Some(stored) = repo::find_retention(conn, owner).await? else { return Ok(None) };
        Ok(Some(Retention {
            legal_basis: stored.legal_basis.unwrap_or_default(),
            until: stored.until.map(instant).transpose()?,
            ended: stored.destroyed,
        }))
    }

    /// Destroys up to `limit` retained keys whose end is not after `now`, and tells whose.
    ///
    /// # Errors
    /// The database's.
    pub async fn end_retentions<C: ConnectionTrait>(&self, tx: &C, now: Timestamp, limit: u32) -> Result<Vec<Owner>> {
        let owners = repo::list_ended(tx, now, limit).await?;
        for owner in &owners {
            repo::destroy(tx, owner, Purpose::Retained, now).await?;
            self.cache.drop_key(owner, Purpose::Retained);
        }
        Ok(owners)
    }

    /// How many unwrapped keys are in memory.
    pub fn keys_in_memory(&self) -> usize {
        self.cache.len()
    }

    /// Makes a key unless another transaction did, and gives whichever there is then.
    async fn make<C: ConnectionTrait>(&self, tx: &C, owner: &Owner, purpose: Purpose) -> Result<DataKey> {
        let mut bytes = Zeroizing::new([0; KEY_LENGTH]);
        aws_lc_rs::rand::fill(&mut *bytes).map_err(|_| Error::Crypto)?;
        let key_id = Uuid::now_v7().to_string();
        let wrapped = self.kek.wrap(&key_id, owner, purpose, &bytes)?;
        let new = Stored { key_id, wrapped: Some(wrapped), kek: self.kek.fingerprint().to_owned() };
        repo::insert_if_absent(tx, owner, purpose, new, self.clock.now()).await?;
        match repo::find_shared(tx, owner, purpose).await? {
            Some(stored) => self.unwrap(owner, purpose, stored),
            None => Err(Error::NoKey { owner: owner.clone(), purpose }),
        }
    }

    /// The key of a row. The row was read in this call, so it is the transaction's own view that decides whether there
    /// is a key; memory only saves the unwrapping.
    fn unwrap(&self, owner: &Owner, purpose: Purpose, stored: Stored) -> Result<DataKey> {
        let Some(wrapped) = stored.wrapped else {
            return Err(Error::Erased { owner: owner.clone(), purpose });
        };
        if stored.kek != self.kek.fingerprint() {
            return Err(Error::WrongKek {
                owner: owner.clone(),
                purpose,
                wrapped_by: stored.kek,
                given: self.kek.fingerprint().to_owned(),
            });
        }
        let altered = || Error::AlteredKey { owner: owner.clone(), purpose };
        let id = Uuid::parse_str(&stored.key_id).map_err(|_| altered())?;
        if let Some(key) = self.cache.get(id).filter(|key| key.owner() == owner && key.purpose() == purpose) {
            return Ok(key);
        }
        let bytes = self.kek.unwrap(&stored.key_id, owner, purpose, &wrapped).ok_or_else(altered)?;
        let key = DataKey::new(id, owner.clone(), purpose, bytes);
        self.cache.put(&key);
        Ok(key)
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyring").field("kek", &self.kek).finish_non_exhaustive()
    }
}

fn text(bytes: Vec<u8>) -> Result<String> {
    String::from_utf8(bytes).map_err(|_| Error::Malformed("no text"))
}

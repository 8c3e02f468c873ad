//! The vault: a data key per owner, wrapped by the master key; AES-256-GCM throughout.
//!
//! A destroyed owner's row stays without its key, so nothing can be sealed for it again and what was
//! sealed is gone for good. Unwrapped keys are kept in memory for a short while; on PostgreSQL another
//! node may still open with a destroyed key for at most [`KEPT`].

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use quick_cache::sync::Cache;
use reef_commands::ports::{Sealed, Vault, VaultError, VaultOwner};
use reef_domain::VaultRef;
use ring::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    rand::{SecureRandom, SystemRandom},
};
use zeroize::Zeroizing;

use crate::{
    Store,
    error::StoreError,
    sql::{DbError, Statement, Value},
};

/// How long an unwrapped data key is used without asking the database again.
const KEPT: Duration = Duration::from_secs(5);
/// Unwrapped data keys kept.
const KEYS: usize = 10_000;

type Key = Zeroizing<[u8; 32]>;

/// The keys of one open store.
pub(crate) struct Keys {
    master: Key,
    open: Cache<String, (Arc<Key>, Instant)>,
    /// Held while a key is fetched or destroyed, so that a destroyed one cannot come back into `open`.
    turn: tokio::sync::Mutex<()>,
    random: SystemRandom,
}

impl From<DbError> for VaultError {
    fn from(error: DbError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

fn cipher(key: &Key) -> Result<LessSafeKey, VaultError> {
    UnboundKey::new(&AES_256_GCM, &key[..])
        .map(LessSafeKey::new)
        .map_err(|_| VaultError::Unopenable)
}

/// Nonce, ciphertext and tag.
fn encrypt(random: &SystemRandom, key: &Key, aad: &[u8], plain: &[u8]) -> Result<Vec<u8>, VaultError> {
    let mut nonce = [0; NONCE_LEN];
    random
        .fill(&mut nonce)
        .map_err(|_| VaultError::Unavailable("no randomness".to_owned()))?;
    let mut text = Zeroizing::new(plain.to_vec());
    let tag = cipher(key)?
        .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(aad), &mut text)
        .map_err(|_| VaultError::Unopenable)?;
    Ok([&nonce[..], &text, tag.as_ref()].concat())
}

fn decrypt(key: &Key, aad: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, VaultError> {
    let (nonce, text) = sealed
        .split_first_chunk::<NONCE_LEN>()
        .ok_or(VaultError::Unopenable)?;
    let mut text = Zeroizing::new(text.to_vec());
    let length = cipher(key)?
        .open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(aad), &mut text)
        .map_err(|_| VaultError::Unopenable)?
        .len();
    text.truncate(length);
    Ok(text)
}

/// The owner is authenticated with the purpose; its length keeps the two apart.
fn aad(owner: &VaultOwner, purpose: &str) -> Vec<u8> {
    [
        &(owner.0.len() as u64).to_be_bytes()[..],
        owner.0.as_bytes(),
        purpose.as_bytes(),
    ]
    .concat()
}

fn wrap_aad(owner: &VaultOwner) -> Vec<u8> {
    aad(owner, "reef data key")
}

impl Keys {
    pub(crate) fn new(master: Key) -> Self {
        Self {
            master,
            open: Cache::new(KEYS),
            turn: tokio::sync::Mutex::default(),
            random: SystemRandom::new(),
        }
    }

    fn known(&self, owner: &VaultOwner) -> Option<Arc<Key>> {
        let (key, since) = self.open.get(&owner.0)?;
        (since.elapsed() < KEPT).then_some(key)
    }

    fn unwrap_key(&self, owner: &VaultOwner, wrapped: &[u8]) -> Result<Key, VaultError> {
        let plain = decrypt(&self.master, &wrap_aad(owner), wrapped)?;
        let bytes: [u8; 32] = plain.as_slice().try_into().map_err(|_| VaultError::Unopenable)?;
        Ok(Zeroizing::new(bytes))
    }
}

const CHECK_TEXT: &[u8] = b"this is the right master key";

impl Store {
    /// Compares the master key with the one that the database was made with; the first open sets it.
    pub(crate) async fn check_master_key(&self) -> Result<(), StoreError> {
        let keys = &self.0.keys;
        let unusable = |error: VaultError| StoreError::Unavailable(error.to_string());
        let fresh = encrypt(&keys.random, &keys.master, b"reef master key", CHECK_TEXT).map_err(unusable)?;
        let read = || Statement::new("SELECT value FROM meta WHERE name = 'master_key_check'", vec![]);
        let mut rows = self.0.db.fetch(read()).await?;
        if rows.is_empty() && !self.0.read_only {
            let insert = "INSERT INTO meta (name, value) VALUES ('master_key_check', $1) ON CONFLICT (name) DO NOTHING";
            self.0.db.write_one(insert, vec![fresh.into()]).await?;
            rows = self.0.db.fetch(read()).await?;
        }
        let Some(row) = rows.first_mut() else {
            return Ok(());
        };
        decrypt(&keys.master, b"reef master key", &row.bytes(0)).map_err(|_| StoreError::MasterKey)?;
        Ok(())
    }

    /// Whether a backup's row of `meta` fits this store.
    pub(crate) fn check_meta(&self, values: &[Value]) -> Result<(), StoreError> {
        if let [Value::Text(Some(name)), Value::Bytes(Some(check))] = values
            && name == "master_key_check"
        {
            decrypt(&self.0.keys.master, b"reef master key", check).map_err(|_| StoreError::MasterKey)?;
        }
        Ok(())
    }

    /// The owner's data key; `None`: there is none yet.
    async fn data_key(&self, owner: &VaultOwner) -> Result<Option<Arc<Key>>, VaultError> {
        if let Some(key) = self.0.keys.known(owner) {
            return Ok(Some(key));
        }
        let turn = self.0.keys.turn.lock().await;
        let key = self.fetch_key(owner).await;
        drop(turn);
        key
    }

    async fn fetch_key(&self, owner: &VaultOwner) -> Result<Option<Arc<Key>>, VaultError> {
        let sql = "SELECT wrapped FROM data_keys WHERE owner = $1";
        let since = Instant::now();
        let mut rows = self
            .0
            .db
            .fetch(Statement::new(sql, vec![owner.0.as_str().into()]))
            .await?;
        let Some(row) = rows.first_mut() else {
            return Ok(None);
        };
        let wrapped = row.bytes_opt(0).ok_or(VaultError::Destroyed)?;
        let key = Arc::new(self.0.keys.unwrap_key(owner, &wrapped)?);
        self.0
            .keys
            .open
            .insert(owner.0.clone(), (Arc::clone(&key), since));
        Ok(Some(key))
    }

    /// The owner's data key, made if there is none yet.
    async fn data_key_or_new(&self, owner: &VaultOwner) -> Result<Arc<Key>, VaultError> {
        if let Some(key) = self.data_key(owner).await? {
            return Ok(key);
        }
        let keys = &self.0.keys;
        let mut fresh = Zeroizing::new([0; 32]);
        keys.random
            .fill(&mut fresh[..])
            .map_err(|_| VaultError::Unavailable("no randomness".to_owned()))?;
        let wrapped = encrypt(&keys.random, &keys.master, &wrap_aad(owner), &fresh[..])?;
        let sql = "INSERT INTO data_keys (owner, wrapped) VALUES ($1, $2) ON CONFLICT (owner) DO NOTHING";
        self.0
            .db
            .write_one(sql, vec![owner.0.as_str().into(), wrapped.into()])
            .await?;
        // Whoever was first: it is theirs that counts.
        self.data_key(owner).await?.ok_or(VaultError::Absent)
    }
}

#[async_trait]
impl Vault for Store {
    async fn seal(&self, owner: &VaultOwner, purpose: &str, plain: &[u8]) -> Result<Sealed, VaultError> {
        let key = self.data_key_or_new(owner).await?;
        let sealed = encrypt(&self.0.keys.random, &key, &aad(owner, purpose), plain)?;
        Ok(Sealed(BASE64.encode(sealed)))
    }

    async fn open(
        &self,
        owner: &VaultOwner,
        purpose: &str,
        sealed: &Sealed,
    ) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let key = self.data_key(owner).await?.ok_or(VaultError::Unopenable)?;
        let bytes = BASE64.decode(&sealed.0).map_err(|_| VaultError::Unopenable)?;
        decrypt(&key, &aad(owner, purpose), &bytes)
    }

    async fn put(&self, owner: &VaultOwner, value: &[u8]) -> Result<VaultRef, VaultError> {
        let reference = format!("vlt_{}", uuid::Uuid::now_v7().simple());
        let sealed = self.seal(owner, &format!("vault/{reference}"), value).await?;
        // Not for an owner that was destroyed meanwhile.
        let sql = "INSERT INTO vault (owner, reference, sealed) SELECT $1, $2, $3 \
                   WHERE EXISTS (SELECT 1 FROM data_keys WHERE owner = $1 AND wrapped IS NOT NULL)";
        let args = vec![
            owner.0.as_str().into(),
            reference.as_str().into(),
            sealed.0.into(),
        ];
        let outcome = self.0.db.write_one(sql, args).await?;
        if outcome.affected == 1 {
            Ok(reference.into())
        } else {
            Err(VaultError::Destroyed)
        }
    }

    async fn get(&self, owner: &VaultOwner, reference: &VaultRef) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let sql = "SELECT sealed FROM vault WHERE owner = $1 AND reference = $2";
        let args = vec![Value::from(owner.0.as_str()), reference.as_str().into()];
        let mut rows = self.0.db.fetch(Statement::new(sql, args)).await?;
        let Some(row) = rows.first_mut() else {
            // Tells a destroyed owner from an unknown reference.
            self.data_key(owner).await?;
            return Err(VaultError::Absent);
        };
        self.open(owner, &format!("vault/{reference}"), &Sealed(row.text(0)))
            .await
    }

    async fn remove(&self, owner: &VaultOwner, reference: &VaultRef) -> Result<(), VaultError> {
        let args = vec![owner.0.as_str().into(), reference.as_str().into()];
        self.0
            .db
            .write_one("DELETE FROM vault WHERE owner = $1 AND reference = $2", args)
            .await?;
        Ok(())
    }

    async fn destroy(&self, owner: &VaultOwner) -> Result<(), VaultError> {
        let turn = self.0.keys.turn.lock().await;
        let now = self.0.shared.now_us();
        let statements = vec![
            Statement::new(
                "INSERT INTO data_keys (owner, wrapped, destroyed_at) VALUES ($1, NULL, $2) \
                 ON CONFLICT (owner) DO UPDATE SET wrapped = NULL, \
                 destroyed_at = coalesce(data_keys.destroyed_at, excluded.destroyed_at)",
                vec![owner.0.as_str().into(), now.into()],
            ),
            Statement::new(
                "DELETE FROM vault WHERE owner = $1",
                vec![owner.0.as_str().into()],
            ),
        ];
        let outcome = self.0.db.write(statements).await;
        drop(self.0.keys.open.remove(&owner.0));
        drop(turn);
        outcome?;
        Ok(())
    }
}

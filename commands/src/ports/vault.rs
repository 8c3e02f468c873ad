//! The vault: secrets and data keys. Nothing here ever enters the log in clear.

use async_trait::async_trait;
use reef_domain::VaultRef;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// Whose data key: `account/<id>`, `agent/<id>`, `runtime/<id>`, `user/<id>`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct VaultOwner(pub String);

impl VaultOwner {
    /// The owner of that kind and id.
    pub fn new(kind: &str, id: impl AsRef<str>) -> Self {
        Self(format!("{kind}/{}", id.as_ref()))
    }
}

/// AES-256-GCM: base64 of nonce, ciphertext and tag. Safe to store anywhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Sealed(pub String);

/// Why the vault did not do it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// The owner's data key was destroyed: what was sealed under it is gone for good.
    #[error("the data key was destroyed")]
    Destroyed,
    /// Nothing is stored under that reference.
    #[error("no such secret")]
    Absent,
    /// The ciphertext does not belong to this owner and purpose, or was changed.
    #[error("the sealed value cannot be opened")]
    Unopenable,
    /// The database does not answer.
    #[error("the vault is not available: {0}")]
    Unavailable(String),
}

/// Keeps secrets, and seals content under a data key per owner that can be destroyed.
#[async_trait]
pub trait Vault: Send + Sync + 'static {
    /// Seals `plain` under the owner's data key, made at first use. `purpose` is authenticated with it:
    /// the same text must be given to open it.
    async fn seal(&self, owner: &VaultOwner, purpose: &str, plain: &[u8]) -> Result<Sealed, VaultError>;
    /// Opens what [`seal`](Vault::seal) made.
    async fn open(
        &self,
        owner: &VaultOwner,
        purpose: &str,
        sealed: &Sealed,
    ) -> Result<Zeroizing<Vec<u8>>, VaultError>;
    /// Stores a secret value; the reference says nothing about it.
    async fn put(&self, owner: &VaultOwner, value: &[u8]) -> Result<VaultRef, VaultError>;
    /// The secret value.
    async fn get(&self, owner: &VaultOwner, reference: &VaultRef) -> Result<Zeroizing<Vec<u8>>, VaultError>;
    /// Removes one secret value; absent already is fine.
    async fn remove(&self, owner: &VaultOwner, reference: &VaultRef) -> Result<(), VaultError>;
    /// Destroys the owner's data key and every secret of the owner, for good; again is fine.
    async fn destroy(&self, owner: &VaultOwner) -> Result<(), VaultError>;
}

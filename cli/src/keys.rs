//! The server's own keys: from the configuration, else from 0600 files in the data directory.

use std::{
    fs,
    io::Write as _,
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
};

use anyhow::{Context, Result, bail};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use reef_commands::{Entropy, RandomEntropy};
use reef_gateways::tokens::{TokenKey, derived_key};
use zeroize::Zeroizing;

use crate::config::Config;

/// Everything the server keeps secret about itself.
pub(crate) struct Keys {
    /// Bearer token of the operator.
    pub(crate) operator: Zeroizing<String>,
    /// Whether it was made just now, and must be shown once.
    pub(crate) operator_is_new: bool,
    /// Wraps every data key.
    pub(crate) master: Zeroizing<[u8; 32]>,
    /// Signs tokens of our own.
    pub(crate) token: TokenKey,
    /// Ed25519 seed that signs checkpoints.
    pub(crate) signing_seed: Zeroizing<[u8; 32]>,
}

impl Keys {
    /// Reads the keys, making those that are not there yet.
    pub(crate) fn load_or_make(config: &Config) -> Result<Self> {
        fs::create_dir_all(&config.data_dir)
            .with_context(|| format!("data directory {}", config.data_dir.display()))?;
        let (operator, operator_is_new) = match &config.operator_key {
            Some(key) if key.len() < 16 => bail!("operator_key is shorter than 16 characters"),
            Some(key) => (Zeroizing::new(key.clone()), false),
            None => text_file(&config.data_dir.join("operator.key"), || {
                let entropy: &dyn Entropy = &RandomEntropy;
                format!("reef_operator_{}", entropy.base62(43))
            })?,
        };
        let master = match &config.master_key {
            Some(text) => parse_32(text).context("master_key")?,
            None => secret_file(&config.data_dir.join("master.key"))?,
        };
        let token = match &config.token_key {
            Some(text) => parse_32(text).context("token_key")?,
            // Every node that has the master key has the same one.
            None => derived_key(&master),
        };
        let signing_seed = secret_file(&config.data_dir.join("checkpoint.key"))?;
        Ok(Self {
            operator,
            operator_is_new,
            master,
            token,
            signing_seed,
        })
    }
}

/// The operator's key as the tools beside the server find it.
pub(crate) fn operator_key(config: &Config) -> Result<Zeroizing<String>> {
    if let Some(key) = &config.operator_key {
        return Ok(Zeroizing::new(key.clone()));
    }
    let path = config.data_dir.join("operator.key");
    let text = fs::read_to_string(&path).with_context(|| {
        format!(
            "no operator key: set REEF_OPERATOR_KEY, or run where {} is",
            path.display()
        )
    })?;
    Ok(Zeroizing::new(text.trim().to_owned()))
}

/// The master key, which must be there already.
pub(crate) fn master_key(config: &Config) -> Result<Zeroizing<[u8; 32]>> {
    match &config.master_key {
        Some(text) => parse_32(text).context("master_key"),
        None => existing_file(&config.data_dir.join("master.key")),
    }
}

/// The key that signs checkpoints, which must be there already.
pub(crate) fn signing_seed(config: &Config) -> Result<Zeroizing<[u8; 32]>> {
    existing_file(&config.data_dir.join("checkpoint.key"))
}

fn existing_file(path: &Path) -> Result<Zeroizing<[u8; 32]>> {
    anyhow::ensure!(path.exists(), "there is no {}", path.display());
    secret_file(path)
}

fn secret_file(path: &Path) -> Result<Zeroizing<[u8; 32]>> {
    let (text, _) = text_file(path, || {
        let mut bytes = Zeroizing::new([0_u8; 32]);
        RandomEntropy.fill(&mut *bytes);
        hex::encode(*bytes)
    })?;
    parse_32(&text).with_context(|| path.display().to_string())
}

/// Makes a file that only its owner can read; refuses one that is there already.
pub(crate) fn write_private(path: &Path, content: &[u8]) -> Result<()> {
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .with_context(|| path.display().to_string())?;
    file.write_all(content)?;
    file.sync_all()?;
    Ok(())
}

/// The file's text, made if the file is not there; whether it was made.
fn text_file(path: &Path, make: impl FnOnce() -> String) -> Result<(Zeroizing<String>, bool)> {
    if path.exists() {
        let mode = fs::metadata(path)?.permissions().mode() & 0o077;
        if mode != 0 {
            bail!(
                "{} can be read by others; run: chmod 600 {}",
                path.display(),
                path.display()
            );
        }
        let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
        return Ok((Zeroizing::new(text.trim().to_owned()), false));
    }
    let text = Zeroizing::new(make());
    write_private(path, text.as_bytes())?;
    Ok((text, true))
}

fn parse_32(text: &str) -> Result<Zeroizing<[u8; 32]>> {
    let bytes = Zeroizing::new(
        hex::decode(text)
            .or_else(|_| STANDARD.decode(text))
            .unwrap_or_default(),
    );
    let bytes: [u8; 32] = bytes
        .as_slice()
        .try_into()
        .context("32 bytes in hex or base64 are needed")?;
    Ok(Zeroizing::new(bytes))
}

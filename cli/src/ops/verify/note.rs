//! Signed checkpoints, read: C2SP `tlog-checkpoint` in a `signed-note`.

use anyhow::{Context as _, Result};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use reef_api::CheckpointKey;
use reef_store::merkle::Hash;
use ring::signature::{ED25519, UnparsedPublicKey};

use crate::{config::Config, keys};

/// Verifier key of the server whose data directory this is.
pub(super) fn own_key(config: &Config) -> Result<String> {
    let seed = keys::signing_seed(config).context("no key to check signatures with: give --key")?;
    let key = CheckpointKey::from_seed(&config.log_origin, &seed)
        .map_err(|error| anyhow::anyhow!("checkpoint key: {error}"))?;
    Ok(key.verifier_key())
}

/// Size and root hash of a checkpoint, if it is signed with that key.
pub(super) fn open(note: &str, verifier_key: &str) -> Result<(u64, Hash), String> {
    let (text, signatures) = note.split_once("\n\n").ok_or("it is no signed note")?;
    let signed = format!("{text}\n");
    let mut parts = verifier_key.trim().splitn(3, '+');
    let (Some(name), Some(_), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
        return Err("the verifier key is not <name>+<id>+<key>".to_owned());
    };
    let key = STANDARD
        .decode(key)
        .map_err(|_| "the verifier key is not base64")?;
    let public = UnparsedPublicKey::new(&ED25519, key.get(1..).unwrap_or_default());
    let prefix = format!("\u{2014} {name} ");
    let is_signed = signatures
        .lines()
        .filter_map(|line| line.strip_prefix(&prefix))
        .any(|signature| {
            let bytes = STANDARD.decode(signature).unwrap_or_default();
            // Four bytes of key id come first.
            bytes
                .get(4..)
                .is_some_and(|signature| public.verify(signed.as_bytes(), signature).is_ok())
        });
    if !is_signed {
        return Err(format!("it is not signed by {name} with this key"));
    }
    let mut lines = text.lines().skip(1);
    let size = lines
        .next()
        .and_then(|line| line.parse().ok())
        .ok_or("it names no size")?;
    let root = lines
        .next()
        .and_then(|line| STANDARD.decode(line).ok())
        .ok_or("it names no root hash")?;
    let root = Hash::try_from(root.as_slice()).map_err(|_| "its root hash is not 32 bytes")?;
    Ok((size, root))
}

//! `cargo xtask slice NOUN`.

use anyhow::{Result, bail};

pub(crate) fn run(noun: &str) -> Result<()> {
    bail!("slice {noun}: templates follow the first slices")
}

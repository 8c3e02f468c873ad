//! Inclusion and consistency proofs without reading the whole log each time.
//!
//! Leaf hashes never change, so the roots of full tiles of [`TILE`] leaves are remembered; a proof reads
//! the leaves of a few partial tiles only.

use std::{ops::Range, sync::Arc};

use parking_lot::RwLock;
use reef_commands::{
    merkle::{Hash, consistency_ranges, inclusion_ranges, node_hash, root},
    ports::{EventLog, LogError},
};

/// Leaves per remembered subtree: a power of two.
const TILE: u64 = 1024;
/// Tiles read from the log at a time.
const TILES_PER_READ: u64 = 64;

/// Makes proofs.
pub(crate) struct Proofs {
    log: Arc<dyn EventLog>,
    /// Root of tile `i`: leaves `i * TILE..(i + 1) * TILE`.
    tiles: RwLock<Vec<Hash>>,
    /// Only one request fills the tiles; the others wait for it.
    filling: tokio::sync::Mutex<()>,
}

impl Proofs {
    pub(crate) fn new(log: Arc<dyn EventLog>) -> Self {
        Self {
            log,
            tiles: RwLock::default(),
            filling: tokio::sync::Mutex::default(),
        }
    }

    /// Hash of the leaf at `index`, from 0.
    pub(crate) async fn leaf(&self, index: u64) -> Result<Hash, LogError> {
        self.root_of(index..index + 1).await
    }

    /// Proof that the leaf at `index` is in the tree of `size` leaves; `None`: it is not.
    pub(crate) async fn inclusion(&self, index: u64, size: u64) -> Result<Option<Vec<Hash>>, LogError> {
        match inclusion_ranges(index, size) {
            Some(ranges) => self.roots_of(ranges).await.map(Some),
            None => Ok(None),
        }
    }

    /// Proof that the tree of `old` leaves is a prefix of that of `size`; `None`: it is larger.
    pub(crate) async fn consistency(&self, old: u64, size: u64) -> Result<Option<Vec<Hash>>, LogError> {
        match consistency_ranges(old, size) {
            Some(ranges) => self.roots_of(ranges).await.map(Some),
            None => Ok(None),
        }
    }

    /// Root of the tree of the first `size` leaves.
    pub(crate) async fn root(&self, size: u64) -> Result<Hash, LogError> {
        self.root_of(0..size).await
    }

    async fn roots_of(&self, ranges: Vec<Range<u64>>) -> Result<Vec<Hash>, LogError> {
        let mut roots = Vec::with_capacity(ranges.len());
        for range in ranges {
            roots.push(self.root_of(range).await?);
        }
        Ok(roots)
    }

    /// Root over the leaves of a range that starts where a subtree of its size does.
    async fn root_of(&self, range: Range<u64>) -> Result<Hash, LogError> {
        let full = range.start / TILE..range.end / TILE;
        if full.is_empty() || !range.start.is_multiple_of(TILE) {
            return Ok(root(&self.leaves(range).await?));
        }
        self.fill(full.end).await?;
        let tail = full.end * TILE..range.end;
        let tail = if tail.is_empty() {
            None
        } else {
            Some(root(&self.leaves(tail).await?))
        };
        let tiles = self.tiles.read();
        let tiles = tiles.get(place(full.start)?..place(full.end)?);
        let tiles = tiles.ok_or_else(|| LogError::Corrupt("the log became shorter".to_owned()))?;
        Ok(over_tiles(tiles, tail))
    }

    /// Remembers the roots of the first `count` tiles.
    async fn fill(&self, count: u64) -> Result<(), LogError> {
        let _only_one = self.filling.lock().await;
        let mut next = self.tiles.read().len() as u64;
        while next < count {
            let end = (next + TILES_PER_READ).min(count);
            let leaves = self.leaves(next * TILE..end * TILE).await?;
            self.tiles.write().extend(leaves.chunks(place(TILE)?).map(root));
            next = end;
        }
        Ok(())
    }

    async fn leaves(&self, range: Range<u64>) -> Result<Vec<Hash>, LogError> {
        if range.is_empty() {
            return Ok(Vec::new());
        }
        let leaves = self.log.leaves(range.start + 1, range.end).await?;
        if leaves.len() as u64 == range.end - range.start {
            return Ok(leaves);
        }
        Err(LogError::Corrupt(format!("leaf hashes of {range:?} are missing")))
    }
}

/// Root over full tiles and what comes after them. As RFC 6962 splits: the left part is the largest power
/// of two of tiles that leaves something to the right.
fn over_tiles(tiles: &[Hash], tail: Option<Hash>) -> Hash {
    match (tiles, tail) {
        ([], Some(tail)) => tail,
        ([], None) => root(&[]),
        ([tile], None) => *tile,
        (tiles, tail) => {
            let parts = tiles.len() + usize::from(tail.is_some());
            let left = 1 << (usize::BITS - 1 - (parts - 1).leading_zeros());
            let (left, right) = tiles.split_at(left);
            node_hash(&over_tiles(left, None), &over_tiles(right, tail))
        }
    }
}

fn place(at: u64) -> Result<usize, LogError> {
    usize::try_from(at).map_err(|_| LogError::Corrupt("a log of that length cannot be".to_owned()))
}

#[cfg(test)]
mod tests;

//! The Merkle tree of the log, as in RFC 6962 section 2: pure functions over hashes.
//!
//! Leaf `i` is the event at position `i + 1`. The writer keeps only the [`Frontier`]; proofs are made
//! from stored leaf hashes. **Invariant:** `Frontier::root` after n appends equals [`root`] of the n leaves.

use std::ops::Range;

use ring::digest::{Context, SHA256, digest};

/// A SHA-256 hash.
pub type Hash = [u8; 32];

fn finish(context: Context) -> Hash {
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

/// A hash over a leaf's record: `SHA-256(0x00 || record)`, the record given in parts.
pub fn leaf_hash_parts<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Hash {
    let mut context = Context::new(&SHA256);
    context.update(&[0]);
    for part in parts {
        context.update(part);
    }
    finish(context)
}

/// Hash of a leaf: `SHA-256(0x00 || record)`.
pub fn leaf_hash(record: &[u8]) -> Hash {
    leaf_hash_parts([record])
}

/// Hash of an inner node: `SHA-256(0x01 || left || right)`.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut context = Context::new(&SHA256);
    context.update(&[1]);
    context.update(left);
    context.update(right);
    finish(context)
}

/// Root of the tree without leaves: SHA-256 of nothing.
pub fn empty_root() -> Hash {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, b"").as_ref());
    hash
}

/// The right edge of a tree: roots of its full subtrees, the largest first. Enough to append and to
/// tell the root, without the leaves.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    peaks: Vec<Hash>,
}

impl Frontier {
    /// The frontier of the empty tree.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads what [`to_bytes`](Self::to_bytes) gave for a tree of that size; `None` if it is not that.
    pub fn from_bytes(size: u64, bytes: &[u8]) -> Option<Self> {
        let (peaks, rest) = bytes.as_chunks::<32>();
        (rest.is_empty() && peaks.len() == size.count_ones() as usize).then(|| Self {
            size,
            peaks: peaks.to_vec(),
        })
    }

    /// The peaks' hashes one after another.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.peaks.concat()
    }

    /// How many leaves the tree has.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Adds a leaf at the right.
    pub fn append(&mut self, leaf: Hash) {
        let mut node = leaf;
        for _ in 0..self.size.trailing_ones() {
            let left = self.peaks.pop().expect("a peak for every one bit of the size");
            node = node_hash(&left, &node);
        }
        self.peaks.push(node);
        self.size += 1;
    }

    /// Root hash of the tree.
    pub fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter().rev();
        let Some(last) = peaks.next() else {
            return empty_root();
        };
        peaks.fold(*last, |right, left| node_hash(left, &right))
    }
}

/// Root hash over leaf hashes.
pub fn root(leaves: &[Hash]) -> Hash {
    let mut frontier = Frontier::new();
    for leaf in leaves {
        frontier.append(*leaf);
    }
    frontier.root()
}

/// The largest power of two smaller than `n`, for `n` of at least 2.
fn split(n: u64) -> u64 {
    1 << (u64::BITS - 1 - (n - 1).leading_zeros())
}

/// Which ranges of leaves (from 0) the hashes of an inclusion proof are the roots of, from the leaf
/// upwards; `None` if the tree of `size` leaves has no leaf `index`. Every range starts at a multiple of
/// the smallest power of two that is not below its length.
pub fn inclusion_ranges(index: u64, size: u64) -> Option<Vec<Range<u64>>> {
    if index >= size {
        return None;
    }
    let mut rest = 0..size;
    let mut ranges = Vec::new();
    while rest.end - rest.start > 1 {
        let middle = rest.start + split(rest.end - rest.start);
        if index < middle {
            ranges.push(middle..rest.end);
            rest.end = middle;
        } else {
            ranges.push(rest.start..middle);
            rest.start = middle;
        }
    }
    ranges.reverse();
    Some(ranges)
}

/// As [`inclusion_ranges`], for the proof that the first `old` leaves are a prefix of the tree of `size`
/// leaves; `None` if they are more than that. Empty for an empty or an equal tree.
pub fn consistency_ranges(old: u64, size: u64) -> Option<Vec<Range<u64>>> {
    if old > size {
        return None;
    }
    let mut rest = 0..size;
    let mut ranges = Vec::new();
    if old == 0 || old == size {
        return Some(ranges);
    }
    while old < rest.end {
        let middle = rest.start + split(rest.end - rest.start);
        if old <= middle {
            ranges.push(middle..rest.end);
            rest.end = middle;
        } else {
            ranges.push(rest.start..middle);
            rest.start = middle;
        }
    }
    // A prefix that is one full subtree needs no hash of its own: the verifier has its root.
    if rest.start > 0 {
        ranges.push(rest);
    }
    ranges.reverse();
    Some(ranges)
}

/// Proof that the leaf at `index` (from 0) is in the tree: sibling hashes from the leaf upwards;
/// `None` if there is no such leaf.
pub fn inclusion_proof(leaves: &[Hash], index: u64) -> Option<Vec<Hash>> {
    roots_of(leaves, inclusion_ranges(index, leaves.len() as u64)?)
}

/// Proof that the tree of the first `old_size` leaves is a prefix of the tree; `None` if it is larger
/// than the tree. Empty for an empty or an equal tree.
pub fn consistency_proof(leaves: &[Hash], old_size: u64) -> Option<Vec<Hash>> {
    roots_of(leaves, consistency_ranges(old_size, leaves.len() as u64)?)
}

fn roots_of(leaves: &[Hash], ranges: Vec<Range<u64>>) -> Option<Vec<Hash>> {
    let place = |at: u64| usize::try_from(at).ok();
    ranges
        .into_iter()
        .map(|range| Some(root(leaves.get(place(range.start)?..place(range.end)?)?)))
        .collect()
}

/// Whether `proof` shows `leaf` at `index` of the tree of `size` leaves with that root.
pub fn verify_inclusion(leaf: &Hash, index: u64, size: u64, proof: &[Hash], root: &Hash) -> bool {
    if index >= size {
        return false;
    }
    let (mut node, mut last) = (index, size - 1);
    let mut hash = *leaf;
    for sibling in proof {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            hash = node_hash(sibling, &hash);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    last == 0 && hash == *root
}

/// Whether `proof` shows that the tree of `old_size` leaves and `old_root` is a prefix of the other.
pub fn verify_consistency(
    old_size: u64,
    old_root: &Hash,
    new_size: u64,
    new_root: &Hash,
    proof: &[Hash],
) -> bool {
    if old_size > new_size {
        return false;
    }
    if old_size == new_size {
        return proof.is_empty() && old_root == new_root;
    }
    if old_size == 0 {
        return proof.is_empty() && *old_root == empty_root();
    }
    let (mut node, mut last) = (old_size - 1, new_size - 1);
    while node & 1 == 1 {
        node >>= 1;
        last >>= 1;
    }
    let mut path = proof.iter();
    let start = if old_size.is_power_of_two() {
        Some(old_root)
    } else {
        path.next()
    };
    let Some(start) = start else { return false };
    let (mut old_hash, mut new_hash) = (*start, *start);
    for sibling in path {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            old_hash = node_hash(sibling, &old_hash);
            new_hash = node_hash(sibling, &new_hash);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            new_hash = node_hash(&new_hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    last == 0 && old_hash == *old_root && new_hash == *new_root
}

#[cfg(test)]
mod tests;

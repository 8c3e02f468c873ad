//! Remembered tiles change nothing: the proofs are those over all leaves.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use reef_commands::{
    merkle::{consistency_proof, inclusion_proof, leaf_hash, verify_consistency, verify_inclusion},
    ports::{Append, Appended, EventQuery, Head, Idempotent, StreamKey},
};
use reef_domain::Envelope;
use tokio::sync::watch;

use super::*;

/// A log that has nothing but leaf hashes, and counts how many it hands out.
struct Leaves(Vec<Hash>, Mutex<usize>);

#[async_trait]
impl EventLog for Leaves {
    async fn leaves(&self, from: u64, to: u64) -> Result<Vec<Hash>, LogError> {
        let leaves = self.0[place(from - 1)?..place(to)?].to_vec();
        *self.1.lock() += leaves.len();
        Ok(leaves)
    }

    async fn append(&self, _: Append) -> Result<Appended, LogError> {
        Err(LogError::Fenced)
    }

    async fn stream(&self, _: &StreamKey, _: u64, _: u32) -> Result<Vec<Arc<Envelope>>, LogError> {
        Err(LogError::Fenced)
    }

    async fn read(&self, _: &EventQuery) -> Result<Vec<Arc<Envelope>>, LogError> {
        Err(LogError::Fenced)
    }

    async fn position_at(&self, _: DateTime<Utc>) -> Result<u64, LogError> {
        Err(LogError::Fenced)
    }

    async fn head(&self) -> Result<Head, LogError> {
        Err(LogError::Fenced)
    }

    fn watch(&self) -> watch::Receiver<u64> {
        watch::channel(0).1
    }

    async fn idempotent(&self, _: &str, _: &str) -> Result<Option<Idempotent>, LogError> {
        Err(LogError::Fenced)
    }

    async fn forget_idempotent(&self, _: Option<&str>, _: Option<DateTime<Utc>>) -> Result<u64, LogError> {
        Err(LogError::Fenced)
    }
}

fn leaves(count: u64) -> Vec<Hash> {
    (0..count)
        .map(|number| leaf_hash(&number.to_be_bytes()))
        .collect()
}

#[tokio::test]
async fn proofs_are_those_over_all_leaves() {
    let all = leaves(5 * TILE + 77);
    let log = Arc::new(Leaves(all.clone(), Mutex::default()));
    let proofs = Proofs::new(Arc::clone(&log) as Arc<dyn EventLog>);
    let sizes = [
        1,
        2,
        TILE - 1,
        TILE,
        TILE + 1,
        3 * TILE,
        4 * TILE + 1,
        5 * TILE + 77,
    ];
    for size in sizes {
        let tree = &all[..place(size).unwrap()];
        assert_eq!(proofs.root(size).await.unwrap(), root(tree), "root of {size}");
        for index in [0, 1, TILE - 1, TILE, 2 * TILE + 5, size - 1]
            .into_iter()
            .filter(|index| *index < size)
        {
            let proof = proofs.inclusion(index, size).await.unwrap().unwrap();
            assert_eq!(
                Some(&proof),
                inclusion_proof(tree, index).as_ref(),
                "{index} in {size}"
            );
            assert!(verify_inclusion(
                &all[place(index).unwrap()],
                index,
                size,
                &proof,
                &root(tree)
            ));
        }
        for old in sizes.into_iter().filter(|old| *old <= size) {
            let proof = proofs.consistency(old, size).await.unwrap().unwrap();
            assert_eq!(
                Some(&proof),
                consistency_proof(tree, old).as_ref(),
                "{old} of {size}"
            );
            let before = root(&all[..place(old).unwrap()]);
            assert!(verify_consistency(old, &before, size, &root(tree), &proof));
        }
    }
    assert_eq!(proofs.inclusion(7, 7).await.unwrap(), None);
    assert_eq!(proofs.consistency(8, 7).await.unwrap(), None);
}

#[tokio::test]
async fn full_tiles_are_read_once() {
    let log = Arc::new(Leaves(leaves(20 * TILE), Mutex::default()));
    let proofs = Proofs::new(Arc::clone(&log) as Arc<dyn EventLog>);
    proofs.root(20 * TILE).await.unwrap();
    *log.1.lock() = 0;
    proofs.inclusion(5 * TILE + 3, 20 * TILE).await.unwrap().unwrap();
    let read = *log.1.lock();
    assert!(read as u64 <= TILE, "{read} leaves read for one proof");
}

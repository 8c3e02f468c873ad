//! Checkpoints, leases and parking in memory.

use std::time::Duration;

use async_trait::async_trait;

use super::{MemoryStore, lease_of};
use crate::ports::{Checkpoints, Lease, LogError, Parked};

#[async_trait]
impl Checkpoints for MemoryStore {
    async fn acquire(&self, name: &str, holder: &str, ttl: Duration) -> Result<Option<Lease>, LogError> {
        let now = self.clock.now();
        let until = now + chrono::TimeDelta::from_std(ttl).unwrap_or(chrono::TimeDelta::MAX);
        let mut state = self.state.lock();
        let fence = match state.leases.get(name) {
            Some((owner, _, expires)) if owner != holder && *expires > now => return Ok(None),
            Some((owner, fence, _)) if owner == holder => *fence,
            Some((_, fence, _)) => fence + 1,
            None => 1,
        };
        state
            .leases
            .insert(name.to_owned(), (holder.to_owned(), fence, until));
        Ok(Some(lease_of(name, fence)))
    }

    async fn release(&self, lease: &Lease) -> Result<(), LogError> {
        let now = self.clock.now();
        let mut state = self.state.lock();
        if let Some((holder, fence, expires)) = state.leases.get_mut(&lease.name)
            && *fence == lease.fence
        {
            holder.clear();
            *expires = now;
        }
        Ok(())
    }

    async fn checkpoint(&self, name: &str) -> Result<u64, LogError> {
        Ok(self.state.lock().checkpoints.get(name).copied().unwrap_or(0))
    }

    async fn advance(&self, lease: &Lease, position: u64) -> Result<(), LogError> {
        let mut state = self.state.lock();
        if state
            .leases
            .get(&lease.name)
            .is_none_or(|(_, fence, _)| *fence != lease.fence)
        {
            return Err(LogError::Fenced);
        }
        state.checkpoints.insert(lease.name.clone(), position);
        Ok(())
    }

    async fn park(&self, lease: &Lease, parked: &Parked) -> Result<(), LogError> {
        let mut state = self.state.lock();
        if state
            .leases
            .get(&lease.name)
            .is_none_or(|(_, fence, _)| *fence != lease.fence)
        {
            return Err(LogError::Fenced);
        }
        let same = |known: &Parked| {
            known.manager == parked.manager
                && known.key == parked.key
                && known.position == parked.position
                && known.step == parked.step
        };
        state.parked.retain(|known| !same(known));
        state.parked.push(parked.clone());
        Ok(())
    }

    async fn parked(&self, manager: Option<&str>) -> Result<Vec<Parked>, LogError> {
        let state = self.state.lock();
        let of_manager = |parked: &&Parked| manager.is_none_or(|manager| parked.manager == manager);
        let mut all: Vec<Parked> = state.parked.iter().filter(of_manager).cloned().collect();
        all.sort_by_key(|parked| parked.position);
        Ok(all)
    }

    async fn unpark(&self, manager: &str, key: &str, position: u64, step: &str) -> Result<bool, LogError> {
        let mut state = self.state.lock();
        let before = state.parked.len();
        state.parked.retain(|known| {
            !(known.manager == manager
                && known.key == key
                && known.position == position
                && known.step == step)
        });
        Ok(state.parked.len() < before)
    }

    async fn checkpoints(&self) -> Result<Vec<(String, u64)>, LogError> {
        let state = self.state.lock();
        Ok(state
            .checkpoints
            .iter()
            .map(|(name, position)| (name.clone(), *position))
            .collect())
    }
}

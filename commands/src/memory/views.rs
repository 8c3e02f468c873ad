//! Views and workspace files in memory.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use async_trait::async_trait;
use reef_domain::{AccountId, AgentId, Envelope};
use reef_projections::{AnyView, Filter, Page, Query, Row, Touch};
use ring::digest::{Context, SHA256};

use super::{MemoryStore, StoredDoc};
use crate::ports::{Doc, LogError, Sealed, Views, Workspace, WorkspaceEntry};

type Docs = HashMap<&'static str, BTreeMap<String, StoredDoc>>;

pub(super) fn fold_into(views: &[Box<dyn AnyView>], docs: &mut Docs, envelope: &Envelope) {
    for view in views {
        let table = docs.entry(view.name()).or_default();
        for touch in view.touches(envelope) {
            match touch {
                Touch::PurgeChildrenOf(parent) => {
                    table.retain(|_, stored| stored.row.parent_id.as_deref() != Some(&*parent));
                }
                Touch::One(id) => fold_one(&**view, table, &id, envelope),
            }
        }
    }
}

fn fold_one(view: &dyn AnyView, table: &mut BTreeMap<String, StoredDoc>, id: &str, envelope: &Envelope) {
    let before = table.remove(id);
    let created_position = before
        .as_ref()
        .map_or(envelope.position, |stored| stored.created_position);
    let Some(doc) = view.fold(before.as_ref().map(|stored| &stored.doc), envelope) else {
        return;
    };
    if let Some(row) = view.row(&doc) {
        table.insert(
            id.to_owned(),
            StoredDoc {
                doc,
                row,
                created_position,
                position: envelope.position,
            },
        );
    }
}

fn matches(row: &Row, query: &Query) -> bool {
    let own = query.account_id.as_ref().is_none_or(|account| {
        row.account_id
            .as_deref()
            .is_none_or(|owner| owner == account.as_str())
    });
    own && query.filters.iter().all(|filter| match filter {
        Filter::Parent(parent) => row.parent_id.as_ref() == Some(parent),
        Filter::Status(status) => row.status.as_ref() == Some(status),
        Filter::StatusUpTo(status) => row.status.as_ref().is_some_and(|own| own <= status),
        Filter::Field(field, value) => {
            let doc: serde_json::Value = serde_json::from_str(&row.payload).unwrap_or_default();
            match doc[field].as_str() {
                Some(text) => text == value,
                None => {
                    !doc[field].is_null()
                        && doc[field] == serde_json::from_str::<serde_json::Value>(value).unwrap_or_default()
                }
            }
        }
    })
}

fn doc_of(stored: &StoredDoc) -> Doc {
    Doc {
        id: stored.row.id.as_str().into(),
        account_id: stored.row.account_id.as_deref().map(AccountId::from),
        parent_id: stored.row.parent_id.as_deref().map(Arc::from),
        payload: stored.row.payload.as_str().into(),
        created_position: stored.created_position,
        position: stored.position,
    }
}

#[async_trait]
impl Views for MemoryStore {
    async fn get(&self, view: &str, id: &str) -> Result<Option<Doc>, LogError> {
        Ok(self
            .state
            .lock()
            .docs
            .get(view)
            .and_then(|table| table.get(id))
            .map(doc_of))
    }

    async fn get_many(&self, view: &str, ids: &[String]) -> Result<Vec<Doc>, LogError> {
        let state = self.state.lock();
        let Some(table) = state.docs.get(view) else {
            return Ok(Vec::new());
        };
        Ok(ids.iter().filter_map(|id| table.get(id)).map(doc_of).collect())
    }

    async fn list(&self, view: &str, query: &Query) -> Result<Page<Doc>, LogError> {
        let state = self.state.lock();
        let mut docs: Vec<Doc> = state
            .docs
            .get(view)
            .into_iter()
            .flat_map(BTreeMap::values)
            .filter(|stored| matches(&stored.row, query))
            .filter(|stored| query.after.is_none_or(|after| stored.created_position < after))
            .map(doc_of)
            .collect();
        docs.sort_by_key(|doc| std::cmp::Reverse(doc.created_position));
        let more = docs.len() > query.limit as usize;
        docs.truncate(query.limit as usize);
        let next = docs.last().filter(|_| more).map(|doc| doc.created_position);
        Ok(Page {
            data: docs,
            next,
            position: state.events.len() as u64,
        })
    }

    async fn newest(&self, view: &str, query: &Query) -> Result<(Vec<Doc>, u64), LogError> {
        let state = self.state.lock();
        let rows = state.docs.get(view).into_iter().flat_map(BTreeMap::values);
        let mut docs: Vec<Doc> = rows
            .filter(|stored| matches(&stored.row, query))
            .map(doc_of)
            .collect();
        docs.sort_by_key(|doc| std::cmp::Reverse(doc.created_position));
        let total = docs.len() as u64;
        docs.truncate(query.limit as usize);
        Ok((docs, total))
    }

    async fn count(&self, view: &str, query: &Query) -> Result<u64, LogError> {
        let state = self.state.lock();
        let rows = state.docs.get(view).into_iter().flat_map(BTreeMap::values);
        Ok(rows.filter(|stored| matches(&stored.row, query)).count() as u64)
    }

    async fn rebuild(&self, views: &[String]) -> Result<u64, LogError> {
        let mut state = self.state.lock();
        let events = state.events.clone();
        let mut fresh = Docs::new();
        for envelope in &events {
            fold_into(&self.views, &mut fresh, envelope);
        }
        fresh.retain(|name, _| views.is_empty() || views.iter().any(|view| view == name));
        state.docs.extend(fresh);
        Ok(events.len() as u64)
    }

    async fn digest(&self, view: &str) -> Result<[u8; 32], LogError> {
        let state = self.state.lock();
        let rows = state.docs.get(view).into_iter().flat_map(BTreeMap::values);
        let mut context = Context::new(&SHA256);
        for stored in rows {
            context.update(stored.row.payload.as_bytes());
            context.update(b"\n");
        }
        let mut bytes = [0; 32];
        bytes.copy_from_slice(context.finish().as_ref());
        Ok(bytes)
    }
}

#[async_trait]
impl Workspace for MemoryStore {
    async fn files(&self, agent: &AgentId) -> Result<Vec<WorkspaceEntry>, LogError> {
        let state = self.state.lock();
        let own = state
            .files
            .iter()
            .filter(|((owner, _), _)| owner == agent.as_str());
        Ok(own
            .map(|((_, path), sealed)| WorkspaceEntry {
                path: path.clone(),
                sealed: sealed.clone(),
            })
            .collect())
    }

    async fn file(&self, agent: &AgentId, path: &str) -> Result<Option<WorkspaceEntry>, LogError> {
        let state = self.state.lock();
        let sealed = state.files.get(&(agent.to_string(), path.to_owned()));
        Ok(sealed.map(|sealed| WorkspaceEntry {
            path: path.to_owned(),
            sealed: sealed.clone(),
        }))
    }

    async fn write(&self, agent: &AgentId, files: BTreeMap<String, Sealed>) -> Result<(), LogError> {
        let mut state = self.state.lock();
        for (path, sealed) in files {
            state.files.insert((agent.to_string(), path), sealed);
        }
        Ok(())
    }

    async fn remove_files(&self, agent: &AgentId, paths: &[String]) -> Result<(), LogError> {
        let mut state = self.state.lock();
        for path in paths {
            state.files.remove(&(agent.to_string(), path.clone()));
        }
        Ok(())
    }

    async fn purge(&self, agent: &AgentId) -> Result<(), LogError> {
        self.state
            .lock()
            .files
            .retain(|(owner, _), _| owner != agent.as_str());
        Ok(())
    }
}

//! Folding events into documents: inline for a batch of appends, and in bulk for a rebuild. Both go
//! through [`Overlay`], so they cannot differ.

use std::{
    collections::{HashMap, HashSet},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use reef_domain::Envelope;
use reef_projections::{AnyDoc, AnyView, Touch};

use crate::docs::{DocCache, DocKey, Layout, StoredDoc, ViewSet};

/// One touch of one view by one event of a batch.
#[derive(Debug)]
pub(crate) struct TouchAt {
    pub(crate) event: usize,
    pub(crate) view: u16,
    pub(crate) touch: Touch,
}

/// A fold panicked, or a document could not be read or stored.
#[derive(Debug)]
pub(crate) struct FoldFailure {
    pub(crate) event: usize,
    pub(crate) reason: String,
}

/// What the database must be asked before a batch can be folded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Needs {
    pub(crate) docs: Vec<DocKey>,
    /// Views and parents whose children are to be purged.
    pub(crate) parents: Vec<(u16, Arc<str>)>,
}

impl Needs {
    pub(crate) fn is_empty(&self) -> bool {
        self.docs.is_empty() && self.parents.is_empty()
    }
}

/// A document that a batch leaves changed.
pub(crate) struct Change {
    pub(crate) view: u16,
    pub(crate) id: Arc<str>,
    /// What the table holds, where that is known.
    pub(crate) base: Option<StoredDoc>,
    /// The document as it is to be; `None`: to be removed.
    pub(crate) now: Option<StoredDoc>,
}

#[derive(Default)]
struct Slot {
    base: Option<StoredDoc>,
    /// In the table, though it was not loaded: it is only to be removed.
    unread: bool,
    doc: Option<AnyDoc>,
    created_position: u64,
    position: u64,
    dirty: bool,
}

impl Slot {
    fn loaded(doc: StoredDoc) -> Self {
        Self {
            doc: Some(Arc::clone(&doc.any)),
            created_position: doc.read.created_position,
            position: doc.read.position,
            base: Some(doc),
            unread: false,
            dirty: false,
        }
    }
}

/// The documents that a batch touches, as the batch sees them.
#[derive(Default)]
pub(crate) struct Overlay(HashMap<DocKey, Slot>);

/// The touches of events, in order, for the views for which `folded` holds.
pub(crate) fn touches<'a>(
    views: &ViewSet,
    folded: impl Fn(u16) -> bool,
    events: impl IntoIterator<Item = &'a Envelope>,
) -> Result<Vec<TouchAt>, FoldFailure> {
    let mut all = Vec::new();
    for (event, envelope) in events.into_iter().enumerate() {
        for (view, folder) in (0_u16..)
            .zip(views.views.iter())
            .filter(|(view, _)| folded(*view))
        {
            let found =
                catch_unwind(AssertUnwindSafe(|| folder.touches(envelope))).map_err(|panic| FoldFailure {
                    event,
                    reason: panic_text(&*panic),
                })?;
            all.extend(found.into_iter().map(|touch| TouchAt { event, view, touch }));
        }
    }
    Ok(all)
}

/// Whether a view is to be folded inline.
pub(crate) fn is_current(layout: &Layout) -> impl Fn(u16) -> bool + '_ {
    |view| {
        layout
            .tables
            .get(usize::from(view))
            .is_some_and(|table| table.current)
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    format!("a fold panicked: {}", text.unwrap_or_default())
}

/// Whether the event is the first of the very stream that tells the whole of the document: then the
/// document cannot exist yet.
fn is_birth(view: &dyn AnyView, id: &str, envelope: &Envelope) -> bool {
    envelope.sequence == 1
        && view.source(id, None).is_some_and(|source| {
            source.aggregate_type == envelope.aggregate_type && *source.aggregate_id == *envelope.aggregate_id
        })
}

impl Overlay {
    /// What is touched and neither in here nor in the cache; what the cache knows is taken from it.
    pub(crate) fn needs(
        &mut self,
        views: &ViewSet,
        cache: Option<&DocCache>,
        touches: &[TouchAt],
        envelope: impl Fn(usize) -> Arc<Envelope>,
    ) -> Needs {
        let mut needs = Needs::default();
        for TouchAt { event, view, touch } in touches {
            let id = match touch {
                Touch::PurgeChildrenOf(parent) => {
                    if !parent.contains('\0') {
                        needs.parents.push((*view, Arc::clone(parent)));
                    }
                    continue;
                }
                Touch::One(id) => id,
            };
            let key = DocKey {
                view: *view,
                id: Arc::clone(id),
            };
            if self.0.contains_key(&key) {
                continue;
            }
            if let Some(doc) = cache.and_then(|cache| cache.get(*view, id)) {
                self.0.insert(key, Slot::loaded(doc));
            } else {
                // No stored id holds a NUL.
                if !id.contains('\0') && !is_birth(views.view(*view), id, &envelope(*event)) {
                    needs.docs.push(key.clone());
                }
                self.0.insert(key, Slot::default());
            }
        }
        needs
    }

    /// Adds documents that were loaded for [`needs`](Self::needs).
    pub(crate) fn supply(&mut self, docs: impl IntoIterator<Item = (u16, StoredDoc)>) {
        for (view, doc) in docs {
            let key = DocKey {
                view,
                id: Arc::clone(&doc.read.id),
            };
            let slot = self.0.entry(key).or_default();
            if slot.base.is_none() && !slot.dirty {
                *slot = Slot::loaded(doc);
            }
        }
    }

    /// Folds the events in; `children` are the stored documents of the parents asked for.
    pub(crate) fn fold(
        &mut self,
        views: &ViewSet,
        touches: &[TouchAt],
        children: &HashMap<(u16, Arc<str>), Vec<Arc<str>>>,
        envelope: impl Fn(usize) -> Arc<Envelope>,
    ) -> Result<(), FoldFailure> {
        for TouchAt { event, view, touch } in touches {
            let folder = views.view(*view);
            match touch {
                Touch::One(id) => {
                    let slot = self
                        .0
                        .entry(DocKey {
                            view: *view,
                            id: Arc::clone(id),
                        })
                        .or_default();
                    fold_one(folder, slot, *event, &envelope(*event))?;
                }
                Touch::PurgeChildrenOf(parent) => {
                    let stored = children.get(&(*view, Arc::clone(parent)));
                    self.purge(folder, *view, parent, stored.map_or(&[], Vec::as_slice));
                }
            }
        }
        Ok(())
    }

    fn purge(&mut self, folder: &dyn AnyView, view: u16, parent: &str, stored: &[Arc<str>]) {
        for id in stored {
            self.0
                .entry(DocKey {
                    view,
                    id: Arc::clone(id),
                })
                .or_insert(Slot {
                    unread: true,
                    ..Slot::default()
                });
        }
        let stored: HashSet<&Arc<str>> = stored.iter().collect();
        for (key, slot) in self.0.iter_mut().filter(|(key, _)| key.view == view) {
            let is_child = match &slot.doc {
                Some(doc) => folder.parent_id(doc) == Some(parent),
                None => slot.unread && stored.contains(&key.id),
            };
            if is_child {
                slot.doc = None;
                slot.dirty = true;
            }
        }
    }

    /// The documents that are to be written, each once, sorted so that nodes lock rows in one order.
    pub(crate) fn changes(&mut self, views: &ViewSet) -> Result<Vec<Change>, String> {
        let mut changes = Vec::new();
        for (key, slot) in &mut self.0 {
            if !slot.dirty {
                continue;
            }
            slot.dirty = false;
            let existed = slot.base.is_some() || slot.unread;
            let view = views.view(key.view);
            let now = match slot.doc.take() {
                Some(doc) => {
                    let stored = StoredDoc::new(view, doc, slot.created_position, slot.position)
                        .filter(|stored| stored.read.id == key.id)
                        .ok_or_else(|| {
                            format!("view {} made another document than {}", view.name(), key.id)
                        })?;
                    slot.doc = Some(Arc::clone(&stored.any));
                    Some(stored)
                }
                None if existed => None,
                None => continue,
            };
            let base = std::mem::replace(&mut slot.base, now.clone());
            slot.unread = false;
            changes.push(Change {
                view: key.view,
                id: Arc::clone(&key.id),
                base,
                now,
            });
        }
        changes.sort_unstable_by(|a, b| (a.view, &a.id).cmp(&(b.view, &b.id)));
        Ok(changes)
    }

    /// How many documents are held.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Lets go of everything; changes must have been taken.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}

fn fold_one(
    view: &dyn AnyView,
    slot: &mut Slot,
    event: usize,
    envelope: &Envelope,
) -> Result<(), FoldFailure> {
    let before = slot.doc.take();
    let existed = before.is_some();
    let after = catch_unwind(AssertUnwindSafe(|| view.fold(before.as_ref(), envelope))).map_err(|panic| {
        FoldFailure {
            event,
            reason: panic_text(&*panic),
        }
    })?;
    if after.is_some() && !existed {
        slot.created_position = envelope.position;
    }
    if after.is_some() || existed {
        slot.position = envelope.position;
        slot.dirty = true;
    }
    slot.doc = after;
    Ok(())
}

//! Documents in memory: which views there are, where they are stored, and the cache of their documents.

use std::{
    collections::HashMap,
    hash::{Hash, Hasher},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use parking_lot::RwLock;
use quick_cache::{Equivalent, Weighter, sync::Cache};
use reef_commands::ports::{Doc, LogError};
use reef_domain::AccountId;
use reef_projections::{AnyDoc, AnyView};

use crate::sql::Row;

/// Where one view is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Table {
    /// The table that reads go to; empty: there is none yet.
    pub(crate) name: Arc<str>,
    /// Version of the documents in it.
    pub(crate) version: u32,
    /// Whether this program's fold is the one that made them: only then it may go on folding there.
    pub(crate) current: bool,
}

/// Where all views are stored, as of one state of the registry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Layout {
    /// Grows with every switch.
    pub(crate) number: i64,
    /// One per registered view, in that order.
    pub(crate) tables: Vec<Table>,
    /// Why this program may not append: the database serves views that it does not know.
    pub(crate) ahead: Option<String>,
}

impl Layout {
    /// The tables of the registered views, from rows of `(name, version, table_name)`.
    pub(crate) fn from_registry(views: &ViewSet, number: i64, rows: Vec<Row>) -> Self {
        let mut found: HashMap<String, (u32, String)> = rows
            .into_iter()
            .map(|mut row| (row.text(0), (u32::try_from(row.int(1)).unwrap_or(0), row.text(2))))
            .collect();
        let mut ahead = None;
        let mut tables = Vec::new();
        for view in views.views.iter() {
            let (version, name) = found.remove(view.name()).unwrap_or_default();
            if version > view.version() {
                ahead = Some(format!(
                    "view {} is served at version {version}; this program knows {} only and must be upgraded",
                    view.name(),
                    view.version()
                ));
            }
            tables.push(Table {
                name: name.into(),
                version,
                current: version == view.version(),
            });
        }
        if let Some(name) = found.into_keys().next() {
            ahead = Some(format!(
                "view {name} is unknown to this program, which must be upgraded"
            ));
        }
        Self {
            number,
            tables,
            ahead,
        }
    }
}

/// The registered views.
pub(crate) struct ViewSet {
    pub(crate) views: Arc<[Box<dyn AnyView>]>,
    layout: RwLock<Arc<Layout>>,
}

impl ViewSet {
    pub(crate) fn new(views: Vec<Box<dyn AnyView>>) -> Self {
        Self {
            views: views.into(),
            layout: RwLock::default(),
        }
    }

    pub(crate) fn layout(&self) -> Arc<Layout> {
        Arc::clone(&self.layout.read())
    }

    pub(crate) fn set_layout(&self, layout: Layout) {
        *self.layout.write() = Arc::new(layout);
    }

    /// Index of the view of that name.
    pub(crate) fn index(&self, name: &str) -> Result<u16, LogError> {
        self.views
            .iter()
            .position(|view| view.name() == name)
            .and_then(|index| u16::try_from(index).ok())
            .ok_or_else(|| LogError::Corrupt(format!("there is no view {name}")))
    }

    pub(crate) fn view(&self, index: u16) -> &dyn AnyView {
        &*self.views[usize::from(index)]
    }
}

/// Names a document over all views.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DocKey {
    pub(crate) view: u16,
    pub(crate) id: Arc<str>,
}

impl Hash for DocKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        DocRef {
            view: self.view,
            id: &self.id,
        }
        .hash(state);
    }
}

#[derive(Hash)]
struct DocRef<'a> {
    view: u16,
    id: &'a str,
}

impl Equivalent<DocKey> for DocRef<'_> {
    fn equivalent(&self, key: &DocKey) -> bool {
        self.view == key.view && *self.id == *key.id
    }
}

/// A document as it is stored, with its parsed form.
#[derive(Clone)]
pub(crate) struct StoredDoc {
    pub(crate) any: AnyDoc,
    pub(crate) read: Doc,
    pub(crate) status: Option<Arc<str>>,
    pub(crate) created_at_us: i64,
}

impl StoredDoc {
    /// The stored form of a document; `None` if it is another view's.
    pub(crate) fn new(view: &dyn AnyView, any: AnyDoc, created_position: u64, position: u64) -> Option<Self> {
        let row = view.row(&any)?;
        Some(Self {
            any,
            read: Doc {
                id: row.id.into(),
                account_id: row.account_id.map(AccountId::from),
                parent_id: row.parent_id.map(Arc::from),
                payload: row.payload.into(),
                created_position,
                position,
            },
            status: row.status.map(Arc::from),
            created_at_us: row.created_at_us,
        })
    }
}

#[derive(Clone)]
struct Entry {
    doc: StoredDoc,
    generation: u64,
}

#[derive(Clone)]
struct Weight;

impl Weighter<DocKey, Entry> for Weight {
    fn weight(&self, key: &DocKey, entry: &Entry) -> u64 {
        // Text, parsed form (about as large), and the fixed parts of both.
        (key.id.len() + entry.doc.read.payload.len() * 2 + 400) as u64
    }
}

/// Bounded cache of documents as of the last commit.
///
/// The writer publishes what it committed; readers may offer what they read, which is taken only if
/// nothing was committed since they began. So an entry is never older than the last published commit.
pub(crate) struct DocCache {
    entries: Cache<DocKey, Entry, Weight>,
    generation: AtomicU64,
    commits: RwLock<u64>,
}

impl DocCache {
    pub(crate) fn new(bytes: u64) -> Self {
        let estimated_items = usize::try_from(bytes / 2048).unwrap_or(1024);
        Self {
            entries: Cache::with_weighter(estimated_items, bytes, Weight),
            generation: AtomicU64::new(0),
            commits: RwLock::new(0),
        }
    }

    pub(crate) fn get(&self, view: u16, id: &str) -> Option<StoredDoc> {
        let entry = self.entries.get(&DocRef { view, id })?;
        (entry.generation == self.generation.load(Ordering::Acquire)).then_some(entry.doc)
    }

    /// To be noted before a read whose result is then [offered](Self::offer).
    pub(crate) fn commits(&self) -> u64 {
        *self.commits.read()
    }

    /// Takes a document that was read after `commits` was noted.
    pub(crate) fn offer(&self, commits: u64, view: u16, doc: StoredDoc) {
        let now = self.commits.read();
        if *now == commits {
            self.insert(view, doc);
        }
    }

    /// Publishes the documents of a commit; `None`: the document was removed.
    pub(crate) fn publish<'a>(
        &self,
        changes: impl IntoIterator<Item = (u16, &'a Arc<str>, Option<&'a StoredDoc>)>,
    ) {
        let mut commits = self.commits.write();
        *commits += 1;
        for (view, id, doc) in changes {
            match doc {
                Some(doc) => self.insert(view, doc.clone()),
                None => drop(self.entries.remove(&DocRef { view, id })),
            }
        }
    }

    fn insert(&self, view: u16, doc: StoredDoc) {
        let generation = self.generation.load(Ordering::Acquire);
        let key = DocKey {
            view,
            id: Arc::clone(&doc.read.id),
        };
        self.entries.insert(key, Entry { doc, generation });
    }

    /// Forgets everything: somebody else wrote, or the outcome of a commit is unknown.
    pub(crate) fn invalidate(&self) {
        let mut commits = self.commits.write();
        *commits += 1;
        self.generation.fetch_add(1, Ordering::AcqRel);
    }
}

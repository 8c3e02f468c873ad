//! The shape of a projection, and its type-erased form for the store.

use std::{any::Any, marker::PhantomData, sync::Arc};

use chrono::{DateTime, Utc};
use reef_domain::{AccountId, Envelope};
use schemars::{JsonSchema, Schema};
use serde::{Serialize, de::DeserializeOwned};

/// A document of a view: what one read gives.
pub trait Document: Serialize + DeserializeOwned + Clone + JsonSchema + Send + Sync + 'static {
    /// Its id within the view.
    fn id(&self) -> &str;
    /// The account that may read it; `None`: catalogue data that every account reads.
    fn account_id(&self) -> Option<&AccountId>;
    /// What it belongs to (the agent of a task, the conversation of a message); lists filter on it.
    fn parent_id(&self) -> Option<&str>;
    /// Its status, where it has one; lists filter on it.
    fn status(&self) -> Option<&str>;
    /// When it came to be.
    fn created_at(&self) -> DateTime<Utc>;
}

/// A document key that an event touches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Touch {
    /// Fold the event into the document of this id.
    One(Arc<str>),
    /// Remove every document whose parent has this id. The fold is not asked.
    PurgeChildrenOf(Arc<str>),
}

impl Touch {
    /// The document of this id.
    pub fn one(id: impl AsRef<str>) -> Self {
        Self::One(id.as_ref().into())
    }
}

/// The stream a document comes from, for reading it as of an earlier position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Aggregate type of the stream.
    pub aggregate_type: &'static str,
    /// Id of the aggregate.
    pub aggregate_id: String,
}

/// One view: which documents an event touches, and what it does to each.
pub trait Projection: Send + Sync + 'static {
    /// What the view holds.
    type Doc: Document;
    /// Name of the view, plural `snake_case`; also its table's name.
    const NAME: &'static str;
    /// Raised whenever the fold or the document changes: the view is then rebuilt beside the old one.
    const VERSION: u32;
    /// Fields of the document that a list may be filtered by, besides `parent_id` and `status`.
    const FILTERS: &'static [&'static str] = &[];
    /// What `parent_id` is called in this view's filters, such as `agent_id`.
    const PARENT: Option<&'static str> = None;

    /// The documents that the event touches.
    fn touches(envelope: &Envelope) -> Vec<Touch>;

    /// What the event makes of the document; `None` removes it.
    fn fold(doc: Option<Self::Doc>, envelope: &Envelope) -> Option<Self::Doc>;

    /// The stream that tells the whole of a document; `parent_id` is that of the present document,
    /// where there is one.
    fn source(id: &str, parent_id: Option<&str>) -> Option<Source>;
}

/// A document as the store keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its id within the view.
    pub id: String,
    /// Owner, where there is one.
    pub account_id: Option<String>,
    /// What it belongs to.
    pub parent_id: Option<String>,
    /// Its status.
    pub status: Option<String>,
    /// When it came to be, microseconds since 1970.
    pub created_at_us: i64,
    /// The document as JSON text.
    pub payload: String,
}

/// A document of any view, shared and in memory.
pub type AnyDoc = Arc<dyn Any + Send + Sync>;

/// A stored document that the view cannot read.
#[derive(Debug, thiserror::Error)]
#[error("document of view {view} cannot be read: {reason}")]
pub struct ViewError {
    /// Name of the view.
    pub view: &'static str,
    /// What the JSON reader said.
    pub reason: String,
}

/// A [`Projection`] without its types: what the store works with.
pub trait AnyView: Send + Sync {
    /// See [`Projection::NAME`].
    fn name(&self) -> &'static str;
    /// See [`Projection::VERSION`].
    fn version(&self) -> u32;
    /// See [`Projection::FILTERS`].
    fn filters(&self) -> &'static [&'static str];
    /// See [`Projection::PARENT`].
    fn parent(&self) -> Option<&'static str>;
    /// See [`Projection::touches`].
    fn touches(&self, envelope: &Envelope) -> Vec<Touch>;
    /// See [`Projection::fold`]. A document of another view counts as none.
    fn fold(&self, doc: Option<&AnyDoc>, envelope: &Envelope) -> Option<AnyDoc>;
    /// See [`Projection::source`].
    fn source(&self, id: &str, parent_id: Option<&str>) -> Option<Source>;
    /// Reads a stored document.
    fn decode(&self, payload: &str) -> Result<AnyDoc, ViewError>;
    /// See [`Document::parent_id`]; `None` also for a document of another view.
    fn parent_id<'a>(&self, doc: &'a AnyDoc) -> Option<&'a str>;
    /// The document as it is to be stored; `None` for a document of another view.
    fn row(&self, doc: &AnyDoc) -> Option<Row>;
    /// JSON Schema of the document.
    fn schema(&self) -> Schema;
}

/// The type-erased form of the projection `P`.
#[derive(Debug)]
pub struct ViewOf<P>(PhantomData<fn() -> P>);

impl<P> ViewOf<P> {
    /// The erased projection.
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<P> Default for ViewOf<P> {
    fn default() -> Self {
        Self::new()
    }
}

impl<P: Projection> AnyView for ViewOf<P> {
    fn name(&self) -> &'static str {
        P::NAME
    }

    fn version(&self) -> u32 {
        P::VERSION
    }

    fn filters(&self) -> &'static [&'static str] {
        P::FILTERS
    }

    fn parent(&self) -> Option<&'static str> {
        P::PARENT
    }

    fn touches(&self, envelope: &Envelope) -> Vec<Touch> {
        P::touches(envelope)
    }

    fn fold(&self, doc: Option<&AnyDoc>, envelope: &Envelope) -> Option<AnyDoc> {
        let doc = doc.and_then(|any| any.downcast_ref::<P::Doc>()).cloned();
        P::fold(doc, envelope).map(|doc| Arc::new(doc) as AnyDoc)
    }

    fn source(&self, id: &str, parent_id: Option<&str>) -> Option<Source> {
        P::source(id, parent_id)
    }

    fn decode(&self, payload: &str) -> Result<AnyDoc, ViewError> {
        serde_json::from_str::<P::Doc>(payload)
            .map(|doc| Arc::new(doc) as AnyDoc)
            .map_err(|error| ViewError {
                view: P::NAME,
                reason: error.to_string(),
            })
    }

    fn parent_id<'a>(&self, doc: &'a AnyDoc) -> Option<&'a str> {
        doc.downcast_ref::<P::Doc>()?.parent_id()
    }

    fn row(&self, doc: &AnyDoc) -> Option<Row> {
        let doc = doc.downcast_ref::<P::Doc>()?;
        Some(Row {
            id: doc.id().to_owned(),
            account_id: doc.account_id().map(ToString::to_string),
            parent_id: doc.parent_id().map(ToOwned::to_owned),
            status: doc.status().map(ToOwned::to_owned),
            created_at_us: doc.created_at().timestamp_micros(),
            payload: serde_json::to_string(doc)
                .expect("documents hold only strings, numbers and string-keyed maps"),
        })
    }

    fn schema(&self) -> Schema {
        schemars::schema_for!(P::Doc)
    }
}

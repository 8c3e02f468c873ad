//! What can be read: views, each a pure fold from events to documents.
//!
//! A projection touches documents by key and folds one event into one document. The store runs the
//! folds inside the append's own transaction, and again in bulk when a view is rebuilt; both must give
//! the same bytes.
//!
//! **Architecture invariant:** no clock, no I/O, no effect. Replaying can only ever make documents.

mod projection;
mod query;

pub mod views;

pub use projection::{AnyDoc, AnyView, Document, Projection, Row, Source, Touch, ViewError, ViewOf};
pub use query::{Filter, Page, Query};

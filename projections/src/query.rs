//! What can be asked of a view.

use reef_domain::AccountId;

/// A list query. Pages are keyset pages, newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    /// Only documents of this account (and catalogue data without one); `None`: of all accounts.
    pub account_id: Option<AccountId>,
    /// All of these must hold.
    pub filters: Vec<Filter>,
    /// Only documents created by an event before this position: `next` of the page before.
    pub after: Option<u64>,
    /// At most so many documents.
    pub limit: u32,
}

/// One condition of a list query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filter {
    /// `parent_id` equals.
    Parent(String),
    /// `status` equals.
    Status(String),
    /// `status` sorts at or before: due timers are asked for so.
    StatusUpTo(String),
    /// A top-level field of the document equals this text.
    Field(String, String),
}

/// One page of documents.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    /// The documents, newest first.
    pub data: Vec<T>,
    /// Pass as `after` for the page that follows; `None`: this was the last.
    pub next: Option<u64>,
    /// Head of the log that the page reflects.
    pub position: u64,
}

impl<T> Page<T> {
    /// The same page over other items.
    pub fn map<U>(self, item: impl FnMut(T) -> U) -> Page<U> {
        Page {
            data: self.data.into_iter().map(item).collect(),
            next: self.next,
            position: self.position,
        }
    }
}

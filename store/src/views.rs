//! Reading documents.

use std::{collections::HashMap, fmt::Write as _, sync::Arc};

use async_trait::async_trait;
use reef_commands::ports::{Doc, LogError, Views};
use reef_projections::{AnyView, Filter, Page, Query};
use ring::digest::{Context, SHA256};

use crate::{
    Store,
    db::{Db, Snapshot},
    docs::{Layout, Table},
    sql::{DbError, Dialect, Row, Statement, Value},
    store::registry,
    tables::{doc_columns, doc_of, stored_doc_of},
};

/// How often a read looks for the table again when a view was switched under it.
const TRIES: usize = 3;
/// Where a row of [`newest_statement`] holds the count.
const COUNT: usize = 8;
/// Documents read at once for a digest.
const PAGE: u32 = 1000;

/// The conditions of a list, with their values.
struct Conditions {
    dialect: Dialect,
    text: String,
    args: Vec<Value>,
}

impl Conditions {
    fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            text: "TRUE".to_owned(),
            args: Vec::new(),
        }
    }

    fn bind(&mut self, value: impl Into<Value>) -> usize {
        self.args.push(value.into());
        self.args.len()
    }

    fn and(&mut self, left: &str, value: impl Into<Value>) {
        let parameter = self.bind(value);
        write!(self.text, " AND {left} ${parameter}").expect("writing to a string cannot fail");
    }

    fn filter(&mut self, view: &dyn AnyView, filter: &Filter) {
        match filter {
            Filter::Parent(parent) => self.and("parent_id =", parent.as_str()),
            Filter::Status(status) => self.and("status =", status.as_str()),
            Filter::StatusUpTo(status) => self.and("status <=", status.as_str()),
            Filter::Field(field, value) if view.parent() == Some(field) => {
                self.and("parent_id =", value.as_str());
            }
            Filter::Field(field, value) if field == "status" => self.and("status =", value.as_str()),
            Filter::Field(field, value) if view.filters().contains(&field.as_str()) => {
                let field = self.bind(field.as_str());
                let left = format!("{} =", self.dialect.field(field));
                self.and(&left, value.as_str());
            }
            // A field that is no filter of the view: nothing matches.
            Filter::Field(..) => self.text.push_str(" AND FALSE"),
        }
    }
}

/// PostgreSQL's text holds no NUL, so nothing stored can equal a text that does.
fn cannot_match(query: &Query) -> bool {
    query.filters.iter().any(|filter| match filter {
        Filter::Parent(text) | Filter::Status(text) | Filter::StatusUpTo(text) | Filter::Field(_, text) => {
            text.contains('\0')
        }
    })
}

fn list_statement(dialect: Dialect, view: &dyn AnyView, table: &str, query: &Query, limit: u64) -> Statement {
    let columns = doc_columns(dialect);
    let mut conditions = Conditions::new(dialect);
    for filter in &query.filters {
        conditions.filter(view, filter);
    }
    if let Some(after) = query.after {
        conditions.and("created_position <", after);
    }
    let account = query
        .account_id
        .as_ref()
        .map(|account| conditions.bind(account.as_str()));
    let limit = conditions.bind(limit);
    let text = &conditions.text;
    let select = |owner: &str| {
        format!(
            "SELECT {columns} FROM {table} WHERE {text}{owner} ORDER BY created_position DESC LIMIT ${limit}"
        )
    };
    let sql = match account {
        None => select(""),
        // Two ordered scans of one index; an OR would read everything and sort.
        Some(account) => format!(
            "SELECT * FROM ({}) AS own UNION ALL SELECT * FROM ({}) AS shared ORDER BY 5 DESC LIMIT ${limit}",
            select(&format!(" AND account_id = ${account}")),
            select(" AND account_id IS NULL"),
        ),
    };
    Statement::new(sql, conditions.args)
}

/// As [`list_statement`] from the newest on, each row with how many documents match behind its columns: one
/// statement sees one commit on both databases.
fn newest_statement(dialect: Dialect, view: &dyn AnyView, table: &str, query: &Query) -> Statement {
    let list = list_statement(dialect, view, table, query, u64::from(query.limit));
    // Its parameters are the first of the list's: the filters and the account.
    let count = count_statement(dialect, view, table, query);
    let sql = format!(
        "SELECT newest.*, ({}) FROM ({}) AS newest ORDER BY 5 DESC",
        count.sql, list.sql
    );
    Statement::new(sql, list.args)
}

fn count_statement(dialect: Dialect, view: &dyn AnyView, table: &str, query: &Query) -> Statement {
    let mut conditions = Conditions::new(dialect);
    for filter in &query.filters {
        conditions.filter(view, filter);
    }
    if let Some(account) = &query.account_id {
        let account = conditions.bind(account.as_str());
        write!(
            conditions.text,
            " AND (account_id = ${account} OR account_id IS NULL)"
        )
        .expect("writing to a string cannot fail");
    }
    Statement::new(
        format!("SELECT count(*) FROM {table} WHERE {}", conditions.text),
        conditions.args,
    )
}

impl Store {
    /// The table that serves a view.
    fn table(&self, view: u16) -> Result<Table, LogError> {
        let layout = self.0.shared.views.layout();
        let table = layout
            .tables
            .get(usize::from(view))
            .filter(|table| !table.name.is_empty());
        table.cloned().ok_or_else(|| self.being_built(view))
    }

    fn being_built(&self, view: u16) -> LogError {
        let name = self.0.shared.views.view(view).name();
        LogError::Unavailable {
            reason: format!("view {name} is being built"),
            unknown: false,
        }
    }

    /// Reads from a view's table, wherever it is at the moment.
    async fn fetch_view(
        &self,
        view: u16,
        statement: impl Fn(&Table) -> Statement + Send + Sync,
    ) -> Result<Vec<Row>, LogError> {
        let mut last = None;
        for _ in 0..TRIES {
            let table = self.table(view)?;
            match self.0.db.fetch(statement(&table)).await {
                Err(DbError::NoTable(reason)) => last = Some(DbError::NoTable(reason)),
                other => return Ok(other?),
            }
            self.refresh_layout().await?;
        }
        Err(last.map_or(
            LogError::Corrupt("a view has no table".to_owned()),
            LogError::from,
        ))
    }

    async fn get_one(&self, view: u16, id: &str) -> Result<Option<Doc>, LogError> {
        let dialect = self.0.db.dialect();
        let caching = dialect == Dialect::Sqlite && !self.0.read_only;
        if caching && let Some(doc) = self.0.shared.docs.get(view, id) {
            return Ok(Some(doc.read));
        }
        let commits = self.0.shared.docs.commits();
        let statement = |table: &Table| {
            let sql = format!(
                "SELECT {} FROM {} WHERE id = $1",
                doc_columns(dialect),
                table.name
            );
            Statement::new(sql, vec![id.into()])
        };
        let mut rows = self.fetch_view(view, statement).await?;
        let Some(row) = rows.first_mut() else {
            return Ok(None);
        };
        if !(caching && self.table(view)?.current) {
            return Ok(Some(doc_of(row)));
        }
        let doc = stored_doc_of(self.0.shared.views.view(view), row)?;
        self.0.shared.docs.offer(commits, view, doc.clone());
        Ok(Some(doc.read))
    }

    async fn list_rows(&self, view: u16, query: &Query, limit: u64) -> Result<Vec<Doc>, LogError> {
        let dialect = self.0.db.dialect();
        let folder = self.0.shared.views.view(view);
        let statement = |table: &Table| list_statement(dialect, folder, &table.name, query, limit);
        let mut rows = self.fetch_view(view, statement).await?;
        Ok(rows.iter_mut().map(doc_of).collect())
    }

    /// Digests of views as of a snapshot, by name.
    pub(crate) async fn digest_in(&self, snapshot: &mut Snapshot, view: u16) -> Result<[u8; 32], LogError> {
        // The table that served when the snapshot was taken.
        let rows = snapshot.fetch(registry()).await?;
        let layout = Layout::from_registry(&self.0.shared.views, 0, rows);
        let table = layout
            .tables
            .get(usize::from(view))
            .filter(|table| !table.name.is_empty());
        let Some(table) = table else {
            return Err(self.being_built(view));
        };
        let columns = doc_columns(snapshot.dialect());
        let sql = format!(
            "SELECT {columns} FROM {} WHERE id > $1 ORDER BY id LIMIT $2",
            table.name
        );
        let mut digest = Context::new(&SHA256);
        let mut last = String::new();
        loop {
            let args = vec![last.as_str().into(), PAGE.into()];
            let mut rows = snapshot.fetch(Statement::new(sql.clone(), args)).await?;
            for row in &mut rows {
                last = digest_row(&mut digest, row);
            }
            if rows.len() < PAGE as usize {
                let mut bytes = [0; 32];
                bytes.copy_from_slice(digest.finish().as_ref());
                return Ok(bytes);
            }
        }
    }
}

/// Adds every column of a document, each text behind its length; gives the id.
fn digest_row(digest: &mut Context, row: &mut Row) -> String {
    let id = row.text(0);
    let texts = [
        Some(id.clone()),
        row.text_opt(1),
        row.text_opt(2),
        row.text_opt(3),
        row.text_opt(6),
    ];
    for text in &texts {
        let length = text.as_ref().map_or(u64::MAX, |text| text.len() as u64);
        digest.update(&length.to_be_bytes());
        digest.update(text.as_deref().unwrap_or_default().as_bytes());
    }
    for column in [4, 5, 7] {
        digest.update(&row.int(column).to_be_bytes());
    }
    id
}

#[async_trait]
impl Views for Store {
    async fn get(&self, view: &str, id: &str) -> Result<Option<Doc>, LogError> {
        if id.contains('\0') {
            return Ok(None);
        }
        self.get_one(self.0.shared.views.index(view)?, id).await
    }

    async fn get_many(&self, view: &str, ids: &[String]) -> Result<Vec<Doc>, LogError> {
        let view = self.0.shared.views.index(view)?;
        let mut docs = Vec::with_capacity(ids.len());
        if let Db::Sqlite(_) = &self.0.db {
            for id in ids {
                docs.extend(self.get_one(view, id).await?);
            }
            return Ok(docs);
        }
        let known: Vec<&String> = ids.iter().filter(|id| !id.contains('\0')).collect();
        for part in known.chunks(500) {
            let statement = |table: &Table| {
                let places: Vec<String> = (1..=part.len())
                    .map(|parameter| format!("${parameter}"))
                    .collect();
                let columns = doc_columns(Dialect::Postgres);
                let sql = format!(
                    "SELECT {columns} FROM {} WHERE id IN ({})",
                    table.name,
                    places.join(", ")
                );
                Statement::new(sql, part.iter().map(|id| id.as_str().into()).collect())
            };
            let mut rows = self.fetch_view(view, statement).await?;
            let mut found: HashMap<Arc<str>, Doc> = rows
                .iter_mut()
                .map(doc_of)
                .map(|doc| (Arc::clone(&doc.id), doc))
                .collect();
            docs.extend(part.iter().filter_map(|id| found.remove(id.as_str())));
        }
        Ok(docs)
    }

    async fn list(&self, view: &str, query: &Query) -> Result<Page<Doc>, LogError> {
        let view = self.0.shared.views.index(view)?;
        // Taken first: the page reflects at least this position.
        let position = *self.0.shared.head.borrow();
        if query.limit == 0 || cannot_match(query) {
            return Ok(Page {
                data: Vec::new(),
                next: None,
                position,
            });
        }
        // An event creates at most one document of a view, so the position is a cursor without ties.
        let mut data = self.list_rows(view, query, u64::from(query.limit) + 1).await?;
        let more = data.len() > query.limit as usize;
        data.truncate(query.limit as usize);
        let next = data.last().filter(|_| more).map(|doc| doc.created_position);
        // Another node's write may be on the page before this node has heard of it.
        let position = data.iter().map(|doc| doc.position).fold(position, u64::max);
        Ok(Page { data, next, position })
    }

    async fn newest(&self, view: &str, query: &Query) -> Result<(Vec<Doc>, u64), LogError> {
        if query.limit == 0 || cannot_match(query) {
            return Ok((Vec::new(), self.count(view, query).await?));
        }
        let view = self.0.shared.views.index(view)?;
        let (dialect, folder) = (self.0.db.dialect(), self.0.shared.views.view(view));
        let query = Query {
            after: None,
            ..query.clone()
        };
        let statement = |table: &Table| newest_statement(dialect, folder, &table.name, &query);
        let mut rows = self.fetch_view(view, statement).await?;
        let total = rows.first().map_or(0, |row| row.number(COUNT));
        Ok((rows.iter_mut().map(doc_of).collect(), total))
    }

    async fn count(&self, view: &str, query: &Query) -> Result<u64, LogError> {
        let view = self.0.shared.views.index(view)?;
        if cannot_match(query) {
            return Ok(0);
        }
        let (dialect, folder) = (self.0.db.dialect(), self.0.shared.views.view(view));
        let rows = self
            .fetch_view(view, |table| count_statement(dialect, folder, &table.name, query))
            .await?;
        Ok(rows.first().map_or(0, |row| row.number(0)))
    }

    async fn rebuild(&self, views: &[String]) -> Result<u64, LogError> {
        let targets = if views.is_empty() {
            (0_u16..).take(self.0.shared.views.views.len()).collect()
        } else {
            views
                .iter()
                .map(|name| self.0.shared.views.index(name))
                .collect::<Result<_, _>>()?
        };
        crate::rebuild::rebuild(&Arc::downgrade(&self.0), targets, true).await
    }

    async fn digest(&self, view: &str) -> Result<[u8; 32], LogError> {
        let view = self.0.shared.views.index(view)?;
        let mut snapshot = self.0.db.snapshot().await?;
        self.digest_in(&mut snapshot, view).await
    }
}

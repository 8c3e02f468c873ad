//! The one statement that commits a batch: compare-and-swap of the head, events, documents, idempotency
//! records and the notification, all or nothing.

use std::{collections::BTreeMap, fmt::Write as _, sync::Arc};

use reef_commands::ports::IdempotencyRecord;
use reef_domain::AccountId;
use sqlx::{Arguments, postgres::PgArguments};

use crate::{
    docs::{Layout, StoredDoc},
    fold::Change,
    memory::HeadState,
    plan::{Plan, version_text},
    sql::{DbError, to_db},
};

/// Channel on which nodes tell each other of commits.
pub(crate) const CHANNEL: &str = "reef_head";

/// A statement's text and arguments, growing together.
pub(crate) struct Builder {
    pub(crate) sql: String,
    pub(crate) args: PgArguments,
}

macro_rules! column {
    ($builder:expr, $cast:literal, $values:expr) => {
        $builder.add($values.collect::<Vec<_>>(), $cast)
    };
}

impl Builder {
    pub(crate) fn new() -> Self {
        Self {
            sql: String::with_capacity(2048),
            args: PgArguments::default(),
        }
    }

    /// Binds a value and gives its placeholder.
    fn add<'t, T>(&mut self, value: T, cast: &str) -> Result<String, DbError>
    where
        T: sqlx::Encode<'t, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
    {
        self.args
            .add(value)
            .map_err(|error| DbError::Refused(error.to_string()))?;
        Ok(format!("${}{cast}", self.args.len()))
    }

    /// Swaps the head if nobody else has moved it since `revision`.
    pub(crate) fn swap_head(&mut self, revision: i64, head: &HeadState) -> Result<(), DbError> {
        let old = self.add(revision, "::int8")?;
        let new = self.add(head.revision, "::int8")?;
        let position = self.add(to_db(head.position), "::int8")?;
        let frontier = self.add(head.frontier.to_bytes(), "::bytea")?;
        let recorded_at = self.add(head.recorded_at_us, "::int8")?;
        self.push(format_args!(
            "WITH cas AS (UPDATE log_head SET revision = {new}, position = {position}, frontier = {frontier}, \
             recorded_at = {recorded_at} WHERE id = 1 AND revision = {old} RETURNING 1 AS done)"
        ));
        Ok(())
    }

    pub(crate) fn events(&mut self, plan: &Plan) -> Result<(), DbError> {
        if plan.events.is_empty() {
            return Ok(());
        }
        let events = || plan.events.iter();
        let envelopes = || plan.events.iter().map(|event| &event.envelope);
        let columns = [
            column!(self, "::text[]", envelopes().map(|event| event.aggregate_type))?,
            column!(self, "::text[]", envelopes().map(|event| &*event.aggregate_id))?,
            column!(self, "::int8[]", envelopes().map(|event| to_db(event.sequence)))?,
            column!(
                self,
                "::text[]",
                envelopes().map(|event| event.event.event_type())
            )?,
            column!(
                self,
                "::text[]",
                envelopes().map(|event| version_text(event.event.event_version()))
            )?,
            column!(self, "::text[]", envelopes().map(|event| &*event.payload))?,
            column!(
                self,
                "::text[]",
                events().map(|event| event.metadata_json.as_str())
            )?,
            column!(self, "::int8[]", envelopes().map(|event| to_db(event.position)))?,
            column!(
                self,
                "::text[]",
                envelopes().map(|event| event.account_id.as_ref().map(AccountId::as_str))
            )?,
            column!(
                self,
                "::int8[]",
                envelopes().map(|event| event.recorded_at.timestamp_micros())
            )?,
            column!(self, "::bytea[]", events().map(|event| &event.leaf[..]))?,
        ];
        self.push(format_args!(
            ", ev AS (INSERT INTO events (aggregate_type, aggregate_id, sequence, event_type, event_version, payload, \
             metadata, position, account_id, recorded_at, leaf_hash) \
             SELECT a, b, c, d, e, f::json, g::json, h, i, j, k \
             FROM unnest({}) AS t(a, b, c, d, e, f, g, h, i, j, k) WHERE EXISTS (SELECT FROM cas))",
            columns.join(", ")
        ));
        Ok(())
    }

    pub(crate) fn idempotency(
        &mut self,
        records: &[(&IdempotencyRecord, u64)],
        now_us: i64,
    ) -> Result<(), DbError> {
        if records.is_empty() {
            return Ok(());
        }
        let rows = || records.iter().map(|(record, _)| record);
        let columns = [
            column!(self, "::text[]", rows().map(|record| record.scope.as_str()))?,
            column!(self, "::text[]", rows().map(|record| record.key.as_str()))?,
            column!(self, "::bytea[]", rows().map(|record| &record.fingerprint[..]))?,
            column!(self, "::bytea[]", rows().map(|record| &record.answer[..]))?,
            column!(self, "::text[]", rows().map(|record| record.subject.as_str()))?,
            column!(
                self,
                "::int8[]",
                records.iter().map(|(_, position)| to_db(*position))
            )?,
        ];
        let now = self.add(now_us, "::int8")?;
        self.push(format_args!(
            ", idem AS (INSERT INTO idempotency (scope, key, fingerprint, answer, subject, position, recorded_at) \
             SELECT a, b, c, d, e, f, {now} FROM unnest({}) AS t(a, b, c, d, e, f) WHERE EXISTS (SELECT FROM cas))",
            columns.join(", ")
        ));
        Ok(())
    }

    /// The documents, for each view those to write and those to remove.
    pub(crate) fn changes(
        &mut self,
        layout: &Layout,
        changes: &[Change],
        guard: &str,
    ) -> Result<(), DbError> {
        let mut upserts: BTreeMap<u16, Vec<&StoredDoc>> = BTreeMap::new();
        let mut deletes: BTreeMap<u16, Vec<&str>> = BTreeMap::new();
        for change in changes {
            match &change.now {
                Some(doc) => upserts.entry(change.view).or_default().push(doc),
                None => deletes.entry(change.view).or_default().push(&change.id),
            }
        }
        for (view, docs) in upserts {
            self.upsert(view, &layout.tables[usize::from(view)].name, &docs, guard)?;
        }
        for (view, ids) in deletes {
            let ids = self.add(ids, "::text[]")?;
            let table = &layout.tables[usize::from(view)].name;
            self.push(format_args!(
                ", d{view} AS (DELETE FROM {table} WHERE id = ANY({ids}) {guard})"
            ));
        }
        Ok(())
    }

    fn upsert(&mut self, view: u16, table: &str, docs: &[&StoredDoc], guard: &str) -> Result<(), DbError> {
        let rows = || docs.iter();
        let columns = [
            column!(self, "::text[]", rows().map(|doc| &*doc.read.id))?,
            column!(
                self,
                "::text[]",
                rows().map(|doc| doc.read.account_id.as_ref().map(AccountId::as_str))
            )?,
            column!(self, "::text[]", rows().map(|doc| doc.read.parent_id.as_deref()))?,
            column!(self, "::text[]", rows().map(|doc| doc.status.as_deref()))?,
            column!(self, "::int8[]", rows().map(|doc| doc.created_at_us))?,
            column!(
                self,
                "::int8[]",
                rows().map(|doc| to_db(doc.read.created_position))
            )?,
            column!(self, "::int8[]", rows().map(|doc| to_db(doc.read.position)))?,
            column!(self, "::text[]", rows().map(|doc| &*doc.read.payload))?,
        ];
        self.push(format_args!(
            ", u{view} AS (INSERT INTO {table} AS v (id, account_id, parent_id, status, created_at, created_position, \
             position, payload) SELECT a, b, c, d, e, f, g, h::json \
             FROM unnest({}) AS t(a, b, c, d, e, f, g, h) WHERE TRUE {guard} \
             ON CONFLICT (id) DO UPDATE SET account_id = excluded.account_id, parent_id = excluded.parent_id, \
             status = excluded.status, created_at = excluded.created_at, \
             created_position = excluded.created_position, position = excluded.position, payload = excluded.payload)",
            columns.join(", ")
        ));
        Ok(())
    }

    /// Ends the statement: tells other nodes, and whether the head was swapped.
    pub(crate) fn finish(&mut self, position: u64) -> Result<(), DbError> {
        let told = self.add(position.to_string(), "::text")?;
        self.push(format_args!(
            ", told AS (SELECT pg_notify('{CHANNEL}', {told}) FROM cas) \
             SELECT (SELECT count(*) FROM cas), (SELECT count(*) FROM told)"
        ));
        Ok(())
    }

    pub(crate) fn push(&mut self, text: std::fmt::Arguments<'_>) {
        self.sql.write_fmt(text).expect("writing to a string cannot fail");
    }

    /// The text, to be shared with the connection's cache of prepared statements.
    pub(crate) fn into_parts(self) -> (Arc<str>, PgArguments) {
        (self.sql.into(), self.args)
    }
}

//! The event log, views, checkpoints and vault on SQLite and PostgreSQL.

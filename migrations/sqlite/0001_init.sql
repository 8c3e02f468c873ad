-- The log. `position` is the rowid: appending writes at the end of one tree.
CREATE TABLE events (
    position       INTEGER PRIMARY KEY,
    aggregate_type TEXT    NOT NULL,
    aggregate_id   TEXT    NOT NULL,
    sequence       INTEGER NOT NULL CHECK (sequence >= 1),
    event_type     TEXT    NOT NULL,
    event_version  TEXT    NOT NULL,
    payload        TEXT    NOT NULL,
    metadata       TEXT    NOT NULL,
    account_id     TEXT,
    recorded_at    INTEGER NOT NULL, -- microseconds since 1970
    leaf_hash      BLOB    NOT NULL,
    UNIQUE (aggregate_type, aggregate_id, sequence)
);
-- An index entry ends with the rowid, so this one is ordered by position within an account.
CREATE INDEX events_by_account ON events (account_id) WHERE account_id IS NOT NULL;

-- One row: end of the log, Merkle frontier, and counters that tell what changed.
CREATE TABLE log_head (
    id          INTEGER PRIMARY KEY CHECK (id = 1),
    revision    INTEGER NOT NULL,
    position    INTEGER NOT NULL,
    frontier    BLOB    NOT NULL,
    recorded_at INTEGER NOT NULL,
    layout      INTEGER NOT NULL
);
INSERT INTO log_head (id, revision, position, frontier, recorded_at, layout) VALUES (1, 0, 0, x'', 0, 0);

CREATE TABLE idempotency (
    scope       TEXT    NOT NULL,
    key         TEXT    NOT NULL,
    fingerprint BLOB    NOT NULL,
    answer      BLOB    NOT NULL,
    subject     TEXT    NOT NULL,
    position    INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL,
    PRIMARY KEY (scope, key)
) WITHOUT ROWID;
CREATE INDEX idempotency_by_subject ON idempotency (subject) WHERE subject <> '';

CREATE TABLE checkpoints (
    name     TEXT PRIMARY KEY,
    position INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE leases (
    name       TEXT PRIMARY KEY,
    holder     TEXT    NOT NULL,
    fence      INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE parked (
    manager   TEXT    NOT NULL,
    key       TEXT    NOT NULL,
    position  INTEGER NOT NULL,
    step      TEXT    NOT NULL,
    error     TEXT    NOT NULL,
    attempts  INTEGER NOT NULL,
    parked_at INTEGER NOT NULL,
    PRIMARY KEY (manager, key, position, step)
) WITHOUT ROWID;

-- `wrapped` is the owner's data key under the master key; gone once destroyed, while the row stays.
CREATE TABLE data_keys (
    owner        TEXT PRIMARY KEY,
    wrapped      BLOB,
    destroyed_at INTEGER
);

CREATE TABLE vault (
    owner     TEXT NOT NULL,
    reference TEXT NOT NULL,
    sealed    TEXT NOT NULL,
    PRIMARY KEY (owner, reference)
);

CREATE TABLE workspace (
    agent_id TEXT NOT NULL,
    path     TEXT NOT NULL,
    sealed   TEXT NOT NULL,
    PRIMARY KEY (agent_id, path)
);

-- Which table serves a view. Tables of views are made by the program.
CREATE TABLE view_registry (
    name       TEXT PRIMARY KEY,
    version    INTEGER NOT NULL,
    position   INTEGER NOT NULL,
    table_name TEXT    NOT NULL
);

CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL
);

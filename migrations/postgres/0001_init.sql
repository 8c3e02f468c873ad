-- The log. The first seven columns and the primary key are those of postgres-es, which can read it.
-- payload and metadata are json, not jsonb: hashes are over the stored bytes.
CREATE TABLE events (
    aggregate_type text   NOT NULL,
    aggregate_id   text   NOT NULL,
    sequence       bigint NOT NULL CHECK (sequence >= 1),
    event_type     text   NOT NULL,
    event_version  text   NOT NULL,
    payload        json   NOT NULL,
    metadata       json   NOT NULL,
    position       bigint NOT NULL,
    account_id     text,
    recorded_at    bigint NOT NULL, -- microseconds since 1970
    leaf_hash      bytea  NOT NULL,
    PRIMARY KEY (aggregate_type, aggregate_id, sequence)
);
CREATE UNIQUE INDEX events_by_position ON events (position);
CREATE INDEX events_by_account ON events (account_id, position) WHERE account_id IS NOT NULL;

-- One row: lock and allocator of the log, Merkle frontier, and counters that tell what changed.
CREATE TABLE log_head (
    id          integer PRIMARY KEY CHECK (id = 1),
    revision    bigint NOT NULL,
    position    bigint NOT NULL,
    frontier    bytea  NOT NULL,
    recorded_at bigint NOT NULL,
    layout      bigint NOT NULL
) WITH (fillfactor = 10);
INSERT INTO log_head (id, revision, position, frontier, recorded_at, layout) VALUES (1, 0, 0, '', 0, 0);

CREATE TABLE idempotency (
    scope       text   NOT NULL,
    key         text   NOT NULL,
    fingerprint bytea  NOT NULL,
    answer      bytea  NOT NULL,
    subject     text   NOT NULL,
    position    bigint NOT NULL,
    recorded_at bigint NOT NULL,
    PRIMARY KEY (scope, key)
);
CREATE INDEX idempotency_by_subject ON idempotency (subject) WHERE subject <> '';

CREATE TABLE checkpoints (
    name     text PRIMARY KEY,
    position bigint NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE leases (
    name       text PRIMARY KEY,
    holder     text   NOT NULL,
    fence      bigint NOT NULL,
    expires_at bigint NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE parked (
    manager   text   NOT NULL,
    key       text   NOT NULL,
    position  bigint NOT NULL,
    step      text   NOT NULL,
    error     text   NOT NULL,
    attempts  bigint NOT NULL,
    parked_at bigint NOT NULL,
    PRIMARY KEY (manager, key, position, step)
);

-- `wrapped` is the owner's data key under the master key; gone once destroyed, while the row stays.
CREATE TABLE data_keys (
    owner        text PRIMARY KEY,
    wrapped      bytea,
    destroyed_at bigint
);

CREATE TABLE vault (
    owner     text NOT NULL,
    reference text NOT NULL,
    sealed    text NOT NULL,
    PRIMARY KEY (owner, reference)
);

CREATE TABLE workspace (
    agent_id text NOT NULL,
    path     text NOT NULL,
    sealed   text NOT NULL,
    PRIMARY KEY (agent_id, path)
);

-- Which table serves a view. Tables of views are made by the program.
CREATE TABLE view_registry (
    name       text PRIMARY KEY,
    version    bigint NOT NULL,
    position   bigint NOT NULL,
    table_name text   NOT NULL
);

CREATE TABLE meta (
    name  text PRIMARY KEY,
    value bytea NOT NULL
);

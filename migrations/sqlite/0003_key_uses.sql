-- When API keys were used last, one row each.
CREATE TABLE key_uses (
    key_id  TEXT PRIMARY KEY,
    used_at INTEGER NOT NULL -- microseconds since 1970
) WITHOUT ROWID;

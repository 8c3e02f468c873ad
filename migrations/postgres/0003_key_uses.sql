-- When API keys were used last, one row each.
CREATE TABLE key_uses (
    key_id  text PRIMARY KEY,
    used_at bigint NOT NULL -- microseconds since 1970
);

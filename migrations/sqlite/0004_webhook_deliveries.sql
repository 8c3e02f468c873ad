-- Stretches of the log that are delivered to webhooks: what is new, and replays.
CREATE TABLE webhook_tracks (
    webhook_id TEXT    NOT NULL,
    started    INTEGER NOT NULL, -- position of the event that began it
    cursor     INTEGER NOT NULL,
    until      INTEGER,          -- NULL: it follows the log
    behind     INTEGER NOT NULL, -- 0: at least at the dispatcher's checkpoint
    PRIMARY KEY (webhook_id, started)
) WITHOUT ROWID;

-- How webhooks' deliveries fare.
CREATE TABLE webhook_health (
    webhook_id      TEXT PRIMARY KEY,
    attempts        INTEGER NOT NULL,
    failures_in_row INTEGER NOT NULL,
    failing_since   INTEGER, -- microseconds since 1970
    in_trouble      INTEGER NOT NULL
) WITHOUT ROWID;

-- Deliveries that are to be tried again.
CREATE TABLE webhook_retries (
    webhook_id TEXT    NOT NULL,
    position   INTEGER NOT NULL,
    tries      INTEGER NOT NULL,
    due_at     INTEGER NOT NULL, -- microseconds since 1970
    always     INTEGER NOT NULL, -- 1: also to a disabled webhook
    outcome    TEXT    NOT NULL,
    PRIMARY KEY (webhook_id, position)
) WITHOUT ROWID;

-- What came of the tries; a bounded number for each webhook.
CREATE TABLE webhook_attempts (
    webhook_id TEXT    NOT NULL,
    number     INTEGER NOT NULL,
    position   INTEGER NOT NULL,
    event_type TEXT    NOT NULL,
    attempt    INTEGER NOT NULL,
    at         INTEGER NOT NULL, -- microseconds since 1970
    took_ms    INTEGER NOT NULL,
    status     INTEGER,
    failure    TEXT,
    answer     TEXT,
    PRIMARY KEY (webhook_id, number)
) WITHOUT ROWID;

-- Stretches of the log that are delivered to webhooks: what is new, and replays.
CREATE TABLE webhook_tracks (
    webhook_id text    NOT NULL,
    started    bigint NOT NULL, -- position of the event that began it
    cursor     bigint NOT NULL,
    until      bigint,          -- NULL: it follows the log
    behind     bigint NOT NULL, -- 0: at least at the dispatcher's checkpoint
    PRIMARY KEY (webhook_id, started)
);

-- How webhooks' deliveries fare.
CREATE TABLE webhook_health (
    webhook_id      text PRIMARY KEY,
    attempts        bigint NOT NULL,
    failures_in_row bigint NOT NULL,
    failing_since   bigint, -- microseconds since 1970
    in_trouble      bigint NOT NULL
);

-- Deliveries that are to be tried again.
CREATE TABLE webhook_retries (
    webhook_id text    NOT NULL,
    position   bigint NOT NULL,
    tries      bigint NOT NULL,
    due_at     bigint NOT NULL, -- microseconds since 1970
    always     bigint NOT NULL, -- 1: also to a disabled webhook
    outcome    text    NOT NULL,
    PRIMARY KEY (webhook_id, position)
);

-- What came of the tries; a bounded number for each webhook.
CREATE TABLE webhook_attempts (
    webhook_id text    NOT NULL,
    number     bigint NOT NULL,
    position   bigint NOT NULL,
    event_type text    NOT NULL,
    attempt    bigint NOT NULL,
    at         bigint NOT NULL, -- microseconds since 1970
    took_ms    bigint NOT NULL,
    status     bigint,
    failure    text,
    answer     text,
    PRIMARY KEY (webhook_id, number)
);

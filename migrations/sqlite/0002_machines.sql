-- When machines were seen last, one row each; `connected_to` is the server process that has the connection.
CREATE TABLE machine_sightings (
    machine_id   TEXT PRIMARY KEY,
    seen_at      INTEGER NOT NULL, -- microseconds since 1970
    connected_to TEXT
) WITHOUT ROWID;

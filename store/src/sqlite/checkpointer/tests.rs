use std::time::{Duration, Instant};

use super::*;

/// Commits a page or two at a time until `done` or the deadline; the largest write-ahead log seen, bytes.
fn write_until(path: &Path, conn: &Connection, done: impl Fn(i64) -> bool) -> u64 {
    let mut checkpointer = Checkpointer::start(path, conn).unwrap();
    conn.execute_batch("PRAGMA synchronous = OFF; CREATE TABLE t (body BLOB)")
        .unwrap();
    let wal = path.with_extension("db-wal");
    let deadline = Instant::now() + Duration::from_secs(30);
    let (mut commits, mut largest) = (0, 0);
    while !done(commits) {
        assert!(Instant::now() < deadline, "after {commits} commits");
        conn.execute("INSERT INTO t VALUES (zeroblob(16000))", [])
            .unwrap();
        checkpointer.committed(conn);
        commits += 1;
        largest = largest.max(std::fs::metadata(&wal).map_or(0, |file| file.len()));
    }
    largest
}

#[test]
fn under_steady_writing_the_write_ahead_log_starts_over_again_and_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.db");
    let conn = super::super::open_writer(&path).unwrap();
    let largest = write_until(&path, &conn, |commits| commits == 20_000);
    let written = 20_000 * 16_000;
    assert!(
        largest < written / 2,
        "{largest} of {written} bytes were in the log at once"
    );
    let stored: i64 = conn
        .query_row("SELECT count(*) FROM t", [], |row| row.get(0))
        .unwrap();
    assert_eq!(stored, 20_000);
}

#[test]
fn a_reader_that_stays_keeps_nothing_from_being_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.db");
    let conn = super::super::open_writer(&path).unwrap();
    conn.execute_batch("CREATE TABLE before (body BLOB)").unwrap();
    let reader = super::super::open_reader(&path).unwrap();
    reader
        .execute_batch("BEGIN; SELECT count(*) FROM before;")
        .unwrap();
    write_until(&path, &conn, |commits| commits == 3_000);
    let seen = reader.query_row("SELECT count(*) FROM sqlite_schema", [], |row| {
        row.get::<_, i64>(0)
    });
    assert_eq!(seen.unwrap(), 1, "the reader sees what was there when it began");
}

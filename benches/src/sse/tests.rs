//! The chunk decoder, whatever way the bytes arrive.

use super::Chunks;

#[test]
fn chunks_come_out_whole_however_they_are_cut() {
    let wire = b"5\r\nhello\r\n10\r\n, reef and world\r\n";
    for cut in 0..wire.len() {
        let (mut chunks, mut out) = (Chunks::default(), Vec::new());
        chunks.take(&wire[..cut], &mut out).unwrap();
        chunks.take(&wire[cut..], &mut out).unwrap();
        assert_eq!(out, b"hello, reef and world", "cut at {cut}");
    }
}

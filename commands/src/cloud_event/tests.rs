//! Texts that need escaping, and ids that need encoding.

use super::*;

fn json(value: &str) -> String {
    let mut out = String::new();
    text(value, &mut out);
    out
}

#[test]
fn any_text_becomes_json() {
    for value in [
        "plain",
        "",
        "with \"quotes\"",
        "back\\slash",
        "line\nend",
        "🐠",
        "\u{0}\u{7f}",
    ] {
        assert_eq!(serde_json::from_str::<String>(&json(value)).unwrap(), value);
    }
}

#[test]
fn a_source_is_one_path() {
    assert_eq!(source("agent", "agt_1"), "/v1/streams/agent/agt_1");
    assert_eq!(source("secret", "user/usr_1"), "/v1/streams/secret/user%2Fusr_1");
    assert_eq!(
        source("reservation", "a b?é"),
        "/v1/streams/reservation/a%20b%3F%C3%A9"
    );
}

//! What the conditional headers mean.

use super::*;

fn headers(name: &'static str, values: &[&str]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for value in values {
        headers.append(name, HeaderValue::from_str(value).unwrap());
    }
    headers
}

#[test]
fn if_match_is_a_sequence_in_quotes() {
    assert_eq!(if_match(&HeaderMap::new()).unwrap(), None);
    assert_eq!(if_match(&headers("if-match", &["\"12\""])).unwrap(), Some(12));
    for bad in [
        "12",
        "\"\"",
        "\"p12\"",
        "W/\"12\"",
        "*",
        "\"1\", \"2\"",
        "\"-1\"",
        "\"99999999999999999999\"",
    ] {
        let problem = if_match(&headers("if-match", &[bad])).unwrap_err();
        assert_eq!(
            (problem.status().as_u16(), problem.code()),
            (400, "invalid_parameter"),
            "{bad}"
        );
    }
    assert!(if_match(&headers("if-match", &["\"1\"", "\"1\""])).is_err());
}

#[test]
fn if_none_match_knows_lists_and_weak_tags() {
    let tag = ETag::Sequence(3);
    for known in ["\"3\"", "W/\"3\"", "\"1\", \"3\"", "*"] {
        assert!(tag.is_known(&headers("if-none-match", &[known])), "{known}");
    }
    for other in ["\"4\"", "3", "\"p3\"", ""] {
        assert!(!tag.is_known(&headers("if-none-match", &[other])), "{other}");
    }
}

#[test]
fn idempotency_keys_are_short_and_visible() {
    assert_eq!(idempotency_key(&HeaderMap::new()).unwrap(), None);
    assert_eq!(
        idempotency_key(&headers("idempotency-key", &["a-1"]))
            .unwrap()
            .as_deref(),
        Some("a-1")
    );
    let long = "k".repeat(256);
    for bad in ["", "two words", long.as_str()] {
        assert!(
            idempotency_key(&headers("idempotency-key", &[bad])).is_err(),
            "{bad}"
        );
    }
    assert!(idempotency_key(&headers("idempotency-key", &["a", "a"])).is_err());
}

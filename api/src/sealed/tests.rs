//! The splice hits the field and nothing else.

use super::*;

#[test]
fn only_the_field_is_replaced() {
    let payload = r#"{"id":"m","note":"\"content_sealed\":\"abc\"","content_sealed":"abc","last":1}"#;
    let expected = r#"{"id":"m","note":"\"content_sealed\":\"abc\"","content":"said \"hi\"","last":1}"#;
    assert_eq!(spliced(payload, "abc", r#""said \"hi\"""#), expected);
}

#[test]
fn base64_is_what_a_sealed_text_looks_like() {
    let text =
        r#"{"id":"m","account_id":"a","agent_id":"g","conversation_id":"c","content_sealed":"q+/9=="}"#;
    let sealed: Sealed = serde_json::from_str(text).unwrap();
    assert_eq!(sealed.content, "q+/9==");
}

//! Whose id is taken.

use reef_commands::RandomEntropy;

use super::*;

fn id(given: Option<&str>) -> String {
    let mut headers = HeaderMap::new();
    if let Some(text) = given {
        headers.insert("x-request-id", HeaderValue::from_str(text).unwrap());
    }
    RequestId::of(&headers, &RandomEntropy).to_string()
}

#[test]
fn a_presentable_id_is_kept() {
    assert_eq!(id(Some("01JD-abc_9.x:y/z+=@")), "01JD-abc_9.x:y/z+=@");
}

#[test]
fn any_other_is_replaced() {
    let long = "a".repeat(129);
    for bad in [
        Some("two words"),
        Some("tab\there"),
        Some("<script>"),
        Some(""),
        Some(long.as_str()),
        None,
    ] {
        let made = id(bad);
        assert!(
            made.starts_with("req_") && made.len() == 24,
            "{bad:?} gave {made}"
        );
    }
}

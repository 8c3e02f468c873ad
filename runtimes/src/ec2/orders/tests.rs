//! Orders as they go there, and answers as they come back.

use super::*;

fn answer(value: &Value) -> String {
    format!("reef1:{}:\n", packed(value).unwrap())
}

#[test]
fn what_was_said_comes_back_whole() {
    let said = json!({ "content": "Zwölf Boxkämpfer\n\u{1f420}" });
    assert_eq!(result(&answer(&said)).unwrap(), said);
    let after_chatter = format!("warning: clock skew\n{}", answer(&said));
    assert_eq!(result(&after_chatter).unwrap(), said);
}

#[test]
fn a_cut_off_answer_is_none() {
    let whole = answer(&json!({ "content": "x" }));
    assert!(result(&whole[..whole.len() - 6]).unwrap_err().contains("24000"));
    assert!(result("").unwrap_err().contains("said nothing"));
    assert!(result("reef1:!!!:\n").is_err());
}

#[test]
fn nothing_of_an_order_can_leave_its_place_in_the_script() {
    let order = packed(&json!({ "text": "\nREEF_ORDER\nrm -rf /\n$(id) `id`" })).unwrap();
    let text = script(&order);
    assert!(!text.contains("rm -rf /\n"));
    assert_eq!(text.matches("\nREEF_ORDER\n").count(), 1);
    assert!(!PROGRAM.contains("\nREEF_PROGRAM"));
    assert!(PROGRAM.ends_with('\n'));
    // SSM would put a parameter in its place.
    assert!(!text.contains("{{"));
}

#[test]
fn pieces_make_the_whole() {
    let long = "x".repeat(2 * PIECE_CHARS + 1);
    let cut = pieces(&long);
    assert_eq!(cut.len(), 3);
    assert_eq!(cut.concat(), long);
    // With the program around it a script stays below what SSM takes.
    assert!(script(cut[0]).len() < 64 * 1024, "{}", script(cut[0]).len());
}

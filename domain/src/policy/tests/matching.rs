//! Specs of the matcher.

use crate::{
    policy::{Decision, Rules, evaluate},
    settings::CommandBundle,
};

fn decide(rules: &str, text: &str) -> Decision {
    Rules::parse(rules).unwrap().evaluate(text).decision
}

fn matches(rule: &str, text: &str) -> bool {
    decide(&format!("DENY: {rule}"), text) == Decision::Deny
}

#[test]
fn all_words_of_a_rule_must_occur() {
    assert!(matches("shell commands", "Run a command in the shell, please"));
    assert!(matches("SHELL commands", "open the Shell; type two Commands"));
    assert!(!matches("shell commands", "collect shells at the beach"));
    assert!(!matches("shell commands", ""));
    assert!(matches(
        "browse any public website",
        "Browse the public websites of three vendors"
    ));
}

#[test]
fn forms_of_a_word_are_one_word() {
    let families = [
        &["file", "files", "filing", "filed"][..],
        &["delete", "deletes", "deleting", "deleted"],
        &["browse", "browses", "browsing", "browsed"],
        &["run", "runs", "running"],
        &["stop", "stops", "stopping", "stopped"],
        &["copy", "copies", "copying", "copied"],
        &["search", "searches", "searching", "searched"],
        &["policy", "policies"],
        &["access", "accesses", "accessing", "accessed"],
        &["sell", "sells", "selling"],
        &["box", "boxes"],
        &["execute", "executes", "executing", "executed"],
        &["user's", "user", "users"],
    ];
    for family in families {
        for rule in family {
            for text in family {
                assert!(matches(rule, text), "{rule} should match {text}");
            }
        }
    }
    for (rule, text) in [
        ("bus", "bu"),
        ("string", "str"),
        ("cat", "category"),
        ("status", "statu"),
        ("red", "r"),
    ] {
        assert!(!matches(rule, text), "{rule} should not match {text}");
    }
}

#[test]
fn small_words_do_not_count_unless_there_is_nothing_else() {
    assert!(matches("all of the shell", "shell"));
    assert!(matches("use it", "please use it now"));
    assert!(!matches("use it", "please go on"));
}

#[test]
fn a_negation_in_a_rule_counts() {
    assert!(!matches("files without backup", "delete files in backup"));
    assert!(matches(
        "files without backup",
        "delete the file without a backup"
    ));
}

#[test]
fn everything_is_a_star() {
    for rule in ["*", "everything", " Anything "] {
        assert!(matches(rule, "whatever"), "{rule}");
        assert!(matches(rule, ""), "{rule}");
    }
    assert!(!matches("everything local", "remote things"));
}

#[test]
fn quoted_phrases_occur_literally() {
    assert!(matches("\"rm -rf\"", "then RM   -rf /tmp"));
    assert!(!matches("\"rm -rf\"", "rf -rm"));
    assert!(!matches("\"rm -rf\"", "perform -rf"));
    assert!(!matches("\"rm -rf\"", "rm -rfc"));
    assert!(matches("the \"public web\" search", "searching the public web"));
    assert!(!matches("the \"public web\" search", "search the web in public"));
    assert!(matches("\u{201c}drop table\u{201d}", "drop table users"));
    assert!(
        matches("a 5\" screen", "buy a 5 inch screen"),
        "a single quote mark is just a character"
    );
}

#[test]
fn any_script_and_disguise() {
    assert!(matches("sudo", "run ｓｕｄｏ now"));
    assert!(matches("sudo", "run su\u{200b}do now"));
    assert!(matches("café", "the CAFÉ is open") && matches("café", "the cafe\u{301} is open"));
    assert!(matches("İstanbul", "fly to istanbul"));
    assert!(matches("Straße", "die STRAßE sperren"));
    assert!(matches("删除文件", "请删除文件,谢谢"));
    assert!(!matches("删除文件", "请读取文件"));
    assert!(matches("ファイル delete", "このファイルをdeleteする"));
    assert!(matches("ลบไฟล์", "กรุณาลบไฟล์นี้"));
    assert!(matches("удалить файл", "Удалить ФАЙЛ сейчас"));
    assert!(matches("फ़ाइल", "यह फ़ाइल हटाओ"));
    assert!(matches("파일 삭제", "이 파일 을 삭제"));
}

#[test]
fn the_strictest_verb_counts_and_the_first_line_is_named() {
    let rules = "ALLOW: files\nREQUIRE CONFIRM: download files\nDENY: secret files\nDENY: secret";
    assert_eq!(decide(rules, "read files"), Decision::Allow);
    assert_eq!(decide(rules, "download a file"), Decision::RequireConfirm);
    assert_eq!(decide(rules, "download the secret file"), Decision::Deny);
    let verdict = Rules::parse(rules).unwrap().evaluate("download the secret file");
    assert_eq!(verdict.matched_rule.as_deref(), Some("DENY: secret files"));
    let reason = "line 3 of the policy, `DENY: secret files`, applies: the text has \"secret\", \"files\"";
    assert_eq!(verdict.reason, reason);
}

#[test]
fn what_no_rule_matches_needs_confirmation() {
    let verdict = Rules::parse("ALLOW: web browsing")
        .unwrap()
        .evaluate("write a poem");
    assert_eq!(
        (verdict.decision, verdict.matched_rule),
        (Decision::RequireConfirm, None)
    );
}

#[test]
fn a_policy_stands_above_the_bundles() {
    let verdict = evaluate(Some("ALLOW: sudo"), &[], "sudo reboot");
    assert_eq!(verdict.decision, Decision::Allow);
    assert_eq!(
        evaluate(Some("no rule"), &[], "sudo reboot").decision,
        Decision::RequireConfirm
    );
}

#[test]
fn without_a_policy_only_the_bundles_limit() {
    let decide = |bundles: &[CommandBundle], text: &str| evaluate(None, bundles, text).decision;
    assert_eq!(decide(&[], "write a poem"), Decision::Allow);
    assert_eq!(decide(&[], "run a shell command"), Decision::Deny);
    assert_eq!(
        decide(&[CommandBundle::OsCommands], "run a shell command"),
        Decision::Allow
    );
    assert_eq!(
        decide(&[CommandBundle::OsCommands], "search the web for news"),
        Decision::Deny
    );
    assert_eq!(
        decide(&CommandBundle::ALL, "search the web, execute code with sudo"),
        Decision::Allow
    );
}

#[test]
fn the_same_question_gets_the_same_answer() {
    let ask = || {
        Rules::parse("DENY: b a\nDENY: a \"b c\"")
            .unwrap()
            .evaluate("a b c")
    };
    assert_eq!(ask(), ask());
}

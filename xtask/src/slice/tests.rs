//! Names, and the places where they are put. That the templates compile is checked by `tests/slice.rs`.

use super::{Entry, Noun, with_entry, with_module};

#[test]
fn names_follow_the_place() {
    let noun = Noun::new("policy_entry");
    let template = "/// Of a widget.\npub struct WidgetId; // widgets\nmod widget;\n\"widgets\"\n";
    let expected = "/// Of a policy entry.\npub struct PolicyEntryId; // policy_entries\nmod policy_entry;\n\"policy_entries\"\n";
    assert_eq!(noun.applied_to(template), expected);
    assert_eq!(
        noun.named("domain/src/widget/tests.rs"),
        "domain/src/policy_entry/tests.rs"
    );
}

#[test]
fn modules_stay_in_order_and_attributes_with_their_module() {
    let text = "//! x\n\npub mod agent;\n#[cfg(test)]\npub mod spec;\n\npub use agent::A;\n";
    let with = |module| with_module(text, module).unwrap();
    assert_eq!(
        with("swarm"),
        text.replace("pub mod spec;\n", "pub mod spec;\npub mod swarm;\n")
    );
    assert_eq!(with("machine"), text.replace("#[cfg", "pub mod machine;\n#[cfg"));
    assert_eq!(
        with("aaa"),
        text.replace("pub mod agent", "pub mod aaa;\npub mod agent")
    );
}

#[test]
fn entries_go_to_the_end_of_their_list() {
    let entry = Entry {
        file: "",
        start: "list! {",
        end: "\n}",
        line: "\n    Widget,",
    };
    let noun = Noun::new("swarm");
    let with = |text| with_entry(text, &entry, &noun);
    assert_eq!(
        with("list! {\n    A,\n}\nx {\n}\n").unwrap(),
        "list! {\n    A,\n    Swarm,\n}\nx {\n}\n"
    );
    assert_eq!(with("nothing here"), None);
}

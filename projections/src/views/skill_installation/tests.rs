//! Specs of installed skills as they are read.

use super::*;
use crate::views::kit::{Kit, at};

fn installed(owner: &str, name: &str, revision: u64) -> SkillInstallationsEvent {
    SkillInstallationsEvent::Installed {
        account_id: "acc_1".into(),
        owner: owner.parse().unwrap(),
        name: name.to_owned(),
        kind: SkillKind::Custom,
        version: None,
        revision,
        files: [("SKILL.md".to_owned(), 3)].into(),
        content_sealed: "sealed".to_owned(),
    }
}

#[test]
fn what_is_installed_is_there_until_it_is_taken_away() {
    let (one, other) = ("runtime/inst_1", "agent/agt_1");
    let gone = SkillInstallationsEvent::Uninstalled {
        owner: one.parse().unwrap(),
        name: "notes".to_owned(),
        revision: 3,
    };
    let kit = Kit::<SkillInstallations>::new()
        .then(one, installed(one, "weather", 1))
        .then(one, installed(one, "notes", 2))
        .then(other, installed(other, "notes", 1))
        .then(one, gone);
    assert_eq!(kit.ids(), ["agent/agt_1/notes", "runtime/inst_1/weather"]);
    let doc = kit.doc("runtime/inst_1/weather").unwrap();
    assert_eq!((doc.created_at, doc.parent_id()), (at(1), Some(one)));
    let source = SkillInstallations::source(&doc.id, None).unwrap();
    assert_eq!(source.aggregate_id, one);
}

#[test]
fn the_skills_of_an_owner_are_gone_with_it() {
    let (one, other) = ("runtime/inst_1", "runtime/inst_2");
    let kit = Kit::<SkillInstallations>::new()
        .then(one, installed(one, "weather", 1))
        .then(other, installed(other, "weather", 1))
        .then(one, SkillInstallationsEvent::Purged {});
    assert_eq!(kit.ids(), ["runtime/inst_2/weather"]);
}

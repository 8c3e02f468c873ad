//! Arbitrary commands about skills.

use proptest::{
    collection::{btree_map, vec},
    option,
    prelude::*,
};
use reef_domain::{
    skill::{SkillCommand, SkillContent},
    skill_installation::{NewInstallation, SkillInstallationsCommand, SkillKind, SkillOwner},
};

use crate::commands::{id, number, text};

fn path() -> impl Strategy<Value = String> {
    prop_oneof![4 => Just("SKILL.md".to_owned()), 3 => "[ab](/[ab])?", 1 => "[./a:\\\\]{1,6}", 1 => text()]
}

pub(crate) fn skill() -> impl Strategy<Value = SkillCommand> {
    use SkillCommand as Do;
    let content = || {
        (
            id(),
            text(),
            text(),
            vec(text(), 0..3),
            btree_map(path(), text(), 0..3),
        )
            .prop_map(|(slug, name, version, tags, files)| SkillContent {
                slug,
                description: name.clone(),
                author: version.clone(),
                category: name.clone(),
                name,
                version,
                tags,
                files,
            })
    };
    prop_oneof![
        (id(), content()).prop_map(|(skill_id, content)| Do::Publish { skill_id, content }),
        content().prop_map(|content| Do::Revise { content }),
        Just(Do::Withdraw),
    ]
}

pub(crate) fn skill_installation() -> impl Strategy<Value = SkillInstallationsCommand> {
    use SkillInstallationsCommand as Do;
    let owner = || "(runtime|agent)/[ab]".prop_map(|owner| owner.parse::<SkillOwner>().expect("an owner"));
    let name = || prop_oneof![4 => id(), 1 => text()];
    let kind = prop::sample::select(vec![SkillKind::BuiltIn, SkillKind::Custom]);
    let files = btree_map(path(), number(), 0..3);
    prop_oneof![
        5 => (id(), owner(), name(), kind, option::of(text()), files, text()).prop_map(
            |(account_id, owner, name, kind, version, files, content_sealed)| {
                Do::Install(NewInstallation {
                    account_id,
                    owner,
                    name,
                    kind,
                    version,
                    files,
                    content_sealed,
                })
            }
        ),
        2 => (owner(), name()).prop_map(|(owner, name)| Do::Uninstall { owner, name }),
        1 => Just(Do::Purge),
    ]
}

//! Specs of installed skills.

use super::{
    SkillInstallationsCommand as Do, SkillInstallationsEvent as Did, SkillInstallationsRefusal as No, *,
};
use crate::{skill::files::SkillFilesRefusal, spec::given};

fn owner() -> SkillOwner {
    SkillOwner::Runtime("inst_1".into())
}

fn install(name: &str, bytes: u64) -> Do {
    Do::Install(NewInstallation {
        account_id: "acc_1".into(),
        owner: owner(),
        name: name.to_owned(),
        kind: SkillKind::Custom,
        version: None,
        files: [("SKILL.md".to_owned(), bytes)].into(),
        content_sealed: "c2VhbGVk".to_owned(),
    })
}

fn installed(name: &str, revision: u64, bytes: u64) -> Did {
    Did::Installed {
        account_id: "acc_1".into(),
        owner: owner(),
        name: name.to_owned(),
        kind: SkillKind::Custom,
        version: None,
        revision,
        files: [("SKILL.md".to_owned(), bytes)].into(),
        content_sealed: "c2VhbGVk".to_owned(),
    }
}

fn uninstall(name: &str) -> Do {
    Do::Uninstall {
        owner: owner(),
        name: name.to_owned(),
    }
}

#[test]
fn a_skill_is_installed_once_and_again_after_it_was_taken_away() {
    given::<SkillInstallations>([])
        .when(install("weather", 5))
        .then([installed("weather", 1, 5)])
        .when(install("weather", 6))
        .refused(No::SkillAlreadyInstalled)
        .when(uninstall("weather"))
        .then([Did::Uninstalled {
            owner: owner(),
            name: "weather".to_owned(),
            revision: 2,
        }])
        .when(uninstall("weather"))
        .refused(No::SkillNotInstalled)
        .when(install("weather", 6))
        .then([installed("weather", 3, 6)]);
}

#[test]
fn names_and_files_are_checked() {
    for bad in ["", "Weather", "my skill", "../x", "a/b", &"x".repeat(65)] {
        given::<SkillInstallations>([])
            .when(install(bad, 1))
            .refused(No::NameInvalid);
    }
    given::<SkillInstallations>([])
        .when(install("empty", 0))
        .refused(No::Files(SkillFilesRefusal::SkillMdMissing));
}

#[test]
fn number_and_sizes_are_bounded() {
    let (most, limit) = (
        SkillInstallations::MAX_SKILLS,
        SkillInstallations::MAX_TOTAL_BYTES,
    );
    let many = (1..=u64::from(most)).map(|n| installed(&format!("s{n}"), n, 1));
    given::<SkillInstallations>(many.collect::<Vec<_>>())
        .when(install("one-more", 1))
        .refused(No::TooManySkills { limit: most });
    let largest = files::MAX_FILE_BYTES;
    let full = (1..=limit / largest).map(|n| installed(&format!("s{n}"), n, largest));
    given::<SkillInstallations>(full.collect::<Vec<_>>())
        .when(install("one-more", 1))
        .refused(No::SkillsTooLarge { limit });
}

#[test]
fn nothing_is_installed_after_the_owner_is_gone() {
    given::<SkillInstallations>([]).when(Do::Purge).nothing();
    let done = given::<SkillInstallations>([installed("weather", 1, 5)])
        .when(Do::Purge)
        .then([Did::Purged {}])
        .when(Do::Purge)
        .nothing()
        .when(install("weather", 5))
        .refused(No::OwnerGone)
        .when(uninstall("weather"))
        .refused(No::OwnerGone);
    assert!(done.state().is_gone() && done.state().skills.is_empty());
}

#[test]
fn an_owner_is_a_runtime_or_an_agent() {
    assert_eq!("runtime/inst_1".parse(), Ok(owner()));
    assert_eq!("agent/agt_1".parse(), Ok(SkillOwner::Agent("agt_1".into())));
    assert_eq!(owner().to_string(), "runtime/inst_1");
    for bad in ["", "runtime", "runtime/", "user/usr_1", "agent/a b", "agent/a/b"] {
        assert_eq!(bad.parse::<SkillOwner>(), Err(NotASkillOwner), "{bad}");
    }
}

//! Specs of the skills of the catalogue.

use super::{SkillCommand as Do, SkillEvent as Did, SkillRefusal as No, files::SkillFilesRefusal as Bad, *};
use crate::spec::given;

fn content() -> SkillContent {
    SkillContent {
        slug: "weather".to_owned(),
        name: "Weather".to_owned(),
        description: "Get current weather".to_owned(),
        version: "1.0.0".to_owned(),
        tags: vec!["forecast".to_owned()],
        files: [("SKILL.md".to_owned(), "# Weather".to_owned())].into(),
        ..SkillContent::default()
    }
}

fn publish(content: SkillContent) -> Do {
    Do::Publish {
        skill_id: "weather".into(),
        content,
    }
}

fn published() -> Did {
    Did::Published {
        skill_id: "weather".into(),
        content: content(),
    }
}

fn with_files(files: impl IntoIterator<Item = (String, String)>) -> SkillContent {
    SkillContent {
        files: files.into_iter().collect(),
        ..content()
    }
}

#[test]
fn publishing_the_same_again_changes_nothing() {
    given::<Skill>([])
        .when(publish(content()))
        .then([published()])
        .when(publish(content()))
        .nothing();
    let other = SkillContent {
        version: "2".to_owned(),
        ..content()
    };
    given::<Skill>([published()])
        .when(publish(other))
        .refused(No::SkillAlreadyPublished);
}

#[test]
fn a_published_skill_is_revised_and_withdrawn() {
    let better = SkillContent {
        version: "1.1.0".to_owned(),
        ..content()
    };
    let revise = || Do::Revise {
        content: better.clone(),
    };
    given::<Skill>([]).when(revise()).refused(No::SkillNotFound);
    given::<Skill>([]).when(Do::Withdraw).refused(No::SkillNotFound);
    given::<Skill>([published()])
        .when(revise())
        .then([Did::Revised {
            content: better.clone(),
        }])
        .when(revise())
        .nothing()
        .when(Do::Withdraw)
        .then([Did::Withdrawn {}])
        .when(revise())
        .refused(No::SkillNotFound)
        .when(publish(content()))
        .then([published()]);
    let renamed = SkillContent {
        slug: "climate".to_owned(),
        ..content()
    };
    given::<Skill>([published()])
        .when(Do::Revise { content: renamed })
        .refused(No::SlugFixed);
}

#[test]
fn texts_are_bounded() {
    for bad in [
        SkillContent {
            slug: "Weather".to_owned(),
            ..content()
        },
        SkillContent {
            slug: String::new(),
            ..content()
        },
        SkillContent {
            name: " ".to_owned(),
            ..content()
        },
        SkillContent {
            version: String::new(),
            ..content()
        },
        SkillContent {
            description: "x".repeat(1001),
            ..content()
        },
        SkillContent {
            tags: vec![String::new()],
            ..content()
        },
        with_files([("SKILL.md".to_owned(), "a\0b".to_owned())]),
    ] {
        given::<Skill>([]).when(publish(bad)).refused(No::ContentInvalid);
    }
}

#[test]
fn files_are_a_folder_with_a_skill_md() {
    let md = || ("SKILL.md".to_owned(), "# It".to_owned());
    let file = |path: &str, bytes: u64| (path.to_owned(), "x".repeat(usize::try_from(bytes).unwrap()));
    let refused = |files: Vec<(String, String)>, refusal: Bad| {
        given::<Skill>([])
            .when(publish(with_files(files)))
            .refused(No::Files(refusal));
    };
    refused(vec![], Bad::SkillMdMissing);
    refused(vec![file("skill.md", 1)], Bad::SkillMdMissing);
    refused(vec![file("SKILL.md", 0)], Bad::SkillMdMissing);
    for path in [
        "/etc/passwd",
        "../x",
        "a/../../b",
        "a\\b",
        "C:x",
        "",
        "a//b",
        ".reef/x",
    ] {
        refused(vec![md(), file(path, 1)], Bad::PathInvalid);
    }
    refused(vec![md(), file("a", 1), file("a/b", 1)], Bad::PathTaken);
    refused(
        vec![md(), file("a", files::MAX_FILE_BYTES + 1)],
        Bad::FileTooLarge {
            limit: files::MAX_FILE_BYTES,
        },
    );
    let large = (0..4).map(|n| file(&format!("f{n}"), files::MAX_FILE_BYTES));
    refused(
        large.chain([md()]).collect(),
        Bad::SkillTooLarge {
            limit: files::MAX_BYTES,
        },
    );
    let many = (0..files::MAX_FILES).map(|n| file(&format!("f{n}"), 1));
    refused(
        many.chain([md()]).collect(),
        Bad::TooManyFiles {
            limit: files::MAX_FILES,
        },
    );
    let whole = with_files([md(), file("scripts/run.py", 5), file("scripts/lib/a.py", 5)]);
    given::<Skill>([])
        .when(publish(whole.clone()))
        .then([Did::Published {
            skill_id: "weather".into(),
            content: whole,
        }]);
}

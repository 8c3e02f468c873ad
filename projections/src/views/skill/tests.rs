//! Specs of the catalogue of skills as it is read.

use super::*;
use crate::views::kit::{Kit, at};

fn content(version: &str) -> SkillContent {
    SkillContent {
        slug: "weather".to_owned(),
        name: "Weather".to_owned(),
        version: version.to_owned(),
        files: [("SKILL.md".to_owned(), "# Weather".to_owned())].into(),
        ..SkillContent::default()
    }
}

fn published() -> SkillEvent {
    SkillEvent::Published {
        skill_id: "weather".into(),
        content: content("1"),
    }
}

#[test]
fn a_skill_is_what_it_said_last_until_it_is_withdrawn() {
    let kit = Kit::<Skills>::new().then("weather", published()).then(
        "weather",
        SkillEvent::Revised {
            content: content("2"),
        },
    );
    let doc = kit.doc("weather").unwrap();
    assert_eq!(
        (doc.version.as_str(), doc.created_at, doc.updated_at),
        ("2", at(1), at(2))
    );
    let kit = kit.then("weather", SkillEvent::Withdrawn {});
    assert!(kit.ids().is_empty());
    let kit = kit.then("weather", published());
    assert_eq!(kit.doc("weather").unwrap().created_at, at(4));
}

//! Specs of the catalogue of skills.

use reef_projections::views::skill::Skills;

use super::{
    seed::{seed, skills},
    *,
};
use crate::spec::{World, code, kinds};

#[tokio::test]
async fn seeding_again_changes_nothing_and_brings_nothing_back() {
    let world = World::new();
    assert_eq!(seed(&world.bus).await.unwrap(), 5);
    assert_eq!(seed(&world.bus).await.unwrap(), 0);
    let withdraw = WithdrawSkill {
        skill_id: "weather".into(),
    };
    world.operator(withdraw).await.unwrap();
    assert_eq!(seed(&world.bus).await.unwrap(), 0);
    assert!(world.doc::<Skills>("weather").await.is_none());
    assert!(world.doc::<Skills>("summarize").await.is_some());
}

#[test]
fn every_seed_says_what_it_is_and_what_it_needs() {
    let seeds = skills();
    let slugs: Vec<&str> = seeds.iter().map(|content| content.slug.as_str()).collect();
    assert_eq!(
        slugs,
        [
            "weather",
            "web-search",
            "code-execution",
            "summarize",
            "reminders"
        ]
    );
    for content in &seeds {
        let text = &content.files["SKILL.md"];
        assert!(
            text.starts_with(&format!("---\nname: {}\n", content.slug)),
            "{}",
            content.slug
        );
        assert!(text.contains("\n## What it needs\n"), "{}", content.slug);
    }
}

#[tokio::test]
async fn the_operator_revises_what_is_offered() {
    let world = World::new();
    let mut content = skills().remove(0);
    let publish = PublishSkill {
        content: content.clone(),
    };
    assert_eq!(kinds(&world.operator(publish).await.unwrap()), ["SkillPublished"]);
    content.version = "1.1.0".to_owned();
    let revise = ReviseSkill {
        content: content.clone(),
    };
    assert_eq!(kinds(&world.operator(revise).await.unwrap()), ["SkillRevised"]);
    assert_eq!(world.doc::<Skills>("weather").await.unwrap().version, "1.1.0");
    content.slug = "unheard-of".to_owned();
    assert_eq!(code(world.operator(ReviseSkill { content }).await), "not_found");
}

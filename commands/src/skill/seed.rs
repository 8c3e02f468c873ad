//! The skills every reef starts with. Each is honest about what it needs: a skill is a text that an agent reads, and
//! an agent can do no more than its runtime lets it.

use reef_domain::skill::{Skill, SkillContent, files::SKILL_MD};

use super::PublishSkill;
use crate::{Bus, Caller, CommandError, Request};

/// Publishes the seed skills that were never published here; revised and withdrawn ones stay as the operator left
/// them. Safe to run at every start and on every node. Returns how many were new.
pub async fn seed(bus: &Bus) -> Result<usize, CommandError> {
    let mut published = 0;
    for content in skills() {
        if bus.state::<Skill>(&content.slug).await?.is_some() {
            continue;
        }
        let request = Request::new(Caller::system("seed"), "seed");
        let answer = bus.execute(&PublishSkill { content }, request).await?;
        published += usize::from(!answer.events.is_empty());
    }
    Ok(published)
}

/// The seed skills.
pub fn skills() -> Vec<SkillContent> {
    vec![
        skill(
            ("weather", "Weather"),
            "Get current weather and forecasts",
            ("information", &["weather", "forecast"]),
            include_str!("seed/weather.md"),
        ),
        skill(
            ("web-search", "Web Search"),
            "Search the web and answer with sources",
            ("information", &["search", "web", "sources"]),
            include_str!("seed/web-search.md"),
        ),
        skill(
            ("code-execution", "Code Execution"),
            "Write, run and check small programs",
            ("development", &["code", "python", "shell"]),
            include_str!("seed/code-execution.md"),
        ),
        skill(
            ("summarize", "Summarize"),
            "Shorten long texts to what matters",
            ("writing", &["summary", "notes"]),
            include_str!("seed/summarize.md"),
        ),
        skill(
            ("reminders", "Reminders"),
            "Keep promises and dates, and bring them up in time",
            ("organisation", &["reminders", "dates", "memory"]),
            include_str!("seed/reminders.md"),
        ),
    ]
}

fn skill(
    (slug, name): (&str, &str),
    description: &str,
    (category, tags): (&str, &[&str]),
    skill_md: &str,
) -> SkillContent {
    SkillContent {
        slug: slug.to_owned(),
        name: name.to_owned(),
        description: description.to_owned(),
        author: "Reef".to_owned(),
        category: category.to_owned(),
        tags: tags.iter().map(ToString::to_string).collect(),
        version: "1.0.0".to_owned(),
        files: [(SKILL_MD.to_owned(), skill_md.to_owned())].into(),
    }
}

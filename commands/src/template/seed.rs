//! The templates every reef starts with.

use reef_domain::template::{Bundle, BundleAgent, Template, TemplateContent};

use super::{PublishTemplate, template_id};
use crate::{Bus, Caller, CommandError, Request};

/// Model the templates ask for; what answers in the end is the runtime's configuration.
const MODEL: &str = "claude-sonnet-4-6";

/// Publishes the seed templates that were never published here; revised and withdrawn ones stay as the
/// operator left them. Safe to run at every start and on every node. Returns how many were new.
pub async fn seed(bus: &Bus) -> Result<usize, CommandError> {
    let mut published = 0;
    for content in templates() {
        if bus.state::<Template>(template_id(&content.slug)).await?.is_some() {
            continue;
        }
        let request = Request::new(Caller::system("seed"), "seed");
        let answer = bus.execute(&PublishTemplate { content }, request).await?;
        published += usize::from(!answer.events.is_empty());
    }
    Ok(published)
}

/// The seed templates.
pub fn templates() -> Vec<TemplateContent> {
    vec![web_research(), code_helper(), inbox_assistant()]
}

fn web_research() -> TemplateContent {
    template(
        "web-research",
        "Web Research",
        "Reads the web and writes down what it found, with sources.",
        "search",
        &["web-search", "summarize"],
        "# Web research\n\nYou research questions and answer them from what you can cite.\n\n\
         - Say what you looked for, what you found and what you could not find.\n\
         - Name the source of every claim; mark what is your own conclusion.\n\
         - Put the answer first, then the details.\n\
         - Keep facts worth remembering in MEMORY.md.\n",
        "ALLOW: research\nALLOW: search\nALLOW: browse websites\nALLOW: summarize\nALLOW: compile summary\n\
         ALLOW: answer question\nREQUIRE CONFIRM: download files\nREQUIRE CONFIRM: send\n\
         REQUIRE CONFIRM: publish\nDENY: file system write\nDENY: shell commands\nDENY: sudo\nDENY: passwords",
    )
}

fn code_helper() -> TemplateContent {
    template(
        "code-helper",
        "Code Helper",
        "Explains, reviews and drafts code.",
        "code",
        &["code-review", "explain"],
        "# Code helper\n\nYou help people read, review and write code.\n\n\
         - Read before you write; follow the style that is there.\n\
         - Point at lines, not at feelings. Say how sure you are.\n\
         - Offer the smallest change that works, and how to test it.\n\
         - Never run what you were not asked to run.\n",
        "ALLOW: explain\nALLOW: review\nALLOW: draft\nALLOW: read files\nALLOW: write tests\n\
         REQUIRE CONFIRM: run code\nREQUIRE CONFIRM: execute\nREQUIRE CONFIRM: install\nREQUIRE CONFIRM: commit\n\
         REQUIRE CONFIRM: delete\nDENY: deploy production\nDENY: sudo\nDENY: \"rm -rf\"",
    )
}

fn inbox_assistant() -> TemplateContent {
    template(
        "inbox-assistant",
        "Inbox Assistant",
        "Sorts messages, drafts replies and keeps a list of what is to be done.",
        "mail",
        &["triage", "draft-replies"],
        "# Inbox assistant\n\nYou keep an inbox small.\n\n\
         - Sort what comes in: answer now, answer later, for information, noise.\n\
         - Draft replies in the owner's tone; short, friendly, complete.\n\
         - Never send by yourself: a person reads every draft first.\n\
         - Keep promises and dates in MEMORY.md.\n",
        "ALLOW: read messages\nALLOW: sort\nALLOW: draft\nALLOW: summarize\nALLOW: list\nREQUIRE CONFIRM: send\n\
         REQUIRE CONFIRM: reply\nREQUIRE CONFIRM: forward\nREQUIRE CONFIRM: archive\nDENY: delete\n\
         DENY: payment\nDENY: passwords",
    )
}

fn template(
    slug: &str,
    name: &str,
    description: &str,
    icon: &str,
    skills: &[&str],
    agents_md: &str,
    default_policy: &str,
) -> TemplateContent {
    let workspace = [
        ("AGENTS.md".to_owned(), agents_md.to_owned()),
        ("MEMORY.md".to_owned(), "# Memory\n\nNothing yet.\n".to_owned()),
    ];
    TemplateContent {
        slug: slug.to_owned(),
        name: name.to_owned(),
        description: description.to_owned(),
        icon: icon.to_owned(),
        bundle: Bundle {
            agent: BundleAgent {
                model: MODEL.to_owned(),
                skills: skills.iter().map(ToString::to_string).collect(),
            },
            workspace: workspace.into(),
        },
        default_policy: default_policy.to_owned(),
    }
}

//! Specs of the template.

use super::{TemplateCommand as Do, TemplateEvent as Did, TemplateRefusal as No, *};
use crate::spec::given;

fn content() -> TemplateContent {
    TemplateContent {
        slug: "web-research".to_owned(),
        name: "Web Research".to_owned(),
        description: "Reads the web".to_owned(),
        icon: "search".to_owned(),
        bundle: Bundle {
            agent: BundleAgent {
                model: "m".to_owned(),
                skills: vec!["web-search".to_owned()],
            },
            workspace: [("notes/AGENTS.md".to_owned(), "Be brief.".to_owned())].into(),
        },
        default_policy: "ALLOW: web browsing\nDENY: file system write".to_owned(),
    }
}

fn publish(content: TemplateContent) -> Do {
    Do::Publish {
        template_id: "tmpl_web-research".into(),
        content,
    }
}

fn published() -> Did {
    Did::Published {
        template_id: "tmpl_web-research".into(),
        content: content(),
    }
}

#[test]
fn publishing_the_same_again_changes_nothing() {
    given::<Template>([])
        .when(publish(content()))
        .then([published()])
        .when(publish(content()))
        .nothing()
        .when(publish(TemplateContent {
            icon: "x".to_owned(),
            ..content()
        }))
        .refused(No::TemplateAlreadyPublished);
}

#[test]
fn revising_and_withdrawing() {
    let other = TemplateContent {
        name: "Research".to_owned(),
        ..content()
    };
    given::<Template>([published()])
        .when(Do::Revise { content: content() })
        .nothing()
        .when(Do::Revise {
            content: other.clone(),
        })
        .then([Did::Revised {
            content: other.clone(),
        }])
        .when(Do::Withdraw)
        .then([Did::Withdrawn {}])
        .when(Do::Revise { content: other })
        .refused(No::TemplateNotFound)
        .when(Do::Withdraw)
        .refused(No::TemplateNotFound)
        .when(publish(content()))
        .then([published()]);
}

#[test]
fn the_slug_stays() {
    let content = TemplateContent {
        slug: "other".to_owned(),
        ..content()
    };
    given::<Template>([published()])
        .when(Do::Revise { content })
        .refused(No::SlugFixed);
}

#[test]
fn content_is_checked() {
    let bundle = |model: &str, path: &str| Bundle {
        agent: BundleAgent {
            model: model.to_owned(),
            skills: vec![],
        },
        workspace: [(path.to_owned(), String::new())].into(),
    };
    let bad = [
        TemplateContent {
            slug: String::new(),
            ..content()
        },
        TemplateContent {
            slug: "Web".to_owned(),
            ..content()
        },
        TemplateContent {
            name: " ".to_owned(),
            ..content()
        },
        TemplateContent {
            description: "\0".to_owned(),
            ..content()
        },
        TemplateContent {
            description: "x".repeat(MAX_BYTES),
            ..content()
        },
        TemplateContent {
            bundle: bundle("", "a"),
            ..content()
        },
        TemplateContent {
            bundle: bundle("m", "../a"),
            ..content()
        },
        TemplateContent {
            bundle: bundle("m", "/etc/passwd"),
            ..content()
        },
        TemplateContent {
            bundle: bundle("m", "a//b"),
            ..content()
        },
        TemplateContent {
            bundle: bundle("m", "a\\b"),
            ..content()
        },
    ];
    for content in bad {
        given::<Template>([])
            .when(publish(content))
            .refused(No::ContentInvalid);
    }
    let default_policy = "ALLOW: x\nMAYBE: y".to_owned();
    given::<Template>([])
        .when(publish(TemplateContent {
            default_policy,
            ..content()
        }))
        .refused(No::DefaultPolicyInvalid { line: 2 });
}

#[test]
fn the_default_policy_may_be_empty() {
    let content = TemplateContent {
        default_policy: String::new(),
        ..content()
    };
    let done = given::<Template>([]).when(publish(content));
    assert_eq!(done.outcome().as_ref().map(Vec::len), Ok(1));
}

//! Specs of the view of templates.

use reef_domain::template::{Bundle, TemplateContent, TemplateEvent as Did};

use super::*;
use crate::views::tests::log::{at, doc};

fn content(name: &str) -> TemplateContent {
    TemplateContent {
        slug: "s".to_owned(),
        name: name.to_owned(),
        bundle: Bundle::default(),
        ..Default::default()
    }
}

fn published() -> Did {
    Did::Published {
        template_id: "tmpl_s".into(),
        content: content("One"),
    }
}

#[test]
fn a_revised_template_keeps_its_beginning() {
    let revised = Did::Revised {
        content: content("Two"),
    };
    let doc = doc::<Templates>("tmpl_s", "tmpl_s", [published(), revised]).unwrap();
    assert_eq!(
        (doc.name.as_str(), doc.created_at, doc.updated_at),
        ("Two", at(1), at(2))
    );
}

#[test]
fn a_withdrawn_template_is_not_on_offer() {
    assert_eq!(
        doc::<Templates>("tmpl_s", "tmpl_s", [published(), Did::Withdrawn {}]),
        None
    );
    assert!(doc::<Templates>("tmpl_s", "tmpl_s", [published(), Did::Withdrawn {}, published()]).is_some());
}

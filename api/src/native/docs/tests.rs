//! The page shows everything and needs nothing from elsewhere.

use super::*;
use crate::native::openapi::document;

fn page_text() -> String {
    let views = reef_projections::views::all()
        .into_iter()
        .map(|view| (view.name(), view))
        .collect();
    String::from_utf8(Page::of(&document(&views)).html.to_vec()).unwrap()
}

#[test]
fn every_command_and_every_code_has_an_anchor() {
    let page = page_text();
    for spec in reef_commands::catalogue() {
        assert!(page.contains(&format!("id=\"{}\"", spec.name)), "{}", spec.name);
    }
    for code in CODES {
        assert!(
            page.contains(&format!("<tr id=\"{}\"", code.name)),
            "{}",
            code.name
        );
    }
}

#[test]
fn nothing_is_loaded_from_elsewhere_and_nothing_runs() {
    let page = page_text();
    for forbidden in ["<script", "src=", "@import", "url(", "<link"] {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
}

#[test]
fn every_route_belongs_to_a_shown_group() {
    let views = reef_projections::views::all()
        .into_iter()
        .map(|view| (view.name(), view))
        .collect();
    for route in &document(&views).routes {
        let shown = route.group == "Catalogue" || GROUPS.contains(&route.group);
        assert!(shown, "{} is in no shown group", route.id);
    }
}

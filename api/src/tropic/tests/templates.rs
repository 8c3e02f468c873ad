//! The marketplace.

use serde_json::json;

use super::{
    client::{Tropic, each},
    covers, on_both_databases,
};
use crate::rig::{OPERATOR, Rig};

on_both_databases!(templates_are_the_same_for_all);

async fn templates_are_the_same_for_all(rig: &Rig) {
    let (ada, bob) = (Tropic::user(rig, "ada").await, Tropic::user(rig, "bob").await);
    covers(&[
        "tropic.list-templates.1",
        "tropic.list-templates.2",
        "tropic.list-templates.6",
    ]);
    let list = ada.ok("list-templates", &[], None).await;
    assert_eq!(list, bob.ok("list-templates", &[], None).await);
    assert!(each(&list, "slug").contains(&"web-research"));
    let offered = rig.get(OPERATOR, "/v1/views/templates").await.ok();
    assert_eq!(
        list.as_array().unwrap().len(),
        offered.body["data"].as_array().unwrap().len()
    );

    covers(&["tropic.list-templates.3", "tropic.list-templates.4"]);
    for template in list.as_array().unwrap() {
        let slug = template["slug"].as_str().unwrap();
        assert_eq!(template["id"], format!("tmpl_{slug}"));
        let bundle = &template["bundleConfig"];
        assert!(!bundle["agent"]["model"].as_str().unwrap().is_empty());
        assert!(!bundle["agent"]["skills"].as_array().unwrap().is_empty());
        assert!(bundle["workspace"]["AGENTS.md"].is_string());
        assert!(template["defaultPolicy"].as_str().unwrap().contains("ALLOW: "));
    }

    covers(&["tropic.list-templates.5"]);
    let names = each(&list, "name");
    let mut sorted = names.clone();
    sorted.sort_unstable();
    assert_eq!(names, sorted);

    covers(&["tropic.get-template.1"]);
    let one = ada.ok("get-template", &["web-research"], None).await;
    assert!(list.as_array().unwrap().contains(&one));

    covers(&["tropic.get-template.2", "tropic.get-template.3"]);
    ada.fails("get-template", &["tmpl_web-research"], None, 404).await;
    let message = ada.fails("get-template", &["no-such"], None, 404).await;
    assert_eq!(message, "Template no-such not found");

    let gone = json!({ "template_id": "tmpl_web-research" });
    rig.command(OPERATOR, "WithdrawTemplate", gone).await.ok();
    ada.fails("get-template", &["web-research"], None, 404).await;
}

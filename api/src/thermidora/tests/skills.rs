//! Skills, built in and of an instance.

use reef_commands::{managers::bundle::bundle_in_force, skill_installation::open};
use reef_domain::{AgentId, agent::Agent};
use reef_projections::{Query, views::skill_installation::SkillInstallations};
use serde_json::{Value, json};

use super::{
    agents::agent,
    client::{Thermidora, each, request},
    covers,
    instances::instance,
    on_both_databases,
};
use crate::rig::{OPERATOR, Rig};

on_both_databases!(
    skills_are_installed_and_taken_away,
    all_agents_of_an_instance_have_its_skills,
    of_another_or_a_leaving_instance_there_are_none,
);

const TEXT: &str = "# My Skill\nSay it with flowers.";

fn custom(name: &str) -> Value {
    let files = json!({ "SKILL.md": TEXT, "scripts/run.py": "#!/usr/bin/env python3\nprint('tulips')" });
    json!({ "name": name, "description": "Custom skill", "files": files })
}

#[tokio::test]
async fn the_catalogue_is_open_to_everybody() {
    let rig = super::client::server(crate::rig::Database::sqlite(), |_| {}).await;
    covers(&[
        "thermidora.list-builtin-skills.1",
        "thermidora.list-builtin-skills.2",
        "thermidora.list-builtin-skills.3",
    ]);
    let ada = Thermidora::account(&rig, "ada").await;
    let instance = instance(&ada, "home").await;
    ada.ok("install-skill", &[&instance], Some(custom("my-skill")))
        .await;
    let reply = rig.send(request("", "GET", "/skills", None)).await.ok();
    let rows = reply.body.as_array().unwrap();
    let first = json!({
        "id": "weather",
        "name": "Weather",
        "description": "Get current weather and forecasts",
        "type": "built-in",
    });
    assert_eq!(rows[0], first);
    assert_eq!(
        each(&reply.body, "id"),
        [
            "weather",
            "web-search",
            "code-execution",
            "summarize",
            "reminders"
        ]
    );
    assert!(rows.iter().all(|row| row["type"] == "built-in"));
    assert_eq!(ada.ok("list-builtin-skills", &[], None).await, reply.body);
    rig.stop().await;
}

async fn skills_are_installed_and_taken_away(rig: &Rig) {
    let ada = Thermidora::account(rig, "ada").await;
    let instance = instance(&ada, "home").await;
    let at = [instance.as_str()];
    covers(&["thermidora.list-instance-skills.2"]);
    let none = ada.ok("list-instance-skills", &at, None).await;
    assert_eq!(none, json!({ "skills": [] }));

    covers(&["thermidora.install-skill.1", "thermidora.install-skill.4"]);
    let weather = || Some(json!({ "name": "weather", "type": "built-in" }));
    let first = ada.ok("install-skill", &at, weather()).await;
    assert_eq!(
        (&first["name"], &first["type"], &first["description"]),
        (
            &json!("weather"),
            &json!("built-in"),
            &json!("Get current weather and forecasts")
        )
    );
    ada.fails("install-skill", &at, weather(), 409).await;
    let second = ada.ok("install-skill", &at, Some(custom("my-skill"))).await;
    assert_eq!(
        (&second["type"], &second["description"]),
        (&json!("custom"), &json!("Custom skill"))
    );
    let bare = json!({ "name": "bare", "files": { "SKILL.md": "x" }, "type": "custom" });
    let third = ada.ok("install-skill", &at, Some(bare)).await;
    assert_eq!(third["description"], Value::Null);

    covers(&["thermidora.list-instance-skills.1"]);
    let listed = ada.ok("list-instance-skills", &at, None).await;
    assert_eq!(listed, json!({ "skills": [third, second, first] }));
    let docs = rig
        .bus
        .services()
        .views
        .all::<SkillInstallations>(Query::default());
    for doc in docs.await.unwrap() {
        let text = open(rig.bus.services(), &doc).await.unwrap().unwrap();
        assert!(text.files.contains_key("SKILL.md"));
        let has_folder = text.files.contains_key("scripts/run.py");
        assert_eq!(has_folder, doc.name == "my-skill");
    }
    let log = rig.get(OPERATOR, "/v1/events?limit=1000").await.ok();
    assert!(!log.text.contains("flowers") && !log.text.contains("tulips"));

    covers(&["thermidora.install-skill.2", "thermidora.install-skill.5"]);
    for body in [
        json!({}),
        json!({ "name": "x", "files": {} }),
        json!({ "name": "x", "type": "custom" }),
        json!({ "name": "x", "files": { "README.md": "x" } }),
        json!({ "name": "x", "files": { "SKILL.md": "x", "/etc/passwd": "y" } }),
        json!({ "name": "x", "files": { "SKILL.md": "x", "../../y": "y" } }),
        json!({ "name": "x", "files": { "SKILL.md": "x", "a/../../y": "y" } }),
        json!({ "name": "x", "files": { "SKILL.md": 5 } }),
        json!({ "name": "X y", "files": { "SKILL.md": "x" } }),
        json!({ "name": "x", "type": "other" }),
        json!({ "name": "summarize", "type": "built-in", "files": { "SKILL.md": "x" } }),
    ] {
        ada.fails("install-skill", &at, Some(body), 400).await;
    }
    let message = ada
        .fails("install-skill", &at, Some(json!({ "name": "unheard-of" })), 404)
        .await;
    assert_eq!(message, "Skill not found");

    covers(&["thermidora.uninstall-skill.1", "thermidora.uninstall-skill.2"]);
    let one = [instance.as_str(), "weather"];
    let gone = ada.ok("uninstall-skill", &one, None).await;
    assert_eq!(gone, json!({ "name": "weather", "deleted": true }));
    ada.fails("uninstall-skill", &one, None, 404).await;
    let left = ada.ok("list-instance-skills", &at, None).await;
    assert_eq!(each(&left["skills"], "name"), ["bare", "my-skill"]);
    ada.ok("install-skill", &at, weather()).await;
}

async fn all_agents_of_an_instance_have_its_skills(rig: &Rig) {
    covers(&["thermidora.install-skill.3"]);
    let ada = Thermidora::account(rig, "ada").await;
    let instance = instance(&ada, "home").await;
    let agents = [
        agent(&ada, &instance, "agent-1").await,
        agent(&ada, &instance, "agent-2").await,
    ];
    ada.ok("install-skill", &[&instance], Some(custom("my-skill")))
        .await;
    let skills_of = async |agent: &str| {
        let id = AgentId::from(agent);
        let state = rig.bus.state::<Agent>(&id).await.unwrap().unwrap();
        let bundle = bundle_in_force(&rig.bus, &id, &state.state).await.unwrap();
        bundle.installed_skills
    };
    for agent in &agents {
        let skills = skills_of(agent).await;
        assert_eq!(skills.len(), 1);
        assert_eq!(skills[0].files["SKILL.md"], TEXT);
    }
    ada.ok("uninstall-skill", &[&instance, "my-skill"], None).await;
    for agent in &agents {
        assert!(skills_of(agent).await.is_empty());
    }
}

async fn of_another_or_a_leaving_instance_there_are_none(rig: &Rig) {
    let (ada, eve) = (
        Thermidora::account(rig, "ada").await,
        Thermidora::account(rig, "eve").await,
    );
    let instance = instance(&ada, "home").await;
    let weather = || Some(json!({ "name": "weather" }));
    ada.ok("install-skill", &[&instance], weather()).await;
    for id in [instance.as_str(), "inst_absent00000", "a%20b"] {
        eve.fails("list-instance-skills", &[id], None, 404).await;
        eve.fails("install-skill", &[id], weather(), 404).await;
        eve.fails("uninstall-skill", &[id, "weather"], None, 404).await;
    }
    ada.ok("list-instance-skills", &[&instance], None).await;
    ada.ok("delete-instance", &[&instance], None).await;
    ada.fails("list-instance-skills", &[&instance], None, 404).await;
    ada.fails("install-skill", &[&instance], Some(custom("late")), 404)
        .await;
    ada.fails("uninstall-skill", &[&instance, "weather"], None, 404)
        .await;
    ada.until_events(
        "skill_installation",
        &format!("runtime/{instance}"),
        "SkillInstallationsPurged",
        1,
    )
    .await;
}

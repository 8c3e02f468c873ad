//! Specs of installing skills.

use reef_domain::{Dialect, RuntimeId};
use reef_projections::views::skill_installation::SkillInstallations as Installed;
use serde_json::json;

use super::*;
use crate::{
    runtime::{DestroyRuntime, ProvisionRuntime},
    skill::seed::seed,
    spec::{Member, World, body, code, kinds},
};

const TEXT: &str = "# Tides\n\nOnly for us.";

async fn runtime(world: &World, member: &Member) -> RuntimeId {
    let provision = ProvisionRuntime::default();
    let answer = world.by(&member.caller, provision).await.unwrap();
    RuntimeId::from(answer.aggregate.id)
}

fn install(runtime: &RuntimeId, rest: &serde_json::Value) -> InstallSkill {
    let mut command = json!({ "owner": format!("runtime/{runtime}") });
    command
        .as_object_mut()
        .unwrap()
        .extend(rest.as_object().unwrap().clone());
    body(command)
}

async fn world() -> (World, Member, RuntimeId) {
    let world = World::new();
    seed(&world.bus).await.unwrap();
    let member = world.account("ada", Dialect::Thermidora).await;
    let grant = json!({ "account_id": member.account, "amount_micro": 100_000_000 });
    world
        .operator(body::<crate::ledger::GrantCredits>(grant))
        .await
        .unwrap();
    let runtime = runtime(&world, &member).await;
    (world, member, runtime)
}

#[tokio::test]
async fn a_skill_of_the_catalogue_is_copied() {
    let (world, member, runtime) = world().await;
    let weather = install(&runtime, &json!({ "name": "weather" }));
    let done = world.by(&member.caller, weather.clone()).await.unwrap();
    assert_eq!(kinds(&done), ["SkillInstalled"]);
    let doc = world
        .doc::<Installed>(format!("runtime/{runtime}/weather"))
        .await
        .unwrap();
    assert_eq!(
        (doc.kind, doc.version.as_deref()),
        (SkillKind::BuiltIn, Some("1.0.0"))
    );
    let text = open(world.bus.services(), &doc).await.unwrap().unwrap();
    assert_eq!(
        text.description.as_deref(),
        Some("Get current weather and forecasts")
    );
    assert!(text.files["SKILL.md"].contains("# Weather"));
    assert_eq!(
        code(world.by(&member.caller, weather).await),
        "skill_already_installed"
    );
}

#[tokio::test]
async fn what_a_custom_skill_says_is_in_the_log_only_sealed() {
    let (world, member, runtime) = world().await;
    let files = json!({ "SKILL.md": TEXT, "scripts/run.py": "print('secret recipe')" });
    let custom = json!({ "name": "tides", "description": "Knows our tides", "files": files });
    world
        .by(&member.caller, install(&runtime, &custom))
        .await
        .unwrap();
    let doc = world
        .doc::<Installed>(format!("runtime/{runtime}/tides"))
        .await
        .unwrap();
    assert_eq!((doc.kind, &doc.version), (SkillKind::Custom, &None));
    let text = open(world.bus.services(), &doc).await.unwrap().unwrap();
    assert_eq!((text.files["SKILL.md"].as_str(), text.files.len()), (TEXT, 2));
    let stored = serde_json::to_string(&doc).unwrap();
    for said in ["Only for us", "secret recipe", "Knows our tides"] {
        let events = world.store.events();
        assert!(events.iter().all(|event| !event.payload.contains(said)) && !stored.contains(said));
    }
}

#[tokio::test]
async fn what_is_no_skill_is_refused() {
    let (world, member, runtime) = world().await;
    for (rest, refusal) in [
        (json!({ "name": "unheard-of" }), "not_found"),
        (json!({ "name": "../weather" }), "not_found"),
        (json!({ "name": "weather", "kind": "custom" }), "skill_md_missing"),
        (json!({ "name": "x", "files": {} }), "skill_md_missing"),
        (
            json!({ "name": "weather", "kind": "built_in", "files": { "SKILL.md": "x" } }),
            "invalid_command",
        ),
        (
            json!({ "name": "x", "files": { "SKILL.md": "x", "../y": "z" } }),
            "path_invalid",
        ),
        (
            json!({ "name": "x", "files": { "SKILL.md": "a\u{0}b" } }),
            "invalid_command",
        ),
        (
            json!({ "name": "x", "description": "d".repeat(1001), "files": { "SKILL.md": "x" } }),
            "invalid_command",
        ),
        (
            json!({ "name": "My Skill", "files": { "SKILL.md": "x" } }),
            "skill_name_invalid",
        ),
    ] {
        let refused = world.by(&member.caller, install(&runtime, &rest)).await;
        assert_eq!(code(refused), refusal, "{rest}");
    }
    assert!(!world.event_types().contains(&"SkillInstalled"));
}

#[tokio::test]
async fn owners_must_exist_be_the_callers_and_stay() {
    let (world, member, runtime) = world().await;
    let stranger = world.account("eve", Dialect::Thermidora).await;
    let weather = || install(&runtime, &json!({ "name": "weather" }));
    assert_eq!(code(world.by(&stranger.caller, weather()).await), "not_found");
    let nowhere = install(&"inst_none".into(), &json!({ "name": "weather" }));
    assert_eq!(code(world.by(&member.caller, nowhere).await), "not_found");
    world.by(&member.caller, weather()).await.unwrap();
    let uninstall =
        || body::<UninstallSkill>(json!({ "owner": format!("runtime/{runtime}"), "name": "weather" }));
    assert_eq!(code(world.by(&stranger.caller, uninstall()).await), "not_found");
    let destroy: DestroyRuntime = body(json!({ "runtime_id": runtime }));
    world.by(&member.caller, destroy).await.unwrap();
    assert_eq!(code(world.by(&member.caller, uninstall()).await), "not_found");
    assert_eq!(code(world.by(&member.caller, weather()).await), "not_found");
}

#[tokio::test]
async fn an_uninstalled_skill_is_gone() {
    let (world, member, runtime) = world().await;
    world
        .by(&member.caller, install(&runtime, &json!({ "name": "weather" })))
        .await
        .unwrap();
    let uninstall =
        || body::<UninstallSkill>(json!({ "owner": format!("runtime/{runtime}"), "name": "weather" }));
    let done = world.by(&member.caller, uninstall()).await.unwrap();
    assert_eq!(kinds(&done), ["SkillUninstalled"]);
    assert!(
        world
            .doc::<Installed>(format!("runtime/{runtime}/weather"))
            .await
            .is_none()
    );
    assert_eq!(
        code(world.by(&member.caller, uninstall()).await),
        "skill_not_installed"
    );
}

//! Agents, with every script really run.

use futures::StreamExt as _;
use reef_commands::ports::{
    ChatChunk, DriverError, RuntimeDriver as _, RuntimeObservation, RuntimeSettings, Usage,
};
use serde_json::json;

use super::{
    machine::said,
    stage::{SECRET, Stage, bundle, message, task, token, up},
};

async fn push(stage: &Stage, policy: Option<&str>, bundles: &[&str]) {
    let bundle = bundle(policy, bundles);
    stage
        .driver
        .push(&stage.spec, &bundle, &token("push"))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_pushed_agent_is_an_entry_with_files_and_its_policy() {
    let (stage, machine) = up().await;
    push(&stage, Some("ALLOW: research\nDENY: payments"), &[]).await;
    let entry = &machine.entries()["agent_ada"];
    assert_eq!(entry["name"], "Ada");
    assert_eq!(entry["model"], "anthropic/claude-sonnet-4-5");
    assert_eq!(entry["skills"], json!(["research"]));
    assert_eq!(entry["tools"]["exec"]["mode"], "ask");
    let workspace = "home/.openclaw/workspace-agent_ada";
    assert_eq!(entry["workspace"], json!(machine.path(workspace)));
    assert_eq!(machine.read(&format!("{workspace}/SOUL.md")), "Curious.");
    let instructions = machine.read(&format!("{workspace}/AGENTS.md"));
    assert!(instructions.contains("DENY: payments"), "{instructions}");
    let config = machine.read("home/.openclaw/openclaw.json");
    assert!(config.contains("${OPENCLAW_GATEWAY_TOKEN}"), "{config}");
    let drop_in = machine.read("units/openclaw-gateway.service.d/reef.conf");
    assert!(drop_in.contains("EnvironmentFile="), "{drop_in}");
    assert_eq!(machine.restarts(), 1);
}

#[tokio::test]
async fn pushed_again_it_keeps_what_it_wrote_and_nothing_is_restarted_for_it() {
    let (stage, machine) = up().await;
    let workspace = "home/.openclaw/workspace-agent_ada";
    machine.write(
        "home/.openclaw/openclaw.json",
        r#"{"channels":{"telegram":{"enabled":true}}}"#,
    );
    machine.write(&format!("{workspace}/AGENTS.md"), "Mine.\n");
    push(&stage, Some("ALLOW: research"), &[]).await;
    machine.write(&format!("{workspace}/SOUL.md"), "I have grown.");
    push(&stage, Some("ALLOW: research"), &[]).await;
    assert_eq!(machine.restarts(), 1);
    assert_eq!(machine.read(&format!("{workspace}/SOUL.md")), "I have grown.");
    push(&stage, Some("DENY: research"), &[]).await;
    let instructions = machine.read(&format!("{workspace}/AGENTS.md"));
    assert!(
        instructions.starts_with("Mine.\n") && !instructions.contains("ALLOW: research"),
        "{instructions}"
    );
    assert_eq!(instructions.matches("reef:policy").count(), 2);
    push(&stage, None, &[]).await;
    assert_eq!(machine.read(&format!("{workspace}/AGENTS.md")), "Mine.\n");
    assert!(
        machine.read("home/.openclaw/openclaw.json").contains("telegram"),
        "the rest is not ours"
    );
}

#[tokio::test]
async fn a_secret_goes_as_a_parameter_and_is_in_no_script() {
    let (stage, machine) = up().await;
    stage
        .world
        .secrets
        .lock()
        .unwrap()
        .insert("anthropic_api_key".to_owned(), SECRET.to_owned());
    push(&stage, None, &[]).await;
    let name = "/reef/rt_1/ANTHROPIC_API_KEY";
    assert_eq!(stage.aws.account().parameters[name], SECRET);
    let arn = format!(
        "arn:aws:ec2:eu-west-1:123456789012:instance/{}",
        stage.spec.provider_ref.as_ref().unwrap()
    );
    assert!(stage.aws.account().tags[name].to_string().contains(&arn));
    assert!(machine.read("aws.log").contains(name));
    assert_eq!(machine.variable("ANTHROPIC_API_KEY").as_deref(), Some(SECRET));
    assert!(!machine.read("home/.openclaw/openclaw.json").contains(SECRET));
    assert!(
        stage
            .aws
            .account()
            .scripts
            .iter()
            .all(|script| !script.contains(SECRET))
    );

    stage.world.secrets.lock().unwrap().clear();
    push(&stage, None, &[]).await;
    assert!(stage.aws.account().parameters.is_empty());
    assert_eq!(machine.variable("ANTHROPIC_API_KEY"), None);
    assert_eq!(
        machine.restarts(),
        2,
        "a key that is gone must be gone from the process"
    );
}

#[tokio::test]
async fn a_workspace_too_large_for_one_script_comes_in_pieces() {
    let (stage, machine) = up().await;
    let mut bundle = bundle(None, &[]);
    // What does not compress: digests.
    let digest = |n: u32| hex::encode(ring::digest::digest(&ring::digest::SHA256, &n.to_be_bytes()));
    let large: String = (0..2_000).map(digest).collect();
    bundle.workspace.insert("docs/large.md".to_owned(), large.clone());
    stage
        .driver
        .push(&stage.spec, &bundle, &token("push"))
        .await
        .unwrap();
    assert_eq!(
        machine.read("home/.openclaw/workspace-agent_ada/docs/large.md"),
        large
    );
    assert!(stage.aws.account().scripts.len() > 2);
    assert!(
        stage
            .aws
            .account()
            .scripts
            .iter()
            .all(|script| script.len() < 64 * 1024)
    );
    assert_eq!(
        std::fs::read_dir(machine.path("state/staged")).unwrap().count(),
        0
    );
}

#[tokio::test]
async fn a_file_outside_the_workspace_is_refused() {
    let (stage, machine) = up().await;
    let mut bundle = bundle(None, &[]);
    bundle
        .workspace
        .insert("../../escaped".to_owned(), "x".to_owned());
    let Err(DriverError::Permanent(reason)) = stage.driver.push(&stage.spec, &bundle, &token("push")).await
    else {
        panic!("it is outside")
    };
    assert!(reason.contains("escaped"), "{reason}");
    assert!(!machine.path("home/escaped").exists());
}

#[tokio::test]
async fn settings_rule_agents_without_a_policy_only() {
    let (stage, machine) = up().await;
    push(&stage, None, &[]).await;
    let mut ruled = bundle(Some("DENY: shell commands\nDENY: run code"), &[]);
    ruled.agent_id = "agent_bob".into();
    stage
        .driver
        .push(&stage.spec, &ruled, &token("push"))
        .await
        .unwrap();
    let settings = RuntimeSettings {
        command_bundles: vec!["os-commands".to_owned()],
        ..RuntimeSettings::default()
    };
    stage
        .driver
        .configure(&stage.spec, &settings, &token("configure"))
        .await
        .unwrap();
    let mode = |agent: &str| machine.entries()[agent]["tools"]["exec"]["mode"].clone();
    assert_eq!(
        (mode("agent_ada"), mode("agent_bob")),
        (json!("full"), json!("deny"))
    );
}

#[tokio::test]
async fn at_rest_it_is_no_entry_and_removed_it_has_no_files() {
    let (stage, machine) = up().await;
    push(&stage, None, &[]).await;
    for _ in 0..2 {
        stage
            .driver
            .rest_agent(&stage.spec, &"agent_ada".into(), &token("rest"))
            .await
            .unwrap();
        assert_eq!(machine.entries(), json!({}));
        assert!(
            machine
                .path("home/.openclaw/workspace-agent_ada/SOUL.md")
                .exists()
        );
    }
    push(&stage, None, &[]).await;
    machine.write("home/.openclaw/agents/agent_ada/sessions/s.jsonl", "{}");
    for _ in 0..2 {
        stage
            .driver
            .remove_agent(&stage.spec, &"agent_ada".into(), &token("remove"))
            .await
            .unwrap();
    }
    assert_eq!(machine.entries(), json!({}));
    assert!(!machine.path("home/.openclaw/workspace-agent_ada").exists());
    assert!(!machine.path("home/.openclaw/agents/agent_ada").exists());
}

#[tokio::test]
async fn the_gateway_is_restarted_once_for_one_token_and_says_since_when_it_runs() {
    let (stage, machine) = up().await;
    let mut seen = Vec::new();
    for _ in 0..2 {
        let restarted = stage
            .driver
            .restart_gateway(&stage.spec, &token("restart"))
            .await
            .unwrap();
        let RuntimeObservation::Running { since, .. } = restarted else {
            panic!("{restarted:?}")
        };
        seen.push(since);
    }
    assert_eq!(machine.restarts(), 1);
    let age = chrono::Utc::now() - seen[0];
    assert!((58..=75).contains(&age.num_seconds()), "up for {age}");
    stage
        .driver
        .restart_gateway(&stage.spec, &token("another"))
        .await
        .unwrap();
    assert_eq!(machine.restarts(), 2);
}

#[tokio::test]
async fn a_message_goes_to_the_agent_s_own_session() {
    let (stage, machine) = up().await;
    push(&stage, None, &[]).await;
    let reply = stage
        .driver
        .chat(&stage.spec, message("What's up? \u{1f420} $(id)"))
        .await
        .unwrap();
    let chunks: Vec<_> = reply.map(Result::unwrap).collect().await;
    let usage = Usage {
        input_tokens: 12,
        output_tokens: 5,
    };
    let model = "openclaw:claude-sonnet-4-5".to_owned();
    assert_eq!(
        chunks,
        [
            ChatChunk::Delta("Hello from the gateway".to_owned()),
            ChatChunk::Done { usage, model },
        ]
    );
    assert_eq!(
        *machine.asked.lock(),
        [json!({
            "model": "openclaw/agent_ada",
            "user": "conv_1",
            "messages": [{ "role": "user", "content": "What's up? \u{1f420} $(id)" }],
        })]
    );
}

#[tokio::test]
async fn what_the_gateway_refuses_is_said_and_what_it_cannot_yet_may_come() {
    let (stage, machine) = up().await;
    push(&stage, None, &[]).await;
    *machine.says.lock() = (400, json!({ "error": { "message": "unknown agent" } }));
    let Err(DriverError::Permanent(reason)) = stage.driver.chat(&stage.spec, message("hi")).await else {
        panic!("it was refused")
    };
    assert!(
        reason.contains("HTTP 400") && reason.contains("unknown agent"),
        "{reason}"
    );
    *machine.says.lock() = (503, json!({ "error": { "message": "starting" } }));
    let later = stage.driver.chat(&stage.spec, message("hi")).await;
    assert!(matches!(later, Err(DriverError::Transient(_))));
    *machine.says.lock() = (200, said(""));
    assert!(matches!(
        stage.driver.chat(&stage.spec, message("hi")).await,
        Err(DriverError::Permanent(_))
    ));
}

#[tokio::test]
async fn a_task_is_worked_on_once_however_often_it_is_handed_over() {
    let (stage, machine) = up().await;
    push(&stage, None, &[]).await;
    for _ in 0..2 {
        let task = task("research corals", false, "ALLOW: research");
        stage.driver.run_task(&stage.spec, task).await.unwrap();
    }
    let done = "completed: Hello from the gateway (5)";
    assert_eq!(stage.world.reports(), ["claimed", done, "claimed", done]);
    assert_eq!(machine.asked.lock().len(), 1);
}

#[tokio::test]
async fn a_task_is_judged_before_it_is_handed_over() {
    let (stage, machine) = up().await;
    push(&stage, None, &[]).await;
    let policy = "DENY: payments\nREQUIRE CONFIRM: emails";
    for (description, approved) in [("payments", true), ("emails", false), ("emails", true)] {
        stage
            .driver
            .run_task(&stage.spec, task(description, approved, policy))
            .await
            .unwrap();
    }
    let reports = stage.world.reports();
    assert!(reports[1].starts_with("failed: denied_by_policy"), "{reports:?}");
    assert_eq!(reports[3], "approval asked: REQUIRE CONFIRM: emails");
    assert!(reports[5].starts_with("completed"), "{reports:?}");
    assert_eq!(machine.asked.lock().len(), 1);
}

#[tokio::test]
async fn a_task_the_gateway_refuses_has_failed() {
    let (stage, machine) = up().await;
    push(&stage, None, &[]).await;
    *machine.says.lock() = (401, json!({ "error": { "message": "provider key" } }));
    stage
        .driver
        .run_task(&stage.spec, task("research", false, "ALLOW: research"))
        .await
        .unwrap();
    let reports = stage.world.reports();
    assert!(
        reports[1].starts_with("failed: runtime_error") && reports[1].contains("provider key"),
        "{reports:?}"
    );
}

#[tokio::test]
async fn nothing_is_done_on_an_instance_that_does_not_run() {
    let (stage, machine) = up().await;
    let id = stage.spec.provider_ref.clone().unwrap();
    stage.aws.becomes(&id, "stopped", "");
    let pushed = stage
        .driver
        .push(&stage.spec, &bundle(None, &[]), &token("push"))
        .await;
    assert!(matches!(pushed, Err(DriverError::Transient(_))), "{pushed:?}");
    stage.aws.becomes(&id, "terminated", "gone");
    let pushed = stage
        .driver
        .push(&stage.spec, &bundle(None, &[]), &token("push"))
        .await;
    assert!(matches!(pushed, Err(DriverError::Permanent(_))), "{pushed:?}");
    // With the instance its agents are gone: there is nothing to take off.
    let agent = "agent_ada".into();
    stage
        .driver
        .rest_agent(&stage.spec, &agent, &token("rest"))
        .await
        .unwrap();
    stage
        .driver
        .remove_agent(&stage.spec, &agent, &token("remove"))
        .await
        .unwrap();
    assert_eq!((machine.restarts(), stage.aws.calls_of("SendCommand")), (0, 0));
}

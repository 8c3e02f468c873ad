//! Specs of what reaches a shared runtime when: settings at once, rules of a policy with the next push.

use std::time::Duration;

use reef_domain::{
    AgentId, Dialect, PolicyId, RuntimeId,
    agent::{Agent, AgentStatus},
    secret::{OwnerKind, SecretOwner},
    settings::{CommandBundle, Settings},
};
use reef_projections::views::{agent::Agents, settings::Settings as SettingsView};
use serde_json::json;

use super::{driver::Mood, stage::Stage};
use crate::{
    Secrets,
    agent::{AttachAgentPolicy, DetachAgentPolicy, StartAgent, StopAgent},
    policy::{CreatePolicy, DeletePolicy, UpdatePolicy},
    ports::{RuntimeSettings, runtime::SecretLookup as _},
    runtime::{ProvisionRuntime, StartRuntime, StopRuntime},
    secret::{RemoveSecret, StoreSecret},
    settings::{ReplaceFirewallRules, SetCommandBundles},
    spec::{body, kinds},
};

/// A running shared runtime with an agent.
async fn shared(stage: &Stage) -> (AgentId, RuntimeId) {
    let provision: ProvisionRuntime = body(json!({ "caller_ip": "203.0.113.45" }));
    stage.world.by(&stage.member.caller, provision).await.unwrap();
    stage.running_agent().await
}

async fn restart(stage: &Stage, runtime_id: &RuntimeId) {
    let (stopped, running) = (stage.count("RuntimeStopped"), stage.count("RuntimeRunning"));
    let stop = StopRuntime {
        runtime_id: runtime_id.clone(),
    };
    stage.world.by(&stage.member.caller, stop).await.unwrap();
    stage
        .until("stopped", async || stage.count("RuntimeStopped") > stopped)
        .await;
    let start = StartRuntime::new(runtime_id.clone());
    stage.world.by(&stage.member.caller, start).await.unwrap();
    stage
        .until("running", async || stage.count("RuntimeRunning") > running)
        .await;
}

async fn set_bundles(stage: &Stage, bundles: &[CommandBundle]) {
    let set = SetCommandBundles {
        bundles: bundles.to_vec(),
        ..Default::default()
    };
    stage.world.by(&stage.member.caller, set).await.unwrap();
}

fn settings(bundles: &[&str], ssh: &str) -> RuntimeSettings {
    RuntimeSettings {
        command_bundles: bundles.iter().map(ToString::to_string).collect(),
        firewall: [("22".to_owned(), vec![ssh.to_owned()])].into(),
    }
}

async fn until_taken(stage: &Stage, runtime: &RuntimeId, wanted: &RuntimeSettings) {
    stage
        .until("the settings are taken", async || {
            let doc = stage.world.doc::<SettingsView>(&stage.member.user).await;
            stage.driver.settings(runtime.as_str()).as_ref() == Some(wanted)
                && doc.is_some_and(|doc| !doc.pending_sync)
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn settings_are_taken_at_the_start_and_at_once_while_it_runs() {
    let stage = Stage::new(Dialect::Tropic).await;
    set_bundles(&stage, &[CommandBundle::OsCommands]).await;
    let pending = stage.world.doc::<SettingsView>(&stage.member.user).await.unwrap();
    assert!(pending.pending_sync && pending.in_force.runtime_id.is_none());
    let managers = stage.managers();
    let (_, runtime) = shared(&stage).await;
    until_taken(&stage, &runtime, &settings(&["os-commands"], "203.0.113.45/32")).await;

    set_bundles(&stage, &[]).await;
    until_taken(&stage, &runtime, &settings(&[], "203.0.113.45/32")).await;
    let rules: ReplaceFirewallRules = body(json!({ "rules": { "22": ["10.0.0.0/8"] } }));
    stage.world.by(&stage.member.caller, rules).await.unwrap();
    until_taken(&stage, &runtime, &settings(&[], "10.0.0.0/8")).await;
    let doc = stage.world.doc::<SettingsView>(&stage.member.user).await.unwrap();
    assert_eq!(doc.in_force.runtime_id, Some(runtime));
    assert_eq!(
        (stage.count("SettingsPushed"), stage.count("FirewallApplied")),
        (2, 2)
    );
    managers.stop().await;
}

#[tokio::test(start_paused = true)]
async fn settings_of_a_stopped_runtime_wait_for_its_start() {
    let stage = Stage::new(Dialect::Tropic).await;
    let managers = stage.managers();
    let (_, runtime) = shared(&stage).await;
    let stop = StopRuntime {
        runtime_id: runtime.clone(),
    };
    stage.world.by(&stage.member.caller, stop).await.unwrap();
    stage.until_event("RuntimeStopped").await;
    set_bundles(&stage, &[CommandBundle::BrowserSearch]).await;
    stage.pass(Duration::from_mins(1)).await;
    assert_eq!(
        stage.driver.settings(runtime.as_str()),
        Some(settings(&[], "203.0.113.45/32"))
    );
    let start = StartRuntime::new(runtime.clone());
    stage.world.by(&stage.member.caller, start).await.unwrap();
    until_taken(
        &stage,
        &runtime,
        &settings(&["browser-search"], "203.0.113.45/32"),
    )
    .await;
    managers.stop().await;
}

#[tokio::test(start_paused = true)]
async fn settings_that_are_not_taken_keep_no_agent_off_and_are_not_said_to_be_in_force() {
    let stage = Stage::new(Dialect::Tropic).await;
    stage.driver.set(Mood {
        takes_no_settings: true,
        ..Mood::default()
    });
    set_bundles(&stage, &[CommandBundle::OsCommands]).await;
    let managers = stage.managers();
    let (agent, runtime) = shared(&stage).await;
    stage.pass(Duration::from_mins(2)).await;
    let doc = stage.world.doc::<SettingsView>(&stage.member.user).await.unwrap();
    assert!(doc.pending_sync && doc.in_force.runtime_id.is_none());
    assert_eq!(stage.count("SettingsPushed"), 0);
    // What was given up on holds nothing up: neither the agents of the next run nor other settings.
    restart(&stage, &runtime).await;
    let task = stage.submit(&agent, "read").await;
    stage.until_task(&task, "completed").await;
    stage.driver.set(Mood::default());
    set_bundles(&stage, &[]).await;
    until_taken(&stage, &runtime, &settings(&[], "203.0.113.45/32")).await;
    managers.stop().await;
}

#[tokio::test(start_paused = true)]
async fn each_step_may_fail_once_and_run_twice() {
    for (fails, twice) in [(true, false), (false, true)] {
        let stage = Stage::new(Dialect::Tropic).await;
        stage.driver.set(Mood {
            each_fails_once: fails,
            ..Mood::default()
        });
        let (managers, doubles) = if twice {
            (None, Some(stage.managers_doing_all_twice()))
        } else {
            (Some(stage.managers()), None)
        };
        let (agent_id, runtime) = shared(&stage).await;
        set_bundles(&stage, &[CommandBundle::OsCommands]).await;
        until_taken(&stage, &runtime, &settings(&["os-commands"], "203.0.113.45/32")).await;
        let stop = StopAgent {
            agent_id: agent_id.clone(),
        };
        stage.world.by(&stage.member.caller, stop).await.unwrap();
        stage
            .until("it rests", async || stage.driver.rests(agent_id.as_str()))
            .await;
        let start = StartAgent {
            agent_id: agent_id.clone(),
        };
        stage.world.by(&stage.member.caller, start).await.unwrap();
        stage.until_agent(&agent_id, "running").await;
        assert!(!stage.driver.rests(agent_id.as_str()));
        stage.pass(Duration::from_secs(30)).await;
        assert_eq!(
            (stage.count("AgentPushed"), stage.count("SettingsPushed")),
            (1, 2),
            "what is the same is not told again"
        );
        drop(doubles);
        if let Some(managers) = managers {
            managers.stop().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_agent_stopped_while_its_runtime_is_down_rests_when_that_comes_up() {
    let stage = Stage::new(Dialect::Tropic).await;
    let managers = stage.managers();
    let (agent_id, runtime) = shared(&stage).await;
    let stop = StopRuntime {
        runtime_id: runtime.clone(),
    };
    stage.world.by(&stage.member.caller, stop).await.unwrap();
    stage.until_event("RuntimeStopped").await;
    let stop = StopAgent {
        agent_id: agent_id.clone(),
    };
    stage.world.by(&stage.member.caller, stop).await.unwrap();
    stage.pass(Duration::from_mins(1)).await;
    assert_eq!(stage.driver.calls("rest_agent"), 0);
    let start = StartRuntime::new(runtime);
    stage.world.by(&stage.member.caller, start).await.unwrap();
    stage
        .until("it rests", async || stage.driver.rests(agent_id.as_str()))
        .await;
    managers.stop().await;
}

async fn policy(stage: &Stage, rules: &str) -> PolicyId {
    let create = CreatePolicy {
        name: "Rules".to_owned(),
        rules: rules.to_owned(),
        ..Default::default()
    };
    let answer = stage.world.by(&stage.member.caller, create).await.unwrap();
    PolicyId::from(answer.aggregate.id)
}

async fn attach(stage: &Stage, agent: &AgentId, policy: &PolicyId) -> Vec<String> {
    let attach = AttachAgentPolicy {
        agent_id: agent.clone(),
        policy_id: policy.clone(),
    };
    let answer = stage.world.by(&stage.member.caller, attach).await.unwrap();
    kinds(&answer).into_iter().map(ToOwned::to_owned).collect()
}

async fn rewrite(stage: &Stage, policy: &PolicyId, rules: &str) {
    let update = UpdatePolicy {
        policy_id: policy.clone(),
        name: None,
        rules: Some(rules.to_owned()),
    };
    stage.world.by(&stage.member.caller, update).await.unwrap();
}

async fn until_rules(stage: &Stage, agent: &AgentId, rules: Option<&str>) {
    stage
        .until("the rules are in force", async || {
            let recorded = stage.world.state::<Agent>(agent).await.pushed;
            let there = stage.driver.bundle(agent.as_str());
            there.is_some_and(|bundle| bundle.policy_rules.as_deref() == rules)
                && recorded.is_some_and(|pushed| pushed.rules.as_deref() == rules)
        })
        .await;
}

/// The rules by which the agent works on a task given now.
async fn judged_by(stage: &Stage, agent: &AgentId) -> Option<String> {
    let task = stage.submit(agent, "read").await;
    stage.until_task(&task, "completed").await;
    stage.driver.judged_by(task.as_str())
}

#[tokio::test(start_paused = true)]
async fn other_rules_wait_for_the_next_push_and_tasks_are_judged_by_those_in_force() {
    let stage = Stage::new(Dialect::Tropic).await;
    let managers = stage.managers();
    let (agent, runtime) = shared(&stage).await;
    let rules = policy(&stage, "ALLOW: one").await;
    attach(&stage, &agent, &rules).await;
    until_rules(&stage, &agent, Some("ALLOW: one")).await;

    rewrite(&stage, &rules, "ALLOW: two").await;
    stage.pass(Duration::from_mins(1)).await;
    assert_eq!(judged_by(&stage, &agent).await.as_deref(), Some("ALLOW: one"));

    // Attached again: nothing about the agent changes, and it is pushed.
    let pushes = stage.driver.calls("push");
    assert_eq!(attach(&stage, &agent, &rules).await, ["AgentPushRequested"]);
    until_rules(&stage, &agent, Some("ALLOW: two")).await;
    assert_eq!(stage.driver.calls("push"), pushes + 1);
    assert_eq!(judged_by(&stage, &agent).await.as_deref(), Some("ALLOW: two"));

    rewrite(&stage, &rules, "ALLOW: three").await;
    restart(&stage, &runtime).await;
    assert_eq!(judged_by(&stage, &agent).await.as_deref(), Some("ALLOW: three"));
    managers.stop().await;
}

#[tokio::test(start_paused = true)]
async fn tasks_that_waited_for_a_start_are_judged_by_what_that_start_pushes() {
    let stage = Stage::new(Dialect::Tropic).await;
    let managers = stage.managers();
    let (agent, runtime) = shared(&stage).await;
    let rules = policy(&stage, "ALLOW: one").await;
    attach(&stage, &agent, &rules).await;
    until_rules(&stage, &agent, Some("ALLOW: one")).await;
    let stop = StopRuntime {
        runtime_id: runtime.clone(),
    };
    stage.world.by(&stage.member.caller, stop).await.unwrap();
    stage.until_event("RuntimeStopped").await;
    rewrite(&stage, &rules, "ALLOW: two").await;
    let task = stage.submit(&agent, "read").await;
    let start = StartRuntime::new(runtime);
    stage.world.by(&stage.member.caller, start).await.unwrap();
    stage.until_task(&task, "completed").await;
    assert_eq!(
        stage.driver.judged_by(task.as_str()).as_deref(),
        Some("ALLOW: two")
    );
    managers.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_detached_policy_goes_at_once_a_deleted_one_with_the_next_push() {
    let stage = Stage::new(Dialect::Tropic).await;
    let managers = stage.managers();
    let (agent, runtime) = shared(&stage).await;
    let rules = policy(&stage, "ALLOW: one").await;
    attach(&stage, &agent, &rules).await;
    until_rules(&stage, &agent, Some("ALLOW: one")).await;
    let detach = DetachAgentPolicy {
        agent_id: agent.clone(),
    };
    stage.world.by(&stage.member.caller, detach).await.unwrap();
    until_rules(&stage, &agent, None).await;

    attach(&stage, &agent, &rules).await;
    until_rules(&stage, &agent, Some("ALLOW: one")).await;
    let delete = DeletePolicy { policy_id: rules };
    stage.world.by(&stage.member.caller, delete).await.unwrap();
    let doc = stage.world.doc::<Agents>(&agent).await.unwrap();
    assert_eq!((doc.policy_id, doc.status), (None, AgentStatus::Running));
    stage.pass(Duration::from_mins(1)).await;
    assert_eq!(judged_by(&stage, &agent).await.as_deref(), Some("ALLOW: one"));
    restart(&stage, &runtime).await;
    until_rules(&stage, &agent, None).await;
    assert_eq!(judged_by(&stage, &agent).await, None);
    managers.stop().await;
}

#[tokio::test(start_paused = true)]
async fn nothing_is_pushed_to_what_does_not_run() {
    let stage = Stage::new(Dialect::Tropic).await;
    let managers = stage.managers();
    let (agent, runtime) = shared(&stage).await;
    let rules = policy(&stage, "ALLOW: one").await;
    let stop = StopRuntime { runtime_id: runtime };
    stage.world.by(&stage.member.caller, stop).await.unwrap();
    stage.until_event("RuntimeStopped").await;
    let pushes = stage.driver.calls("push");
    assert_eq!(attach(&stage, &agent, &rules).await, ["AgentPolicyAttached"]);
    assert!(attach(&stage, &agent, &rules).await.is_empty());
    stage.pass(Duration::from_mins(1)).await;
    assert_eq!(stage.driver.calls("push"), pushes);
    managers.stop().await;
}

#[tokio::test(start_paused = true)]
async fn settings_changed_while_they_are_taken_are_taken_too() {
    let stage = Stage::new(Dialect::Tropic).await;
    let managers = stage.managers();
    let (_, runtime) = shared(&stage).await;
    for round in 0..6 {
        let bundles: &[CommandBundle] = if round % 2 == 0 {
            &[CommandBundle::OsCommands]
        } else {
            &[]
        };
        set_bundles(&stage, bundles).await;
    }
    until_taken(&stage, &runtime, &settings(&[], "203.0.113.45/32")).await;
    let kept = stage.world.state::<Settings>(&stage.member.user).await;
    assert_eq!(kept.pushed, Some((runtime, vec![])));
    managers.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_users_secrets_reach_the_runtime_with_its_next_start() {
    let stage = Stage::new(Dialect::Tropic).await;
    let managers = stage.managers();
    let lookup = Secrets::new(stage.world.bus.clone());
    let owner = SecretOwner::new(OwnerKind::User, &stage.member.user);
    let store = async |value: &str| {
        let store = StoreSecret::new(owner.clone(), "anthropic_api_key", value);
        stage.world.by(&stage.member.caller, store).await.unwrap();
    };
    let (agent, runtime) = shared(&stage).await;
    let has = async || {
        let found = lookup.secret(&agent, "anthropic_api_key").await.unwrap();
        found.map(|secret| secret.0.to_string())
    };
    store("one").await;
    assert_eq!(has().await, None, "it runs since before");
    restart(&stage, &runtime).await;
    assert_eq!(has().await.as_deref(), Some("one"));
    store("two").await;
    store("three").await;
    stage.pass(Duration::from_secs(30)).await;
    assert_eq!(has().await.as_deref(), Some("one"));
    restart(&stage, &runtime).await;
    assert_eq!(has().await.as_deref(), Some("three"));
    let remove = RemoveSecret {
        owner: owner.clone(),
        name: "anthropic_api_key".to_owned(),
        account_id: None,
    };
    stage.world.by(&stage.member.caller, remove).await.unwrap();
    assert_eq!(has().await, None, "what is removed is gone at once");
    managers.stop().await;
}

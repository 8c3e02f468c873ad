//! Specs of the commands of policies.

use reef_domain::{
    Dialect, RuntimeId,
    account::Role,
    agent::{Agent, AgentCommand},
    policy::Decision,
    runtime::Tenancy,
};
use reef_projections::views::{agent::Agents, policy::Policies};

use super::*;
use crate::{
    Caller, Request,
    settings::SetCommandBundles,
    spec::{Member, World, code, kinds},
};

fn create(rules: &str) -> CreatePolicy {
    CreatePolicy {
        name: "Strict".to_owned(),
        rules: rules.to_owned(),
        ..Default::default()
    }
}

async fn policy(world: &World, owner: &Member, rules: &str) -> PolicyId {
    world
        .by(&owner.caller, create(rules))
        .await
        .unwrap()
        .aggregate
        .id
        .as_str()
        .into()
}

/// An agent under the policy, without what deploying one takes.
async fn agent(world: &World, owner: &Member, id: &str, policy_id: Option<&PolicyId>) {
    let create = AgentCommand::Create {
        agent_id: id.into(),
        account_id: owner.account.clone(),
        owner_user_id: Some(owner.user.clone()),
        name: id.to_owned(),
        slug: None,
        display_name: None,
        template_id: None,
        policy_id: policy_id.cloned(),
        bundle: reef_domain::template::Bundle {
            agent: reef_domain::template::BundleAgent {
                model: "m".to_owned(),
                skills: vec![],
            },
            workspace: [].into(),
        },
    };
    let deploy = AgentCommand::Deploy {
        runtime_id: Some(RuntimeId::from("rt_1")),
        tenancy: Tenancy::Dedicated,
    };
    for command in [create, deploy] {
        let request = Request::new(Caller::system("spec"), "spec");
        world.bus.decide::<Agent>(id, command, &request).await.unwrap();
    }
}

#[tokio::test]
async fn a_policy_is_created_updated_and_deleted() {
    let world = World::new();
    let owner = world.account("acme", Dialect::Native).await;
    let policy_id = policy(&world, &owner, "DENY: sudo\n").await;
    let doc = world.doc::<Policies>(&policy_id).await.unwrap();
    assert_eq!((doc.rules.as_str(), &doc.user_id), ("DENY: sudo\n", &owner.user));
    let update = |rules: &str| UpdatePolicy {
        policy_id: policy_id.clone(),
        name: None,
        rules: Some(rules.to_owned()),
    };
    assert!(
        world
            .by(&owner.caller, update("DENY: sudo\n"))
            .await
            .unwrap()
            .events
            .is_empty()
    );
    assert_eq!(
        kinds(&world.by(&owner.caller, update("ALLOW: *")).await.unwrap()),
        ["PolicyUpdated"]
    );
    assert_eq!(
        code(world.by(&owner.caller, update("NEVER: x")).await),
        "rules_invalid"
    );
    let delete = DeletePolicy {
        policy_id: policy_id.clone(),
    };
    assert_eq!(
        kinds(&world.by(&owner.caller, delete.clone()).await.unwrap()),
        ["PolicyDeleted"]
    );
    assert_eq!(code(world.by(&owner.caller, delete).await), "not_found");
    assert_eq!(world.doc::<Policies>(&policy_id).await, None);
}

#[tokio::test]
async fn a_deleted_policy_is_detached_from_its_agents_in_the_same_append() {
    let world = World::new();
    let owner = world.account("acme", Dialect::Native).await;
    let (doomed, other) = (
        policy(&world, &owner, "DENY: a").await,
        policy(&world, &owner, "DENY: b").await,
    );
    agent(&world, &owner, "agt_1", Some(&doomed)).await;
    agent(&world, &owner, "agt_2", Some(&other)).await;
    agent(&world, &owner, "agt_3", Some(&doomed)).await;
    let answer = world
        .by(&owner.caller, DeletePolicy { policy_id: doomed })
        .await
        .unwrap();
    assert_eq!(
        kinds(&answer),
        ["PolicyDeleted", "AgentPolicyDetached", "AgentPolicyDetached"]
    );
    for (id, expected) in [("agt_1", None), ("agt_2", Some(other)), ("agt_3", None)] {
        assert_eq!(world.doc::<Agents>(id).await.unwrap().policy_id, expected, "{id}");
    }
}

#[tokio::test]
async fn an_agent_in_deletion_does_not_stand_in_the_way() {
    let world = World::new();
    let owner = world.account("acme", Dialect::Native).await;
    let policy_id = policy(&world, &owner, "DENY: a").await;
    agent(&world, &owner, "agt_1", Some(&policy_id)).await;
    let request = Request::new(Caller::system("spec"), "spec");
    world
        .bus
        .decide::<Agent>("agt_1", AgentCommand::Delete, &request)
        .await
        .unwrap();
    assert_eq!(
        kinds(&world.by(&owner.caller, DeletePolicy { policy_id }).await.unwrap()),
        ["PolicyDeleted"]
    );
}

#[tokio::test]
async fn policies_of_others_are_out_of_reach() {
    let world = World::new();
    let owner = world.account("acme", Dialect::Native).await;
    let stranger = world.account("other", Dialect::Native).await;
    let policy_id = policy(&world, &owner, "DENY: a").await;
    assert_eq!(
        code(
            world
                .by(
                    &stranger.caller,
                    DeletePolicy {
                        policy_id: policy_id.clone()
                    }
                )
                .await
        ),
        "not_found"
    );
    let question = PolicyQuestion {
        policy_id: Some(policy_id),
        ..Default::default()
    };
    assert_eq!(
        question
            .answer(&world.bus, &stranger.caller)
            .await
            .unwrap_err()
            .code(),
        "not_found"
    );
    let member = world.user(&owner, Role::Member).await;
    let for_owner = CreatePolicy {
        user_id: Some(owner.user),
        ..create("DENY: a")
    };
    assert_eq!(code(world.by(&member.caller, for_owner).await), "not_your_user");
}

#[tokio::test]
async fn the_operator_names_the_account() {
    let world = World::new();
    let owner = world.account("acme", Dialect::Native).await;
    assert_eq!(code(world.operator(create("DENY: a")).await), "invalid_command");
    let named = CreatePolicy {
        account_id: Some(owner.account),
        ..create("DENY: a")
    };
    let made = world.operator(named).await.unwrap().aggregate.id;
    assert_eq!(world.doc::<Policies>(made).await.unwrap().user_id, owner.user);
}

#[tokio::test]
async fn a_question_changes_nothing() {
    let world = World::new();
    let owner = world.account("acme", Dialect::Native).await;
    let policy_id = policy(&world, &owner, "REQUIRE CONFIRM: download files").await;
    agent(&world, &owner, "agt_1", Some(&policy_id)).await;
    agent(&world, &owner, "agt_2", None).await;
    world
        .by(&owner.caller, SetCommandBundles::default())
        .await
        .unwrap();
    let before = world.store.events().len();
    let ask = async |question: PolicyQuestion| {
        question
            .answer(&world.bus, &owner.caller)
            .await
            .map(|verdict| verdict.decision)
    };
    let text = || "download the files with a shell command".to_owned();
    let of_policy = PolicyQuestion {
        text: text(),
        policy_id: Some(policy_id),
        ..Default::default()
    };
    assert_eq!(ask(of_policy).await, Ok(Decision::RequireConfirm));
    let of_agent = |id: &str| PolicyQuestion {
        text: text(),
        agent_id: Some(id.into()),
        ..Default::default()
    };
    assert_eq!(ask(of_agent("agt_1")).await, Ok(Decision::RequireConfirm));
    assert_eq!(
        ask(of_agent("agt_2")).await,
        Ok(Decision::Deny),
        "no bundle is on"
    );
    let of_rules = |rules: &str| PolicyQuestion {
        text: text(),
        rules: Some(rules.to_owned()),
        ..Default::default()
    };
    assert_eq!(ask(of_rules("ALLOW: download")).await, Ok(Decision::Allow));
    assert!(matches!(
        ask(of_rules("MAYBE: x")).await,
        Err(CommandError::Malformed { .. })
    ));
    assert!(matches!(
        ask(PolicyQuestion::default()).await,
        Err(CommandError::Malformed { .. })
    ));
    assert_eq!(world.store.events().len(), before);
}

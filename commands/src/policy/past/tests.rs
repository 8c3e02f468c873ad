//! Specs of judging past tasks.

use reef_domain::{
    Dialect,
    agent::{Agent, AgentCommand},
    runtime::Tenancy,
    task::{Task, TaskCommand as Do},
    template::{Bundle, BundleAgent},
};

use Decision::{Allow, Deny, RequireConfirm};

use super::*;
use crate::{
    Caller, Request,
    spec::{Member, World},
    task::SubmitTask,
};

fn request() -> Request {
    Request::new(Caller::system("spec"), "spec")
}

async fn agent(world: &World, owner: &Member, id: &str) {
    let create = AgentCommand::Create {
        agent_id: id.into(),
        account_id: owner.account.clone(),
        owner_user_id: Some(owner.user.clone()),
        name: "One".to_owned(),
        slug: None,
        display_name: None,
        template_id: None,
        policy_id: None,
        bundle: Bundle {
            agent: BundleAgent {
                model: "m".to_owned(),
                skills: vec![],
            },
            workspace: [].into(),
        },
    };
    let deploy = AgentCommand::Deploy {
        runtime_id: None,
        tenancy: Tenancy::Shared,
    };
    for command in [create, deploy] {
        world.bus.decide::<Agent>(id, command, &request()).await.unwrap();
    }
}

async fn task(world: &World, owner: &Member, agent: &str, description: &str, reports: Vec<Do>) {
    let submit = SubmitTask {
        agent_id: agent.into(),
        description: description.to_owned(),
        task_id: None,
    };
    let id = world.by(&owner.caller, submit).await.unwrap().aggregate.id;
    for report in reports {
        world.bus.decide::<Task>(&id, report, &request()).await.unwrap();
    }
}

fn done() -> Vec<Do> {
    vec![
        Do::Start,
        Do::Complete {
            result: "done".to_owned(),
            input_tokens: 0,
            output_tokens: 0,
        },
    ]
}

fn failed(code: &str) -> Vec<Do> {
    vec![
        Do::Start,
        Do::Fail {
            code: code.to_owned(),
            reason: String::new(),
        },
    ]
}

async fn scene() -> (World, Member) {
    let world = World::new();
    let owner = world.account("ada", Dialect::Tropic).await;
    agent(&world, &owner, "agt_1").await;
    agent(&world, &owner, "agt_2").await;
    let asked = vec![
        Do::Start,
        Do::RequestApproval {
            rule: "REQUIRE CONFIRM: email".to_owned(),
            reason: String::new(),
            expires_at: world.bus.services().clock.now(),
        },
    ];
    task(&world, &owner, "agt_1", "read the news", done()).await;
    task(&world, &owner, "agt_1", "delete files", failed(DENIED_BY_POLICY)).await;
    task(&world, &owner, "agt_1", "email Ada", asked).await;
    task(&world, &owner, "agt_2", "read a book", vec![]).await;
    task(&world, &owner, "agt_2", "read a letter", failed("agent_stopped")).await;
    (world, owner)
}

async fn judge(world: &World, owner: &Member, agent: Option<&str>, limit: u32) -> PastVerdicts {
    let rules = Rules::parse("ALLOW: email\nDENY: read\nDENY: delete").unwrap();
    let past = PastTasks {
        account_id: owner.account.clone(),
        agent_id: agent.map(AgentId::from),
        limit,
    };
    past.judge(&*world.bus.services().views, &rules).await.unwrap()
}

#[tokio::test]
async fn each_task_is_compared_with_what_was_done_with_it() {
    let (world, owner) = scene().await;
    let told = judge(&world, &owner, None, 100).await;
    let seen: Vec<_> = told
        .data
        .iter()
        .map(|one| {
            (
                one.description.as_str(),
                one.verdict.decision,
                one.happened,
                one.differs,
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            ("read a letter", Deny, None, None),
            ("read a book", Deny, None, None),
            ("email Ada", Allow, Some(RequireConfirm), Some(true)),
            ("delete files", Deny, Some(Deny), Some(false)),
            ("read the news", Deny, Some(Allow), Some(true)),
        ]
    );
    assert_eq!(
        told.counts,
        PastCounts {
            allow: 1,
            require_confirm: 0,
            deny: 4,
            differing: 2
        }
    );
    assert_eq!(told.data[2].verdict.matched_rule.as_deref(), Some("ALLOW: email"));
}

#[tokio::test]
async fn the_newest_of_one_agent_and_nobody_elses() {
    let (world, owner) = scene().await;
    let stranger = world.account("eve", Dialect::Tropic).await;
    let names = async |of: &Member, agent, limit| {
        let told = judge(&world, of, agent, limit).await;
        told.data
            .into_iter()
            .map(|one| one.description)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        names(&owner, Some("agt_1"), 2).await,
        ["email Ada", "delete files"]
    );
    assert_eq!(names(&owner, None, 0).await, ["read a letter"]);
    assert!(names(&stranger, Some("agt_1"), 100).await.is_empty());
    assert!(names(&stranger, None, 100).await.is_empty());
}

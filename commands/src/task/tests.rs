//! Specs of the commands of tasks, and of what nodes report.

use chrono::TimeDelta;
use reef_domain::{Dialect, agent::AgentCommand, agent::AgentStopReason, task::TaskStatus};
use reef_projections::views::task::Tasks;
use serde_json::json;

use super::*;
use crate::{
    Caller, Request,
    agent::DeployAgent,
    ports::{NodeEvents, Usage},
    spec::{Member, World, body, code, kinds},
    template::PublishTemplate,
};

struct Scene {
    world: World,
    member: Member,
    agent: AgentId,
    reports: NodeReports,
}

impl Scene {
    async fn new() -> Self {
        let world = World::new();
        let member = world.account("ada", Dialect::Tropic).await;
        let publish: PublishTemplate = body(json!({
            "slug": "research", "name": "Research", "bundle": { "agent": { "model": "m" } },
            "default_policy": "ALLOW: research"
        }));
        world.operator(publish).await.unwrap();
        let deploy: DeployAgent = body(json!({ "template_id": "tmpl_research", "name": "Ada" }));
        let agent = AgentId::from(world.by(&member.caller, deploy).await.unwrap().aggregate.id);
        let reports = NodeReports::new(world.bus.clone(), TimeDelta::minutes(5));
        Self {
            world,
            member,
            agent,
            reports,
        }
    }

    fn submit(&self, description: &str) -> SubmitTask {
        body(json!({ "agent_id": self.agent, "description": description }))
    }

    async fn submitted(&self) -> TaskId {
        TaskId::from(
            self.world
                .by(&self.member.caller, self.submit("read"))
                .await
                .unwrap()
                .aggregate
                .id,
        )
    }

    async fn asking(&self) -> TaskId {
        let task = self.submitted().await;
        assert!(self.reports.claim_task(&task).await.unwrap());
        self.reports
            .request_approval(&task, "REQUIRE CONFIRM: read", "it is written")
            .await
            .unwrap();
        task
    }
}

#[tokio::test]
async fn a_task_is_submitted_for_its_agent() {
    let scene = Scene::new().await;
    let task = scene.submitted().await;
    let doc = scene.world.doc::<Tasks>(&task).await.unwrap();
    assert_eq!(
        (doc.status, doc.agent_id, doc.user_id),
        (
            TaskStatus::Pending,
            scene.agent.clone(),
            Some(scene.member.user.clone())
        )
    );
    assert_eq!(
        code(scene.world.by(&scene.member.caller, scene.submit(" ")).await),
        "description_invalid"
    );
    let chosen = SubmitTask {
        task_id: Some(task),
        ..scene.submit("again")
    };
    assert_eq!(
        code(scene.world.by(&scene.member.caller, chosen).await),
        "task_already_submitted"
    );
}

#[tokio::test]
async fn a_stopped_agent_takes_no_task() {
    let scene = Scene::new().await;
    let stop = AgentCommand::Stop {
        reason: AgentStopReason::Requested,
    };
    let request = Request::new(Caller::system("spec"), "spec");
    scene
        .world
        .bus
        .decide::<Agent>(&scene.agent, stop, &request)
        .await
        .unwrap();
    assert_eq!(
        code(scene.world.by(&scene.member.caller, scene.submit("read")).await),
        "agent_stopped"
    );
}

#[tokio::test]
async fn approvals_are_given_once_and_name_who_gave_them() {
    let scene = Scene::new().await;
    let task = scene.asking().await;
    let approve = ApproveTask {
        task_id: task.clone(),
    };
    assert_eq!(
        kinds(
            &scene
                .world
                .by(&scene.member.caller, approve.clone())
                .await
                .unwrap()
        ),
        ["TaskApproved"]
    );
    let approval = scene.world.doc::<Tasks>(&task).await.unwrap().approval.unwrap();
    assert_eq!(approval.decided_by, Some(scene.member.caller.actor.to_string()));
    assert_eq!(approval.expires_at - approval.requested_at, TimeDelta::minutes(5));
    let again = code(scene.world.by(&scene.member.caller, approve).await);
    assert_eq!(again, "approval_already_resolved");
}

#[tokio::test]
async fn of_approving_and_rejecting_at_once_one_wins() {
    let scene = Scene::new().await;
    let task_id = scene.asking().await;
    let caller = &scene.member.caller;
    let (approved, rejected) = tokio::join!(
        scene.world.by(
            caller,
            ApproveTask {
                task_id: task_id.clone()
            }
        ),
        scene.world.by(
            caller,
            RejectTask {
                task_id: task_id.clone()
            }
        ),
    );
    assert!(approved.is_ok() != rejected.is_ok());
    let loser = if approved.is_ok() { rejected } else { approved };
    assert_eq!(code(loser), "approval_already_resolved");
}

#[tokio::test]
async fn what_is_not_awaiting_approval_cannot_be_decided() {
    let scene = Scene::new().await;
    let task_id = scene.submitted().await;
    let approve = ApproveTask {
        task_id: task_id.clone(),
    };
    assert_eq!(
        code(scene.world.by(&scene.member.caller, approve).await),
        "task_not_awaiting_approval"
    );
    let unknown = RejectTask {
        task_id: "task_none".into(),
    };
    assert_eq!(
        code(scene.world.by(&scene.member.caller, unknown).await),
        "not_found"
    );
    let other = scene.world.account("eve", Dialect::Tropic).await.caller;
    assert_eq!(
        code(scene.world.by(&other, RejectTask { task_id }).await),
        "not_found"
    );
    assert_eq!(
        code(scene.world.by(&other, scene.submit("read")).await),
        "not_found"
    );
}

#[tokio::test]
async fn a_report_that_comes_twice_changes_nothing_more() {
    let scene = Scene::new().await;
    let task = scene.submitted().await;
    for _ in 0..2 {
        assert!(scene.reports.claim_task(&task).await.unwrap());
    }
    for _ in 0..2 {
        scene
            .reports
            .complete_task(
                &task,
                "done",
                Usage {
                    input_tokens: 3,
                    output_tokens: 4,
                },
            )
            .await
            .unwrap();
    }
    let kinds: Vec<_> = scene
        .world
        .event_types()
        .into_iter()
        .filter(|kind| kind.starts_with("Task"))
        .collect();
    assert_eq!(kinds, ["TaskSubmitted", "TaskStarted", "TaskCompleted"]);
    assert!(
        !scene.reports.claim_task(&task).await.unwrap(),
        "nothing is left to do"
    );
    assert!(!scene.reports.claim_task(&"task_none".into()).await.unwrap());
}

#[tokio::test]
async fn a_task_waiting_for_a_person_is_not_claimed() {
    let scene = Scene::new().await;
    let task = scene.asking().await;
    assert!(!scene.reports.claim_task(&task).await.unwrap());
    scene
        .reports
        .fail_task(&task, "denied", "DENY: read")
        .await
        .unwrap();
    let doc = scene.world.doc::<Tasks>(&task).await.unwrap();
    assert_eq!(doc.failure.unwrap().code, "denied");
}

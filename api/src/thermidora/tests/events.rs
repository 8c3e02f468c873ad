//! What agents did.

use reef_commands::{
    Caller, Request,
    activity::{ActivityReport, Did},
    ports::NodeEvents as _,
    task::NodeReports,
};
use reef_domain::{
    AgentId, RuntimeId,
    agent::{Agent, AgentCommand},
    runtime::Tenancy,
    template::Bundle,
};
use serde_json::{Value, json};

use super::{
    client::{Thermidora, each},
    covers, on_both_databases,
};
use crate::rig::{OPERATOR, Rig};

on_both_databases!(
    results_messages_and_errors_are_listed,
    lists_are_bounded_and_filtered,
    events_of_others_are_not_there,
);

/// An instance of the account's.
pub(super) async fn instance(ada: &Thermidora<'_>) -> RuntimeId {
    let made = ada.rig.command(
        OPERATOR,
        "ProvisionRuntime",
        json!({ "account_id": ada.account, "user_id": user(ada).await }),
    );
    RuntimeId::from(made.await.ok().id())
}

async fn user(ada: &Thermidora<'_>) -> String {
    let account = ada
        .rig
        .get(OPERATOR, &format!("/v1/views/accounts/{}", ada.account))
        .await
        .ok();
    account.body["users"][0]["user_id"].as_str().unwrap().to_owned()
}

/// An agent with that slug on it.
pub(super) async fn agent(ada: &Thermidora<'_>, instance: &RuntimeId, slug: &str) -> AgentId {
    let agent_id = AgentId::from(format!("agt_{slug}{}", &instance.as_str()[3..]));
    let create = AgentCommand::Create {
        agent_id: agent_id.clone(),
        account_id: ada.account.as_str().into(),
        owner_user_id: None,
        name: slug.to_owned(),
        slug: Some(slug.to_owned()),
        display_name: Some(format!("The {slug}")),
        template_id: None,
        policy_id: None,
        bundle: Bundle::default(),
    };
    let deploy = AgentCommand::Deploy {
        runtime_id: Some(instance.clone()),
        tenancy: Tenancy::Shared,
    };
    for command in [create, deploy] {
        let request = Request::new(Caller::system("spec"), "spec");
        ada.rig
            .bus
            .decide::<Agent>(&agent_id, command, &request)
            .await
            .unwrap();
    }
    agent_id
}

pub(super) async fn did(
    rig: &Rig,
    (instance, agent): (&RuntimeId, &AgentId),
    report: &str,
    did: Did,
    content: &str,
) {
    let told = ActivityReport {
        runtime_id: instance.clone(),
        agent_id: agent.clone(),
        report_id: report.to_owned(),
        did,
        content: content.to_owned(),
    };
    let node = NodeReports::new(rig.bus.clone(), chrono::TimeDelta::hours(1));
    node.report_activity(told).await.unwrap();
}

pub(super) fn cron() -> Did {
    Did::CompletedCronJob {
        job_name: "price".to_owned(),
    }
}

fn said() -> Did {
    Did::SentMessage { in_reply_to: None }
}

async fn listed(ada: &Thermidora<'_>, instance: &RuntimeId, query: &str) -> Value {
    let reply = ada
        .call_with("list-events", &[instance.as_str()], None, query)
        .await;
    assert_eq!(reply.status, 200, "{query}: {}", reply.text);
    reply.body
}

async fn results_messages_and_errors_are_listed(rig: &Rig) {
    covers(&["thermidora.list-events.1", "thermidora.list-events.5"]);
    let ada = Thermidora::account(rig, "ada").await;
    let instance = instance(&ada).await;
    assert_eq!(
        listed(&ada, &instance, "").await,
        json!({ "events": [], "total": 0 })
    );
    let news = agent(&ada, &instance, "news").await;
    let by = (&instance, &news);
    did(rig, by, "r1", cron(), "Bitcoin price: $69,327").await;
    did(rig, by, "r2", said(), "Grüße, 世界").await;
    let failed = Did::ReportedError {
        code: "model_error".to_owned(),
        job_name: Some("price".to_owned()),
    };
    did(rig, by, "r3", failed, "no model answers").await;
    let found = listed(&ada, &instance, "").await;
    assert_eq!(found["total"], 3);
    let rows: Vec<_> = found["events"].as_array().unwrap().iter().collect();
    let shown: Vec<_> = rows
        .iter()
        .map(|row| (row["source"].as_str().unwrap(), row["content"].as_str().unwrap()))
        .collect();
    assert_eq!(
        shown,
        [
            ("agent", "no model answers"),
            ("agent", "Grüße, 世界"),
            ("cron", "Bitcoin price: $69,327")
        ]
    );
    for row in rows {
        assert!(row["messageId"].as_str().unwrap().starts_with("msg_"));
        assert_eq!(row["agentSlug"], "news");
        assert_eq!(
            row["sender"],
            json!({ "type": "agent", "id": "news", "name": "The news" })
        );
    }

    // They are the instance's: what an agent did stays when the agent goes.
    let request = Request::new(Caller::system("spec"), "spec");
    rig.bus
        .decide::<Agent>(&news, AgentCommand::Delete, &request)
        .await
        .unwrap();
    assert_eq!(listed(&ada, &instance, "").await, found);
}

async fn lists_are_bounded_and_filtered(rig: &Rig) {
    covers(&[
        "thermidora.list-events.2",
        "thermidora.list-events.3",
        "thermidora.list-events.4",
        "thermidora.list-events.6",
    ]);
    let ada = Thermidora::account(rig, "ada").await;
    let instance = instance(&ada).await;
    let (news, stock) = (
        agent(&ada, &instance, "news").await,
        agent(&ada, &instance, "stock").await,
    );
    for number in 0..230 {
        let (by, what) = if number % 2 == 0 {
            (&news, cron())
        } else {
            (&stock, said())
        };
        did(
            rig,
            (&instance, by),
            &format!("r{number}"),
            what,
            &number.to_string(),
        )
        .await;
    }
    for (query, count, total, newest) in [
        ("", 50, 230, "229"),
        ("?limit=7", 7, 230, "229"),
        ("?limit=200", 200, 230, "229"),
        ("?limit=201", 200, 230, "229"),
        ("?limit=99999999999", 200, 230, "229"),
        ("?agent=news", 50, 115, "228"),
        ("?agent=stock&limit=200", 115, 115, "229"),
        ("?source=cron", 50, 115, "228"),
        ("?source=agent&limit=3", 3, 115, "229"),
    ] {
        let found = listed(&ada, &instance, query).await;
        let rows = found["events"].as_array().unwrap();
        assert_eq!((rows.len(), &found["total"]), (count, &json!(total)), "{query}");
        let contents: Vec<u32> = each(&found["events"], "content")
            .into_iter()
            .map(|content| content.parse().unwrap())
            .collect();
        assert_eq!(rows[0]["content"], newest, "{query}");
        assert!(
            contents.is_sorted_by(|one, next| one > next),
            "newest first: {query}"
        );
    }
    for none in ["?agent=nobody", "?agent=news&source=agent", "?agent="] {
        let found = listed(&ada, &instance, none).await;
        assert_eq!(found, json!({ "events": [], "total": 0 }), "{none}");
    }
    for wrong in [
        "?limit=0",
        "?limit=-1",
        "?limit=many",
        "?limit=1.5",
        "?source=human",
        "?source=",
        "?limit=1&limit=2",
    ] {
        let reply = ada
            .call_with("list-events", &[instance.as_str()], None, wrong)
            .await;
        assert_eq!(reply.status, 400, "{wrong}: {}", reply.text);
    }
}

async fn events_of_others_are_not_there(rig: &Rig) {
    let (ada, bob) = (
        Thermidora::account(rig, "ada").await,
        Thermidora::account(rig, "bob").await,
    );
    let instance = instance(&ada).await;
    let message = bob.fails("list-events", &[instance.as_str()], None, 404).await;
    assert_eq!(message, "Instance not found");
    for absent in ["inst_absent", "a%20b", "%00"] {
        ada.fails("list-events", &[absent], None, 404).await;
    }
}

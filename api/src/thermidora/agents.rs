//! Agents: personas in an instance, each with a workspace of its own.

use std::time::Duration;

use axum::extract::Path;
use reef_commands::{
    agent::{CreateAgent, DeleteAgent, UpdateAgent},
    workspace_file::files_of,
};
use reef_domain::{RuntimeId, agent::AgentStatus};
use reef_projections::views::agent::{AgentDoc, Agents};
use serde::Deserialize;

use super::{
    instances::{agents_of, present},
    to_wire, wire,
};
use crate::{
    Problem,
    dialect::{Answer, Api, Body, Call, named},
    problem::not_found,
};

const KIND: &str = "agent";
const JSON: &str = "application/json";
/// How long a new agent may take to be at work before its creation is answered.
const AT_WORK_WITHIN: Duration = Duration::from_secs(20);

/// Of an agent's document, what lists show.
#[derive(Deserialize)]
pub(super) struct AgentPart {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) slug: Option<String>,
    pub(super) display_name: Option<String>,
    pub(super) model: String,
    pub(super) runtime_id: Option<RuntimeId>,
}

pub(super) fn routes(api: &mut Api) {
    let (new, made) = (api.schema::<wire::CreateAgent>(), api.schema::<wire::NewAgent>());
    let (rows, one) = (api.schema::<wire::Agents>(), api.schema::<wire::Agent>());
    let (change, deleted) = (
        api.schema::<wire::UpdateAgent>(),
        api.schema::<wire::DeletedAgent>(),
    );
    let (all, path) = (
        "/instances/{instanceId}/agents",
        "/instances/{instanceId}/agents/{agentId}",
    );
    let create = api
        .route("post", all, "create-agent", "Make an agent in a running instance")
        .says("Model and slug are for good; the slug is free again once the agent is deleted.")
        .once();
    let create = create.takes(new).with_status(201).fails(&[409, 503]);
    api.add(create.answers(JSON, made), self::create);
    let list = api.route("get", all, "list-agents", "The agents of an instance");
    api.add(list.answers(JSON, rows), self::list);
    let get = api.route("get", path, "get-agent", "One agent with its workspace files");
    api.add(get.answers(JSON, one.clone()), self::get);
    let update = api
        .route(
            "patch",
            path,
            "update-agent",
            "Change an agent's names and workspace files",
        )
        .says("Files reach a running instance at once, any other with its next start.");
    api.add(update.takes(change).answers(JSON, one), self::update);
    let delete = api.route(
        "delete",
        path,
        "delete-agent",
        "Delete an agent with its workspace",
    );
    api.add(delete.answers(JSON, deleted), self::delete);
}

/// The agent of that instance.
pub(super) async fn found(call: &Call, instance: &str, id: &str) -> Result<AgentDoc, Problem> {
    let instance = present(call, instance).await?;
    let agent = call.own::<Agents>(KIND, id).await?;
    if agent.runtime_id.as_ref() == Some(&instance.id) {
        Ok(agent)
    } else {
        Err(not_found(KIND, id))
    }
}

async fn create(
    call: Call,
    Path(instance): Path<String>,
    Body(body): Body<wire::CreateAgent>,
) -> Result<Answer<wire::NewAgent>, Problem> {
    let create = CreateAgent {
        runtime_id: named("runtime", &instance)?,
        name: body.name,
        slug: body.slug,
        display_name: body.display_name,
        model: body.model.name().to_owned(),
        use_defaults: body.use_defaults,
        files: body.files,
        agent_id: None,
    };
    let done = call.execute(&create).await?;
    let agent = if done.replayed {
        call.left::<Agents>(&done).await?
    } else {
        at_work(&call, &done.aggregate.id).await?
    };
    Ok(Answer::created(to_wire::new_agent(&agent)).of(&done))
}

/// The agent once its instance has taken it, or as it is when that takes too long.
pub(super) async fn at_work(call: &Call, id: &str) -> Result<AgentDoc, Problem> {
    let deadline = tokio::time::Instant::now() + AT_WORK_WITHIN;
    let mut head = call.state().head.clone();
    loop {
        head.borrow_and_update();
        let agent = call.own::<Agents>(KIND, id).await?;
        if agent.status != AgentStatus::Provisioning {
            return Ok(agent);
        }
        match tokio::time::timeout_at(deadline, head.changed()).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) | Err(_) => return Ok(agent),
        }
    }
}

async fn list(call: Call, Path(instance): Path<String>) -> Result<Answer<wire::Agents>, Problem> {
    let instance = present(&call, &instance).await?;
    let agents = agents_of(&call, &instance.id).await?;
    let agents = agents.into_iter().map(to_wire::agent_row).collect();
    Ok(Answer::ok(wire::Agents { agents }))
}

async fn with_files(call: &Call, agent: &AgentDoc) -> Result<Answer<wire::Agent>, Problem> {
    let files = files_of(call.state().services(), &agent.id).await?;
    Ok(Answer::ok(to_wire::agent(agent, files)))
}

async fn get(
    call: Call,
    Path((instance, id)): Path<(String, String)>,
) -> Result<Answer<wire::Agent>, Problem> {
    let agent = found(&call, &instance, &id).await?;
    with_files(&call, &agent).await
}

async fn update(
    call: Call,
    Path((instance, id)): Path<(String, String)>,
    Body(body): Body<wire::UpdateAgent>,
) -> Result<Answer<wire::Agent>, Problem> {
    for (field, given) in [("model", &body.model), ("slug", &body.slug)] {
        if given.is_some() {
            return Err(Problem::parameter(
                field,
                "It cannot be changed; make another agent.",
            ));
        }
    }
    let agent = found(&call, &instance, &id).await?;
    let update = UpdateAgent {
        agent_id: agent.id,
        name: body.name,
        display_name: body.display_name,
        model: None,
        files: body.files,
    };
    call.repeat(&update).await?;
    let agent = found(&call, &instance, &id).await?;
    with_files(&call, &agent).await
}

async fn delete(
    call: Call,
    Path((instance, id)): Path<(String, String)>,
) -> Result<Answer<wire::DeletedAgent>, Problem> {
    let agent_id = found(&call, &instance, &id).await?.id;
    call.repeat(&DeleteAgent { agent_id }).await?;
    Ok(Answer::ok(wire::DeletedAgent {
        agent_id: id,
        deleted: true,
    }))
}

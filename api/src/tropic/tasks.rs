//! Agent tasks: work, and its approval.

use axum::extract::Path;
use reef_commands::task::{ApproveTask, RejectTask, SubmitTask};
use reef_domain::task::TaskStatus;
use reef_projections::{
    Filter,
    views::{
        agent::Agents,
        task::{TaskDoc, Tasks},
    },
};

use super::{TEN, to_wire, wire};
use crate::{
    Problem,
    dialect::{Answer, Api, Body, Call, named},
    openapi::Place,
    params::Params,
};

const KIND: &str = "task";
const JSON: &str = "application/json";

pub(super) fn routes(api: &mut Api) {
    let submitted = api.schema::<wire::SubmittedTask>();
    let rows = api.list_of::<wire::TaskRow>();
    let one = api.schema::<wire::Task>();
    let decided = api.schema::<wire::DecidedTask>();
    let work = api.schema::<wire::SubmitTask>();
    let path = "/agents/{agentId}/tasks";
    let submit = api
        .route("post", path, "submit-task", "Give an agent a task")
        .once();
    let submit = submit.at_most(TEN).takes(work).with_status(201);
    api.add(submit.answers(JSON, submitted), self::submit);
    let of_agent = api.route("get", path, "list-agent-tasks", "Every task of an agent");
    api.add(of_agent.answers(JSON, rows.clone()), self::of_agent);
    let names: Vec<&str> = TaskStatus::ALL.iter().map(|status| status.name()).collect();
    let list = api.route("get", "/agent-tasks", "list-tasks", "The caller's tasks");
    let list = list.one_of("status", Place::Query, "Only tasks in this status.", &names);
    api.add(list.answers(JSON, rows), self::list);
    let get = api.route(
        "get",
        "/agent-tasks/{taskId}",
        "get-task",
        "One task with its history",
    );
    api.add(get.answers(JSON, one), self::get);
    let path = "/agent-tasks/{taskId}/approve";
    let approve = api.route(
        "post",
        path,
        "approve-task",
        "Let a task go on that waits for a person",
    );
    let approve = approve.once().at_most(TEN);
    api.add(approve.answers(JSON, decided.clone()), self::approve);
    let path = "/agent-tasks/{taskId}/reject";
    let reject = api.route(
        "post",
        path,
        "reject-task",
        "Have a task not done that waits for a person",
    );
    let reject = reject.once().at_most(TEN);
    api.add(reject.answers(JSON, decided), self::reject);
}

async fn submit(
    call: Call,
    Path(agent): Path<String>,
    Body(body): Body<wire::SubmitTask>,
) -> Result<Answer<wire::SubmittedTask>, Problem> {
    let submit = SubmitTask {
        agent_id: named("agent", &agent)?,
        description: body.description,
        task_id: None,
    };
    let done = call.execute(&submit).await?;
    let task = call.left::<Tasks>(&done).await?;
    Ok(Answer::created(to_wire::submitted_task(task)).of(&done))
}

async fn of_agent(call: Call, Path(agent): Path<String>) -> Result<Answer<Vec<wire::TaskRow>>, Problem> {
    let agent = call.own::<Agents>("agent", &agent).await?;
    let filter = Filter::Parent(agent.id.to_string());
    let tasks: Vec<TaskDoc> = call.all::<Tasks, _>(vec![filter]).await?;
    Ok(Answer::ok(tasks.into_iter().map(to_wire::task_row).collect()))
}

async fn list(call: Call, mut params: Params) -> Result<Answer<Vec<wire::TaskRow>>, Problem> {
    let status = params.text("status")?;
    let known = |name: &String| TaskStatus::ALL.iter().any(|status| status.name() == name);
    if status.as_ref().is_some_and(|name| !known(name)) {
        let names = TaskStatus::ALL.map(TaskStatus::name).join(", ");
        return Err(Problem::parameter(
            "status",
            format!("A status is one of {names}."),
        ));
    }
    let filters = status.map(Filter::Status).into_iter().collect();
    let tasks: Vec<TaskDoc> = call.all::<Tasks, _>(filters).await?;
    Ok(Answer::ok(tasks.into_iter().map(to_wire::task_row).collect()))
}

async fn get(call: Call, Path(id): Path<String>) -> Result<Answer<wire::Task>, Problem> {
    let task = call.own::<Tasks>(KIND, &id).await?;
    Ok(Answer::ok(to_wire::task(task)))
}

async fn approve(call: Call, Path(id): Path<String>) -> Result<Answer<wire::DecidedTask>, Problem> {
    live(&call, &id).await?;
    let task_id = named(KIND, &id)?;
    let done = call.execute(&ApproveTask { task_id }).await?;
    let task = call.was::<Tasks>(&id, done.position).await?;
    Ok(Answer::ok(to_wire::decided_task(&task)).of(&done))
}

async fn reject(call: Call, Path(id): Path<String>) -> Result<Answer<wire::DecidedTask>, Problem> {
    live(&call, &id).await?;
    let task_id = named(KIND, &id)?;
    let done = call.execute(&RejectTask { task_id }).await?;
    let task = call.was::<Tasks>(&id, done.position).await?;
    Ok(Answer::ok(to_wire::decided_task(&task)).of(&done))
}

/// A task goes with its agent: then it is not there to be decided, though the log knows it for ever.
async fn live(call: &Call, id: &str) -> Result<(), Problem> {
    call.own::<Tasks>(KIND, id).await.map(drop)
}

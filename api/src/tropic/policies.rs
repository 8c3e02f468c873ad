//! Policies: named rules for what agents may do.

use axum::extract::Path;
use reef_commands::policy::{DeletePolicy, UpdatePolicy};
use reef_projections::views::policy::{Policies, PolicyDoc};

use super::{from_wire, to_wire, wire};
use crate::{
    Problem,
    dialect::{Answer, Api, Body, Call, named},
};

const KIND: &str = "policy";
const JSON: &str = "application/json";

pub(super) fn routes(api: &mut Api) {
    let (one, all) = (api.schema::<wire::Policy>(), api.list_of::<wire::Policy>());
    let updated = api.schema::<wire::UpdatedPolicy>();
    let deleted = api.schema::<wire::DeletedPolicy>();
    let (new, changes) = (
        api.schema::<wire::CreatePolicy>(),
        api.schema::<wire::UpdatePolicy>(),
    );
    let list = api.route("get", "/policies", "list-policies", "The caller's policies");
    api.add(list.answers(JSON, all), self::list);
    let get = api.route("get", "/policies/{id}", "get-policy", "One policy");
    api.add(get.answers(JSON, one.clone()), self::get);
    let create = api
        .route("post", "/policies", "create-policy", "Make a policy")
        .once();
    api.add(
        create.takes(new).with_status(201).answers(JSON, one),
        self::create,
    );
    let update = api.route("put", "/policies/{id}", "update-policy", "Change a policy");
    let update = update.says("What is left out stays. Agents get new rules at their VM's next push.");
    api.add(update.takes(changes).answers(JSON, updated), self::update);
    let delete = api.route("delete", "/policies/{id}", "delete-policy", "Delete a policy");
    let delete = delete.says("It is detached from every agent.");
    api.add(delete.answers(JSON, deleted), self::delete);
}

async fn list(call: Call) -> Result<Answer<Vec<wire::Policy>>, Problem> {
    let policies: Vec<PolicyDoc> = call.all::<Policies, _>(vec![]).await?;
    Ok(Answer::ok(policies.into_iter().map(to_wire::policy).collect()))
}

async fn get(call: Call, Path(id): Path<String>) -> Result<Answer<wire::Policy>, Problem> {
    let policy = call.own::<Policies>(KIND, &id).await?;
    Ok(Answer::ok(to_wire::policy(policy)))
}

async fn create(call: Call, Body(body): Body<wire::CreatePolicy>) -> Result<Answer<wire::Policy>, Problem> {
    let done = call.execute(&from_wire::create_policy(body)).await?;
    let policy = call.left::<Policies>(&done).await?;
    Ok(Answer::created(to_wire::policy(policy)).of(&done))
}

async fn update(
    call: Call,
    Path(id): Path<String>,
    Body(body): Body<wire::UpdatePolicy>,
) -> Result<Answer<wire::UpdatedPolicy>, Problem> {
    let update = UpdatePolicy {
        policy_id: named(KIND, &id)?,
        name: body.name,
        rules: body.rules,
    };
    let done = call.execute(&update).await?;
    let policy = call.left::<Policies>(&done).await?;
    Ok(Answer::ok(to_wire::updated_policy(policy)))
}

async fn delete(call: Call, Path(id): Path<String>) -> Result<Answer<wire::DeletedPolicy>, Problem> {
    let policy_id = named(KIND, &id)?;
    let done = call.execute(&DeletePolicy { policy_id }).await?;
    let deleted = done.events.first().map_or(done.position, |event| event.position);
    let policy = call.was::<Policies>(&id, deleted.saturating_sub(1)).await?;
    Ok(Answer::ok(to_wire::deleted_policy(policy)))
}

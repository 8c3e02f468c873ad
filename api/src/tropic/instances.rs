//! Instances: the computers on the user's list, their own and the VM.

use axum::extract::{Path, State};
use reef_commands::{
    Caller, Request,
    machine::{ActivateMachine, RegisterMachine, RemoveMachine, UpdateMachine, list_machines},
};
use reef_domain::Dialect;
use reef_projections::views::machine::Machines;
use serde_json::Value;

use super::{is_me, to_wire, wire};
use crate::{
    App, Problem,
    dialect::{Answer, Api, Body, Call, named},
    edge::RequestId,
    openapi::Who,
};

const KIND: &str = "machine";
const JSON: &str = "application/json";

pub(super) fn routes(api: &mut Api) {
    let registered = api.schema::<wire::RegisteredInstance>();
    let rows = api.list_of::<wire::Instance>();
    let (updated, success) = (
        api.schema::<wire::UpdatedInstance>(),
        api.schema::<wire::Success>(),
    );
    let activated = api.schema::<wire::ActivatedInstance>();
    let (new, changes) = (
        api.schema::<wire::RegisterInstance>(),
        api.schema::<wire::UpdateInstance>(),
    );
    let code = api.schema::<wire::ActivateInstance>();
    let path = "/instances/{userId}/local";
    let register = api.route(
        "post",
        path,
        "register-local-instance",
        "Register a computer of one's own",
    );
    let register = register
        .says("`reef connect` on it uses the activation code.")
        .once();
    let register = register.takes(new).with_status(201);
    api.add(register.answers(JSON, registered), self::register);
    let list = api.route(
        "get",
        "/instances/{userId}",
        "list-instances",
        "The caller's computers",
    );
    api.add(list.answers(JSON, rows), self::list);
    let path = "/instances/{userId}/{id}";
    let update = api.route("patch", path, "update-instance", "Rename or describe one");
    api.add(update.takes(changes).answers(JSON, updated), self::update);
    let delete = api.route("delete", path, "delete-instance", "Take one off the list");
    let delete = delete.says("A VM goes on, and is listed again with its next start.");
    api.add(delete.answers(JSON, success), self::delete);
    let path = "/instances/activate";
    let activate = api.route("post", path, "activate-local-instance", "Use an activation code");
    let activate = activate.only_for(Who::Anybody).takes(code).fails(&[404]);
    api.add(activate.answers(JSON, activated), self::activate);
}

async fn register(
    call: Call,
    Path(user): Path<String>,
    Body(body): Body<wire::RegisterInstance>,
) -> Result<Answer<wire::RegisteredInstance>, Problem> {
    is_me(&call, &user)?;
    let register = RegisterMachine {
        name: body.name,
        description: body.description,
        user_id: Some(call.user().clone()),
        ..RegisterMachine::default()
    };
    let done = call.execute(&register).await?;
    let machine = call.left::<Machines>(&done).await?;
    let code = shown(done.result.as_ref(), "activation_code")?;
    Ok(Answer::created(to_wire::registered_instance(machine, code)).of(&done))
}

/// What a command shows once.
fn shown(result: Option<&Value>, name: &str) -> Result<String, Problem> {
    let text = result.and_then(|result| result[name].as_str());
    text.map(str::to_owned)
        .ok_or_else(|| Problem::internal(&format!("{name} was not shown")))
}

async fn list(call: Call, Path(user): Path<String>) -> Result<Answer<Vec<wire::Instance>>, Problem> {
    is_me(&call, &user)?;
    call.may_read::<Machines>()?;
    let machines = list_machines(call.state().services(), call.account(), call.user()).await?;
    Ok(Answer::ok(machines.into_iter().map(to_wire::instance).collect()))
}

async fn update(
    call: Call,
    Path((user, id)): Path<(String, String)>,
    Body(body): Body<wire::UpdateInstance>,
) -> Result<Answer<wire::UpdatedInstance>, Problem> {
    is_me(&call, &user)?;
    let update = UpdateMachine {
        machine_id: named(KIND, &id)?,
        name: body.name,
        description: body.description,
    };
    let done = call.execute(&update).await?;
    let machine = call.left::<Machines>(&done).await?;
    Ok(Answer::ok(to_wire::updated_instance(machine)))
}

async fn delete(
    call: Call,
    Path((user, id)): Path<(String, String)>,
) -> Result<Answer<wire::Success>, Problem> {
    is_me(&call, &user)?;
    let machine_id = named(KIND, &id)?;
    call.execute(&RemoveMachine { machine_id }).await?;
    Ok(Answer::ok(wire::Success { success: true }))
}

/// The code alone is the credential, and the machine that has it the actor.
async fn activate(
    State(state): State<App>,
    axum::Extension(request_id): axum::Extension<RequestId>,
    Body(body): Body<wire::ActivateInstance>,
) -> Result<Answer<wire::ActivatedInstance>, Problem> {
    let activate = ActivateMachine {
        activation_code: body.activation_code,
    };
    let caller = Caller {
        dialect: Dialect::Tropic,
        ..Caller::node("activation")
    };
    let request = Request::new(caller, request_id.as_str());
    let done = state.parts.bus.execute(&activate, request).await?;
    let name = shown(done.result.as_ref(), "name")?;
    let token = shown(done.result.as_ref(), "node_token")?;
    Ok(Answer::ok(to_wire::activated_instance(
        done.aggregate.id,
        name,
        token,
    )))
}

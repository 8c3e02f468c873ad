//! Instances: runtimes that several agents share, made, started, stopped and deleted.

use std::{collections::HashMap, time::Duration};

use axum::extract::Path;
use reef_commands::{
    managers::{Context, reconcile::Reconcile},
    ports::{RuntimeObservation, RuntimeSpec},
    runtime::{DestroyRuntime, ProvisionRuntime, StartRuntime, StopRuntime},
};
use reef_domain::{
    RefusalKind, RuntimeId,
    runtime::{Runtime, RuntimeStatus},
};
use reef_projections::{
    Filter,
    views::{
        agent::Agents,
        runtime::{RuntimeDoc, Runtimes},
        runtime_charge::RuntimeCharges,
    },
};
use serde::Deserialize;

use super::{agents::AgentPart, to_wire, wire};
use crate::{
    Problem,
    dialect::{Answer, Api, Body, Call, named},
    problem::not_found,
};

const KIND: &str = "runtime";
const JSON: &str = "application/json";
/// How long the infrastructure may take to say what an instance does.
const SEEN_WITHIN: Duration = Duration::from_secs(2);

pub(super) fn routes(api: &mut Api) {
    let body = api.schema::<wire::CreateInstance>();
    let (new, one) = (api.schema::<wire::NewInstance>(), api.schema::<wire::Instance>());
    let (all, state) = (
        api.schema::<wire::Instances>(),
        api.schema::<wire::InstanceState>(),
    );
    let create = api
        .route("post", "/instances", "create-instance", "Make an instance")
        .says("It is running once its status says so. Needs a balance above 0.")
        .once();
    let create = create.takes(body).with_status(201).fails(&[402]);
    api.add(create.answers(JSON, new), self::create);
    let list = api.route("get", "/instances", "list-instances", "The account's instances");
    api.add(list.answers(JSON, all), self::list);
    let path = "/instances/{instanceId}";
    let get = api.route("get", path, "get-instance", "One instance with its agents");
    api.add(get.answers(JSON, one), self::get);
    let start = api
        .route(
            "post",
            "/instances/{instanceId}/start",
            "start-instance",
            "Start a stopped instance",
        )
        .says("Waits until it runs. Needs a balance above 0.")
        .fails(&[402, 409]);
    api.add(start.answers(JSON, state.clone()), self::start);
    let stop = api
        .route(
            "post",
            "/instances/{instanceId}/stop",
            "stop-instance",
            "Stop an instance; its storage stays",
        )
        .fails(&[409]);
    api.add(stop.answers(JSON, state.clone()), self::stop);
    let delete = api.route(
        "delete",
        path,
        "delete-instance",
        "Delete an instance with all its data",
    );
    api.add(delete.answers(JSON, state), self::delete);
}

/// The instance, for whatever is in it: one that is being deleted has nothing any more.
pub(super) async fn present(call: &Call, id: &str) -> Result<RuntimeDoc, Problem> {
    let doc = call.own::<Runtimes>(KIND, id).await?;
    if doc.status == RuntimeStatus::Destroying {
        return Err(not_found(KIND, id));
    }
    Ok(doc)
}

async fn create(
    call: Call,
    Body(body): Body<wire::CreateInstance>,
) -> Result<Answer<wire::NewInstance>, Problem> {
    let config = call.state().config();
    let provision = ProvisionRuntime {
        user_id: Some(call.user().clone()),
        name: Some(body.name),
        provider: Some(config.vm_provider.clone()),
        region: config.vm_region.clone(),
        ..ProvisionRuntime::default()
    };
    let done = call.execute(&provision).await?;
    // As it was asked for, however quickly it came up since.
    let doc = call.was::<Runtimes>(&done.aggregate.id, done.position).await?;
    Ok(Answer::created(to_wire::new_instance(doc)).of(&done))
}

/// Of what was charged, what an instance shows.
#[derive(Deserialize)]
struct Charged {
    id: String,
    billed_ms: u64,
}

async fn list(call: Call) -> Result<Answer<wire::Instances>, Problem> {
    let docs: Vec<RuntimeDoc> = call.all::<Runtimes, _>(vec![]).await?;
    let mut agents: HashMap<String, Vec<AgentPart>> = HashMap::new();
    let all: Vec<AgentPart> = call.all::<Agents, _>(vec![]).await?;
    // Newest first, like everything; agents are shown oldest first.
    for agent in all.into_iter().rev() {
        let on = agent.runtime_id.as_ref().map(ToString::to_string);
        agents.entry(on.unwrap_or_default()).or_default().push(agent);
    }
    let ids: Vec<String> = docs.iter().map(|doc| doc.id.to_string()).collect();
    let charged: Vec<Charged> = call.many::<RuntimeCharges, _>(&ids).await?;
    let charged: HashMap<String, u64> = charged
        .into_iter()
        .map(|charged| (charged.id, charged.billed_ms))
        .collect();
    let looks = docs.iter().map(|doc| look(&call, doc));
    let seen = futures::future::join_all(looks).await;
    let now = call.state().services().clock.now();
    let instances = docs.into_iter().zip(seen).map(|(doc, status)| {
        let id = doc.id.to_string();
        let billed_ms = charged.get(&id).copied().unwrap_or(0);
        to_wire::instance(
            doc,
            status,
            agents.remove(&id).unwrap_or_default(),
            billed_ms,
            now,
        )
    });
    let instances = instances.collect();
    Ok(Answer::ok(wire::Instances { instances }))
}

/// The agents of an instance, oldest first.
pub(super) async fn agents_of(call: &Call, id: &RuntimeId) -> Result<Vec<AgentPart>, Problem> {
    let filters = vec![Filter::Field("runtime_id".to_owned(), id.to_string())];
    let mut agents: Vec<AgentPart> = call.all::<Agents, _>(filters).await?;
    agents.reverse();
    Ok(agents)
}

async fn get(call: Call, Path(id): Path<String>) -> Result<Answer<wire::Instance>, Problem> {
    let doc = call.own::<Runtimes>(KIND, &id).await?;
    let agents = if doc.status == RuntimeStatus::Destroying {
        Vec::new()
    } else {
        agents_of(&call, &doc.id).await?
    };
    let charged = call.find::<RuntimeCharges>(KIND, &id).await?;
    let billed_ms = charged.map_or(0, |charged| charged.billed_ms);
    let status = look(&call, &doc).await;
    let now = call.state().services().clock.now();
    Ok(Answer::ok(to_wire::instance(doc, status, agents, billed_ms, now)))
}

/// What the instance does at this moment: what is believed to run is looked at. Not knowing is no observation.
async fn look(call: &Call, doc: &RuntimeDoc) -> wire::InstanceStatus {
    let seen = match doc.status {
        RuntimeStatus::Running => observed(call, doc).await,
        RuntimeStatus::Provisioning
        | RuntimeStatus::Starting
        | RuntimeStatus::Stopping
        | RuntimeStatus::Stopped
        | RuntimeStatus::Failed
        | RuntimeStatus::Destroying
        | RuntimeStatus::Destroyed => None,
    };
    to_wire::live_status(doc.status, seen.as_ref())
}

async fn observed(call: &Call, doc: &RuntimeDoc) -> Option<RuntimeObservation> {
    let driver = call.state().parts.drivers.get(&doc.provider)?;
    let spec = RuntimeSpec {
        runtime_id: doc.id.clone(),
        account_id: doc.account_id.clone(),
        owner_user_id: doc.owner_user_id.clone(),
        provider_ref: doc.provider_ref.clone(),
        region: doc.region.clone(),
        image_ref: doc.image_ref.clone(),
        ssh_public_key: None,
    };
    let seen = tokio::time::timeout(SEEN_WITHIN, driver.observe(&spec)).await;
    let seen = seen.ok().and_then(Result::ok)?;
    // It may have been stopped while it was looked at.
    let state = call.bus().state::<Runtime>(&doc.id).await.ok().flatten()?;
    (state.status == doc.status && state.run == doc.run).then_some(seen)
}

async fn start(call: Call, Path(id): Path<String>) -> Result<Answer<wire::InstanceState>, Problem> {
    let doc = present(&call, &id).await?;
    not_provisioning(doc.status)?;
    let down = |status| status != RuntimeStatus::Stopping;
    let doc = settled(&call, &id, doc, down).await?;
    if look(&call, &doc).await == wire::InstanceStatus::Error {
        // What died unseen is recorded as dead first: what is believed to run is not started.
        let context = Context {
            bus: call.bus().clone(),
            drivers: call.state().parts.drivers.clone(),
        };
        let looked = Reconcile::new(context).look(&doc.id).await;
        looked.map_err(|error| Problem::internal(&error))?;
    }
    call.repeat(&StartRuntime::new(named(KIND, &id)?)).await?;
    let doc = present(&call, &id).await?;
    let up = |status| !matches!(status, RuntimeStatus::Starting | RuntimeStatus::Provisioning);
    let doc = settled(&call, &id, doc, up).await?;
    if doc.status == RuntimeStatus::Failed {
        let reason = doc.last_error.map(|failure| failure.reason).unwrap_or_default();
        let detail = format!("the instance did not come up: {reason}");
        return Err(Problem::of("internal", detail));
    }
    Ok(state(&id, doc.status))
}

async fn stop(call: Call, Path(id): Path<String>) -> Result<Answer<wire::InstanceState>, Problem> {
    let doc = present(&call, &id).await?;
    not_provisioning(doc.status)?;
    let runtime_id = named(KIND, &id)?;
    call.repeat(&StopRuntime { runtime_id }).await?;
    let doc = present(&call, &id).await?;
    let down = |status| status != RuntimeStatus::Stopping;
    let doc = settled(&call, &id, doc, down).await?;
    Ok(state(&id, doc.status))
}

async fn delete(call: Call, Path(id): Path<String>) -> Result<Answer<wire::InstanceState>, Problem> {
    let destroy = DestroyRuntime {
        runtime_id: named(KIND, &id)?,
        with_agents: true,
    };
    call.repeat(&destroy).await?;
    Ok(state(&id, RuntimeStatus::Destroying))
}

fn state(id: &str, status: RuntimeStatus) -> Answer<wire::InstanceState> {
    Answer::ok(wire::InstanceState {
        instance_id: id.to_owned(),
        status: to_wire::instance_status(status),
    })
}

fn not_provisioning(status: RuntimeStatus) -> Result<(), Problem> {
    let refused = || {
        Problem::refused(
            "runtime_provisioning",
            RefusalKind::Conflict,
            "the instance is being provisioned",
        )
    };
    (status != RuntimeStatus::Provisioning)
        .then_some(())
        .ok_or_else(refused)
}

/// The instance once its status is such, or as it is when the client has waited long enough.
async fn settled(
    call: &Call,
    id: &str,
    doc: RuntimeDoc,
    such: impl Fn(RuntimeStatus) -> bool,
) -> Result<RuntimeDoc, Problem> {
    let deadline = tokio::time::Instant::now() + call.state().config().request_timeout.mul_f32(0.8);
    let mut head = call.state().head.clone();
    let mut doc = doc;
    while !such(doc.status) {
        head.borrow_and_update();
        doc = call.own::<Runtimes>(KIND, id).await?;
        if such(doc.status) {
            break;
        }
        match tokio::time::timeout_at(deadline, head.changed()).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) | Err(_) => break,
        }
    }
    Ok(doc)
}

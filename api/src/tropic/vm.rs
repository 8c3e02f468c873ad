//! The VM: the user's one shared runtime, and the gateway on it.

use std::time::Duration;

use axum::extract::Path;
use reef_commands::{
    Answer as Done,
    runtime::{ProvisionRuntime, RestartGateway, StartRuntime, StopRuntime},
};
use reef_domain::{
    RefusalKind,
    runtime::{RuntimeStatus, Tenancy},
};
use reef_projections::{
    Filter,
    views::runtime::{RuntimeDoc, Runtimes},
};

use super::{is_me, to_wire, wire};
use crate::{
    Problem,
    dialect::{Answer, Api, Call},
    problem::Cause,
};

const JSON: &str = "application/json";
/// Provider of what is not a VM of ours but somebody's own machine.
const LOCAL: &str = "local";
/// How long the provider may take to name a VM.
const NAMED_WITHIN: Duration = Duration::from_secs(20);

pub(super) fn routes(api: &mut Api) {
    let (started, stopped) = (api.schema::<wire::StartedVm>(), api.schema::<wire::StoppedVm>());
    let (vm, gateway) = (api.schema::<wire::Vm>(), api.schema::<wire::Gateway>());
    let restarted = api.schema::<wire::RestartedGateway>();
    let start = api.route(
        "post",
        "/vm/{userId}/start",
        "start-vm",
        "Start the VM; the first time, make it",
    );
    let start = start
        .says("The client's address is let in by SSH. Needs a balance above 0.")
        .fails(&[400]);
    api.add(start.answers(JSON, started), self::start);
    let stop = api.route(
        "post",
        "/vm/{userId}/stop",
        "stop-vm",
        "Stop the VM; its disk stays",
    );
    api.add(stop.answers(JSON, stopped), self::stop);
    let status = api.route("get", "/vm/{userId}/status", "get-vm-status", "What the VM does");
    api.add(status.answers(JSON, vm), self::status);
    let path = "/vm/{userId}/openclaw/gateway/status";
    let gateway_status = api.route("get", path, "get-gateway-status", "What the chat gateway does");
    api.add(gateway_status.answers(JSON, gateway), self::gateway);
    let path = "/vm/{userId}/openclaw/gateway/restart";
    let restart = api.route(
        "post",
        path,
        "restart-gateway",
        "Restart the chat gateway, not the VM",
    );
    api.add(restart.answers(JSON, restarted), restart_gateway);
}

/// The user's VM, if there is one.
pub(super) async fn find(call: &Call) -> Result<Option<RuntimeDoc>, Problem> {
    let filters = vec![Filter::Field("owner_user_id".to_owned(), call.user().to_string())];
    let runtimes: Vec<RuntimeDoc> = call.all::<Runtimes, _>(filters).await?;
    let mut vms = runtimes.into_iter().filter(|runtime| {
        runtime.tenancy == Tenancy::Shared
            && runtime.provider != LOCAL
            && !matches!(
                runtime.status,
                RuntimeStatus::Destroying | RuntimeStatus::Destroyed
            )
    });
    Ok(vms.next())
}

async fn start(call: Call, Path(user): Path<String>) -> Result<Answer<wire::StartedVm>, Problem> {
    is_me(&call, &user)?;
    let done = match find(&call).await? {
        Some(vm) => start_again(&call, vm).await?,
        None => match provision(&call).await {
            // Somebody was quicker; there is one now.
            Err(problem) if problem.cause() == Cause::Refused(RefusalKind::LimitReached) => {
                let vm = find(&call).await?.ok_or(problem)?;
                start_again(&call, vm).await?
            }
            done => done?,
        },
    };
    let vm = if done.events.is_empty() {
        call.own::<Runtimes>("runtime", &done.aggregate.id).await?
    } else {
        call.was::<Runtimes>(&done.aggregate.id, done.position).await?
    };
    let instance_id = instance_id(&call, &vm).await?;
    Ok(Answer::ok(wire::StartedVm {
        status: to_wire::vm_status(vm.status),
        instance_id,
    }))
}

async fn provision(call: &Call) -> Result<Done, Problem> {
    let config = call.state().config();
    let provision = ProvisionRuntime {
        user_id: Some(call.user().clone()),
        provider: Some(config.vm_provider.clone()),
        region: config.vm_region.clone(),
        caller_ip: call.caller_ip(),
        ..ProvisionRuntime::default()
    };
    call.repeat(&provision).await
}

async fn start_again(call: &Call, vm: RuntimeDoc) -> Result<Done, Problem> {
    let mut start = StartRuntime::new(vm.id);
    start.caller_ip = call.caller_ip();
    call.repeat(&start).await
}

/// What the provider calls the VM, once it has said so.
async fn instance_id(call: &Call, vm: &RuntimeDoc) -> Result<String, Problem> {
    let named = async {
        let mut head = call.state().head.clone();
        loop {
            head.borrow_and_update();
            let vm = call.own::<Runtimes>("runtime", vm.id.as_str()).await?;
            if let Some(name) = vm.provider_ref {
                return Ok(name);
            }
            if head.changed().await.is_err() {
                return Err(Problem::of("unavailable", "The server is draining."));
            }
        }
    };
    if let Some(name) = &vm.provider_ref {
        return Ok(name.clone());
    }
    let late = "The VM was asked for; its provider has not named it yet. See its status.";
    tokio::time::timeout(NAMED_WITHIN, named)
        .await
        .map_err(|_| Problem::of("timeout", late).retry_after(5))?
}

async fn stop(call: Call, Path(user): Path<String>) -> Result<Answer<wire::StoppedVm>, Problem> {
    is_me(&call, &user)?;
    let Some(vm) = find(&call).await? else {
        let status = wire::VmStatus::Stopped;
        return Ok(Answer::ok(wire::StoppedVm { status }));
    };
    let done = call
        .repeat(&StopRuntime {
            runtime_id: vm.id.clone(),
        })
        .await?;
    let vm = if done.events.is_empty() {
        call.own::<Runtimes>("runtime", vm.id.as_str()).await?
    } else {
        call.was::<Runtimes>(vm.id.as_str(), done.position).await?
    };
    let status = to_wire::vm_status(vm.status);
    Ok(Answer::ok(wire::StoppedVm { status }))
}

async fn status(call: Call, Path(user): Path<String>) -> Result<Answer<wire::Vm>, Problem> {
    is_me(&call, &user)?;
    Ok(Answer::ok(to_wire::vm(find(&call).await?)))
}

async fn gateway(call: Call, Path(user): Path<String>) -> Result<Answer<wire::Gateway>, Problem> {
    is_me(&call, &user)?;
    let now = call.state().services().clock.now();
    Ok(Answer::ok(to_wire::gateway(find(&call).await?, now)))
}

async fn restart_gateway(
    call: Call,
    Path(user): Path<String>,
) -> Result<Answer<wire::RestartedGateway>, Problem> {
    is_me(&call, &user)?;
    let not_running = || {
        Problem::refused(
            "runtime_not_running",
            RefusalKind::Conflict,
            "the VM is not running",
        )
    };
    let vm = find(&call).await?.ok_or_else(not_running)?;
    call.repeat(&RestartGateway { runtime_id: vm.id }).await?;
    let status = wire::GatewayStatus::Restarting;
    Ok(Answer::ok(wire::RestartedGateway { status }))
}

//! Instances.

use chrono::{DateTime, Utc};
use reef_commands::ports::RuntimeObservation;
use reef_domain::runtime::RuntimeStatus;
use reef_projections::views::runtime::RuntimeDoc;

use super::agent_label;
use crate::thermidora::{agents::AgentPart, wire};

/// The status by which an instance is known; one on its way up or down is seen so from outside.
pub(in crate::thermidora) fn instance_status(status: RuntimeStatus) -> wire::InstanceStatus {
    match status {
        RuntimeStatus::Provisioning | RuntimeStatus::Starting => wire::InstanceStatus::Provisioning,
        RuntimeStatus::Running | RuntimeStatus::Stopping => wire::InstanceStatus::Running,
        RuntimeStatus::Stopped => wire::InstanceStatus::Stopped,
        RuntimeStatus::Failed => wire::InstanceStatus::Error,
        RuntimeStatus::Destroying | RuntimeStatus::Destroyed => wire::InstanceStatus::Destroying,
    }
}

/// The same, where what is believed to run was looked at: one that died does not run, whatever is recorded yet.
pub(in crate::thermidora) fn live_status(
    status: RuntimeStatus,
    seen: Option<&RuntimeObservation>,
) -> wire::InstanceStatus {
    match (status, seen) {
        (
            RuntimeStatus::Running,
            Some(
                RuntimeObservation::Stopped { .. }
                | RuntimeObservation::Absent
                | RuntimeObservation::Failed { .. },
            ),
        ) => wire::InstanceStatus::Error,
        (status, _) => instance_status(status),
    }
}

pub(in crate::thermidora) fn new_instance(doc: RuntimeDoc) -> wire::NewInstance {
    wire::NewInstance {
        instance_id: doc.id.to_string(),
        name: doc.name.unwrap_or_default(),
        status: instance_status(doc.status),
        agents: Vec::new(),
    }
}

pub(in crate::thermidora) fn instance(
    doc: RuntimeDoc,
    status: wire::InstanceStatus,
    agents: Vec<AgentPart>,
    billed_ms: u64,
    now: DateTime<Utc>,
) -> wire::Instance {
    // What is charged was counted to its own moment, which may be later than this one.
    let total_runtime_ms = doc.total_ran_ms(now).max(billed_ms);
    wire::Instance {
        instance_id: doc.id.to_string(),
        name: doc.name.unwrap_or_default(),
        status,
        agents: agents.into_iter().map(agent_label).collect(),
        started_at: doc.started_at.map(Into::into),
        total_runtime_ms,
        billed_ms,
    }
}

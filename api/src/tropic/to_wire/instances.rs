//! Instances.

use reef_commands::machine::ListedMachine;
use reef_domain::{
    Change,
    machine::{MachineKind, MachineStatus},
};
use reef_projections::views::machine::MachineDoc;

use super::vm_status;
use crate::tropic::wire;

fn local(status: MachineStatus) -> wire::InstanceStatus {
    wire::InstanceStatus::Local(match status {
        MachineStatus::Pending => wire::LocalStatus::Pending,
        MachineStatus::Active | MachineStatus::Removed => wire::LocalStatus::Active,
    })
}

pub(in crate::tropic) fn registered_instance(doc: MachineDoc, code: String) -> wire::RegisteredInstance {
    wire::RegisteredInstance {
        id: doc.id.to_string(),
        kind: wire::InstanceType::Local,
        name: doc.name,
        status: local(doc.status),
        activation_code: code,
    }
}

pub(in crate::tropic) fn activated_instance(
    id: String,
    name: String,
    token: String,
) -> wire::ActivatedInstance {
    wire::ActivatedInstance {
        id,
        kind: wire::InstanceType::Local,
        name,
        status: local(MachineStatus::Active),
        node_token: token,
    }
}

pub(in crate::tropic) fn updated_instance(doc: MachineDoc) -> wire::UpdatedInstance {
    wire::UpdatedInstance {
        id: doc.id.to_string(),
        name: doc.name,
        description: doc.description,
    }
}

pub(in crate::tropic) fn instance(listed: ListedMachine) -> wire::Instance {
    let ListedMachine {
        machine,
        runtime,
        last_seen_at,
    } = listed;
    let (kind, status, last_seen_at, provider_ref) = match machine.kind {
        MachineKind::Local => {
            let seen = last_seen_at.map_or(Change::Clear, |at| Change::Set(at.into()));
            (wire::InstanceType::Local, local(machine.status), seen, None)
        }
        MachineKind::Cloud => {
            let vm = runtime.as_ref().map(|vm| vm_status(vm.status));
            let status = wire::InstanceStatus::Vm(vm.unwrap_or(wire::VmStatus::Stopped));
            let name = runtime.and_then(|vm| vm.provider_ref);
            (wire::InstanceType::Ec2, status, Change::Keep, name)
        }
    };
    wire::Instance {
        id: machine.id.to_string(),
        kind,
        name: machine.name,
        description: machine.description,
        status,
        last_seen_at,
        provider_ref,
    }
}

//! The VM and its gateway.

use chrono::{DateTime, Utc};
use reef_domain::runtime::RuntimeStatus;
use reef_projections::views::runtime::{GatewayStatus, RuntimeDoc};

use crate::tropic::wire;

pub(in crate::tropic) fn vm_status(status: RuntimeStatus) -> wire::VmStatus {
    match status {
        RuntimeStatus::Provisioning => wire::VmStatus::Provisioning,
        RuntimeStatus::Starting => wire::VmStatus::Starting,
        RuntimeStatus::Running => wire::VmStatus::Running,
        RuntimeStatus::Stopping | RuntimeStatus::Destroying => wire::VmStatus::Stopping,
        // One that failed is down, and can be started.
        RuntimeStatus::Stopped | RuntimeStatus::Failed | RuntimeStatus::Destroyed => wire::VmStatus::Stopped,
    }
}

pub(in crate::tropic) fn vm(doc: Option<RuntimeDoc>) -> wire::Vm {
    let Some(doc) = doc else {
        return wire::Vm {
            status: wire::VmStatus::Stopped,
            instance_id: None,
            public_ip: None,
            region: None,
        };
    };
    wire::Vm {
        status: vm_status(doc.status),
        instance_id: doc.provider_ref,
        public_ip: doc.public_ip.filter(|_| doc.status == RuntimeStatus::Running),
        region: doc.region,
    }
}

pub(in crate::tropic) fn gateway(doc: Option<RuntimeDoc>, now: DateTime<Utc>) -> wire::Gateway {
    let running = doc.filter(|doc| doc.status == RuntimeStatus::Running);
    let (gateway_status, since) = match running.map(|doc| doc.gateway) {
        Some(gateway) => match gateway.status {
            GatewayStatus::Running => (wire::GatewayStatus::Running, gateway.since),
            GatewayStatus::Restarting => (wire::GatewayStatus::Restarting, None),
            GatewayStatus::Stopped => (wire::GatewayStatus::Stopped, None),
        },
        None => (wire::GatewayStatus::Stopped, None),
    };
    let uptime = since.map_or(0, |since| (now - since).num_seconds());
    wire::Gateway {
        gateway_status,
        uptime: u64::try_from(uptime).unwrap_or(0),
    }
}

//! Instances: computers on the user's list.

use reef_domain::Change;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::VmStatus;
use crate::dialect::{Millis, supplied};

/// Whose computer it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::tropic) enum InstanceType {
    /// The user's own.
    Local,
    /// The VM.
    Ec2,
}

/// A local instance is pending until its code is used; one of a VM does what the VM does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(untagged)]
pub(in crate::tropic) enum InstanceStatus {
    /// Of a local one.
    Local(LocalStatus),
    /// Of the VM.
    Vm(VmStatus),
}

/// Where a local instance is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::tropic) enum LocalStatus {
    /// Its activation code was not used yet.
    Pending,
    /// It was.
    Active,
}

/// A newly registered local instance.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::tropic) struct RegisteredInstance {
    pub(in crate::tropic) id: String,
    #[serde(rename = "type")]
    pub(in crate::tropic) kind: InstanceType,
    pub(in crate::tropic) name: String,
    pub(in crate::tropic) status: InstanceStatus,
    /// Shown here only; works once, and for 24 hours.
    pub(in crate::tropic) activation_code: String,
}

/// An instance in a list.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::tropic) struct Instance {
    pub(in crate::tropic) id: String,
    #[serde(rename = "type")]
    pub(in crate::tropic) kind: InstanceType,
    pub(in crate::tropic) name: String,
    pub(in crate::tropic) description: Option<String>,
    pub(in crate::tropic) status: InstanceStatus,
    /// Of local ones; null: never.
    #[serde(skip_serializing_if = "Change::is_keep")]
    #[schemars(with = "Option<Millis>")]
    pub(in crate::tropic) last_seen_at: Change<Millis>,
    /// Of the VM.
    #[serde(rename = "instanceId", skip_serializing_if = "Option::is_none")]
    pub(in crate::tropic) provider_ref: Option<String>,
}

/// An instance after a change.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::tropic) struct UpdatedInstance {
    pub(in crate::tropic) id: String,
    pub(in crate::tropic) name: String,
    pub(in crate::tropic) description: Option<String>,
}

/// A local instance after its code was used.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::tropic) struct ActivatedInstance {
    pub(in crate::tropic) id: String,
    #[serde(rename = "type")]
    pub(in crate::tropic) kind: InstanceType,
    pub(in crate::tropic) name: String,
    pub(in crate::tropic) status: InstanceStatus,
    /// Shown here only: the machine's own credential.
    pub(in crate::tropic) node_token: String,
}

/// A local instance to be registered.
#[derive(Debug, Deserialize, JsonSchema)]
pub(in crate::tropic) struct RegisterInstance {
    /// 1 to 100 characters after trimming.
    #[schemars(length(min = 1))]
    pub(in crate::tropic) name: String,
    /// At most 500 characters.
    #[serde(default, deserialize_with = "supplied")]
    #[schemars(with = "String", length(max = 500))]
    pub(in crate::tropic) description: Option<String>,
}

/// Changes to an instance; what is left out stays.
#[derive(Debug, Deserialize, JsonSchema)]
pub(in crate::tropic) struct UpdateInstance {
    /// 1 to 100 characters after trimming.
    #[serde(default, deserialize_with = "supplied")]
    #[schemars(with = "String", length(min = 1))]
    pub(in crate::tropic) name: Option<String>,
    /// At most 500 characters; null clears it.
    #[serde(default)]
    #[schemars(with = "Option<String>", length(max = 500))]
    pub(in crate::tropic) description: Change<String>,
}

/// An activation code.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::tropic) struct ActivateInstance {
    /// Such as `TRPC-A1B2-C3D4`.
    pub(in crate::tropic) activation_code: String,
}

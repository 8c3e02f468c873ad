//! From documents to the wire.

use chrono::{DateTime, Utc};
use reef_domain::{
    agent::AgentStatus,
    task::TaskStatus,
    template::{Bundle, TemplateContent},
};
use reef_projections::views::{
    agent::AgentDoc, api_key::ApiKeyDoc, policy::PolicyDoc, task::TaskDoc, template::TemplateDoc,
};

use super::{agents::AgentPart, wire};

mod account;
mod instances;
mod vm;

pub(super) use account::{balance, command_bundles, firewall_rules, transaction};
pub(super) use instances::{activated_instance, instance, registered_instance, updated_instance};
pub(super) use vm::{gateway, vm, vm_status};

pub(super) fn policy(doc: PolicyDoc) -> wire::Policy {
    wire::Policy {
        id: doc.id.to_string(),
        user_id: doc.user_id.to_string(),
        name: doc.name,
        rules: doc.rules,
        created_at: doc.created_at.into(),
        updated_at: doc.updated_at.into(),
    }
}

pub(super) fn updated_policy(doc: PolicyDoc) -> wire::UpdatedPolicy {
    wire::UpdatedPolicy {
        id: doc.id.to_string(),
        name: doc.name,
        rules: doc.rules,
        updated_at: doc.updated_at.into(),
    }
}

pub(super) fn deleted_policy(doc: PolicyDoc) -> wire::DeletedPolicy {
    wire::DeletedPolicy {
        id: doc.id.to_string(),
        name: doc.name,
        rules: doc.rules,
        created_at: doc.created_at.into(),
        updated_at: doc.updated_at.into(),
    }
}

pub(super) fn template(doc: TemplateDoc) -> wire::Template {
    wire::Template {
        id: doc.id.to_string(),
        name: doc.name,
        slug: doc.slug,
        description: doc.description,
        icon: doc.icon,
        bundle_config: config(doc.bundle),
        default_policy: doc.default_policy,
    }
}

/// A template that is no longer on offer, as its agents still show it.
pub(super) fn withdrawn(id: &str, content: TemplateContent) -> TemplateDoc {
    TemplateDoc {
        id: id.into(),
        slug: content.slug,
        name: content.name,
        description: content.description,
        icon: content.icon,
        bundle: content.bundle,
        default_policy: content.default_policy,
        created_at: DateTime::UNIX_EPOCH,
        updated_at: DateTime::UNIX_EPOCH,
    }
}

pub(super) fn config(bundle: Bundle) -> wire::Config {
    wire::Config {
        agent: wire::ConfigAgent {
            model: bundle.agent.model,
            skills: bundle.agent.skills,
        },
        workspace: bundle.workspace,
    }
}

/// Agents made without a template (over the native API) have an empty one.
pub(super) fn template_label(doc: Option<TemplateDoc>) -> wire::TemplateLabel {
    doc.map_or_else(Default::default, |doc| wire::TemplateLabel {
        name: doc.name,
        slug: doc.slug,
        icon: doc.icon,
    })
}

pub(super) fn agent_status(status: AgentStatus) -> wire::AgentStatus {
    match status {
        AgentStatus::Defined | AgentStatus::Provisioning => wire::AgentStatus::Provisioning,
        AgentStatus::Running => wire::AgentStatus::Ready,
        AgentStatus::Stopped | AgentStatus::Deleting | AgentStatus::Deleted => wire::AgentStatus::Stopped,
        AgentStatus::Failed => wire::AgentStatus::Error,
    }
}

pub(super) fn deployed_agent(doc: AgentDoc, config: wire::Config) -> wire::DeployedAgent {
    wire::DeployedAgent {
        id: doc.id.to_string(),
        user_id: doc.owner_user_id.map(|id| id.to_string()).unwrap_or_default(),
        template_id: doc.template_id.map(|id| id.to_string()).unwrap_or_default(),
        policy_id: doc.policy_id.map(|id| id.to_string()),
        name: doc.name,
        status: agent_status(doc.status),
        config,
        created_at: doc.created_at.into(),
    }
}

pub(super) fn agent_row<'a>(
    agent: &'a AgentPart<'a>,
    template: &'a wire::TemplateLabel,
    policy: Option<&'a wire::PolicyLabel>,
) -> wire::AgentRow<'a> {
    wire::AgentRow {
        id: &agent.id,
        name: &agent.name,
        status: agent_status(agent.status),
        policy_id: agent.policy_id.as_deref(),
        template,
        policy,
        created_at: agent.created_at,
    }
}

pub(super) fn agent(
    doc: AgentDoc,
    template: Option<TemplateDoc>,
    policy: Option<PolicyDoc>,
    config: wire::Config,
) -> wire::Agent {
    let template = template.unwrap_or_else(|| withdrawn("", TemplateContent::default()));
    wire::Agent {
        id: doc.id.to_string(),
        user_id: doc.owner_user_id.map(|id| id.to_string()).unwrap_or_default(),
        template_id: doc.template_id.map(|id| id.to_string()).unwrap_or_default(),
        policy_id: doc.policy_id.map(|id| id.to_string()),
        name: doc.name,
        status: agent_status(doc.status),
        template: self::template(template),
        policy: policy.map(|policy| wire::PolicyText {
            id: policy.id.to_string(),
            name: policy.name,
            rules: policy.rules,
        }),
        config,
        created_at: doc.created_at.into(),
    }
}

pub(super) fn agent_with_policy(
    doc: AgentDoc,
    template: wire::TemplateLabel,
    policy: Option<PolicyDoc>,
) -> wire::AgentWithPolicy {
    wire::AgentWithPolicy {
        id: doc.id.to_string(),
        name: doc.name,
        status: agent_status(doc.status),
        template,
        policy: policy.map(|policy| wire::PolicyLabel {
            id: policy.id.to_string(),
            name: policy.name,
        }),
    }
}

pub(super) fn agent_state(doc: AgentDoc) -> wire::AgentState {
    wire::AgentState {
        id: doc.id.to_string(),
        name: doc.name,
        status: agent_status(doc.status),
    }
}

pub(super) fn task_status(status: TaskStatus) -> wire::TaskStatus {
    match status {
        TaskStatus::Pending => wire::TaskStatus::Pending,
        TaskStatus::Running => wire::TaskStatus::Running,
        TaskStatus::AwaitingApproval => wire::TaskStatus::AwaitingApproval,
        TaskStatus::Completed => wire::TaskStatus::Completed,
        TaskStatus::Rejected => wire::TaskStatus::Rejected,
        TaskStatus::Failed => wire::TaskStatus::Failed,
    }
}

/// A task starts as pending, whatever became of it since.
pub(super) fn submitted_task(doc: TaskDoc) -> wire::SubmittedTask {
    wire::SubmittedTask {
        id: doc.id.to_string(),
        agent_id: doc.agent_id.to_string(),
        description: doc.description,
        status: wire::TaskStatus::Pending,
        created_at: doc.created_at.into(),
    }
}

pub(super) fn task_row(doc: TaskDoc) -> wire::TaskRow {
    wire::TaskRow {
        id: doc.id.to_string(),
        agent_id: doc.agent_id.to_string(),
        description: doc.description,
        status: task_status(doc.status),
        created_at: doc.created_at.into(),
        updated_at: doc.updated_at.into(),
    }
}

pub(super) fn task(doc: TaskDoc) -> wire::Task {
    let events = doc.history.into_iter().map(|step| wire::TaskEvent {
        status: task_status(step.status),
        timestamp: step.at.into(),
    });
    wire::Task {
        events: events.collect(),
        id: doc.id.to_string(),
        agent_id: doc.agent_id.to_string(),
        description: doc.description,
        status: task_status(doc.status),
    }
}

pub(super) fn decided_task(doc: &TaskDoc) -> wire::DecidedTask {
    wire::DecidedTask {
        id: doc.id.to_string(),
        status: task_status(doc.status),
    }
}

pub(super) fn issued_key(doc: ApiKeyDoc, key: String) -> wire::IssuedKey {
    wire::IssuedKey {
        id: doc.id.to_string(),
        key,
        prefix: doc.prefix,
        created_at: doc.created_at.into(),
    }
}

pub(super) fn api_key(doc: ApiKeyDoc, last_used_at: Option<DateTime<Utc>>) -> wire::ApiKey {
    wire::ApiKey {
        id: doc.id.to_string(),
        prefix: doc.prefix,
        last_used_at: last_used_at.map(Into::into),
        created_at: doc.created_at.into(),
    }
}

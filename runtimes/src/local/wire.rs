//! Between the frames and what the ports speak of.

use reef_commands::{
    activity::{ActivityReport, Did},
    ports::{
        AgentBundle, ChatRequest, ChatTurn, DriverError, RuntimeObservation, RuntimeSpec, TaskAssignment,
    },
};
use reef_domain::RuntimeId;

use super::protocol::{Bundle, Call, Observed, Outcome, Report, Runtime, Turn};

impl From<&RuntimeSpec> for Runtime {
    fn from(spec: &RuntimeSpec) -> Self {
        Self {
            runtime_id: spec.runtime_id.clone(),
            account_id: spec.account_id.clone(),
        }
    }
}

impl From<&Runtime> for RuntimeSpec {
    fn from(runtime: &Runtime) -> Self {
        Self {
            runtime_id: runtime.runtime_id.clone(),
            account_id: runtime.account_id.clone(),
            owner_user_id: None,
            provider_ref: None,
            region: None,
            image_ref: None,
            ssh_public_key: None,
        }
    }
}

impl From<&AgentBundle> for Bundle {
    fn from(bundle: &AgentBundle) -> Self {
        Self {
            agent_id: bundle.agent_id.clone(),
            name: bundle.name.clone(),
            model: bundle.model.clone(),
            skills: bundle.skills.clone(),
            installed_skills: bundle.installed_skills.clone(),
            policy_rules: bundle.policy_rules.clone(),
            command_bundles: bundle.command_bundles.clone(),
            workspace: bundle.workspace.clone(),
            files: bundle.files.clone(),
        }
    }
}

impl From<Bundle> for AgentBundle {
    fn from(bundle: Bundle) -> Self {
        Self {
            agent_id: bundle.agent_id,
            name: bundle.name,
            model: bundle.model,
            skills: bundle.skills,
            installed_skills: bundle.installed_skills,
            policy_rules: bundle.policy_rules,
            command_bundles: bundle.command_bundles,
            workspace: bundle.workspace,
            files: bundle.files,
        }
    }
}

impl From<TaskAssignment> for Call {
    fn from(task: TaskAssignment) -> Self {
        Self::RunTask {
            task_id: task.task_id,
            description: task.description,
            approved: task.approved,
            bundle: (&task.bundle).into(),
        }
    }
}

impl From<ChatRequest> for Call {
    fn from(request: ChatRequest) -> Self {
        let turn = |turn: ChatTurn| Turn {
            from_agent: turn.from_agent,
            content: turn.content,
        };
        Self::Chat {
            conversation_id: request.conversation_id,
            history: request.history.into_iter().map(turn).collect(),
            message: request.message,
            bundle: (&request.bundle).into(),
        }
    }
}

impl From<Turn> for ChatTurn {
    fn from(turn: Turn) -> Self {
        Self {
            from_agent: turn.from_agent,
            content: turn.content,
        }
    }
}

impl From<RuntimeObservation> for Observed {
    fn from(observation: RuntimeObservation) -> Self {
        match observation {
            RuntimeObservation::Pending { .. } => Self::Pending,
            RuntimeObservation::Running { since, .. } => Self::Running { since },
            RuntimeObservation::Stopped { .. } => Self::Stopped,
            RuntimeObservation::Absent => Self::Absent,
            RuntimeObservation::Failed { reason } => Self::Failed { reason },
        }
    }
}

impl Observed {
    /// As the port has it; the machine is what the provider calls the runtime.
    pub(super) fn of(self, machine: &str) -> RuntimeObservation {
        let provider_ref = machine.to_owned();
        match self {
            Self::Pending => RuntimeObservation::Pending { provider_ref },
            Self::Running { since } => RuntimeObservation::Running {
                provider_ref,
                public_ip: None,
                since,
            },
            Self::Stopped => RuntimeObservation::Stopped { provider_ref },
            Self::Absent => RuntimeObservation::Absent,
            Self::Failed { reason } => RuntimeObservation::Failed { reason },
        }
    }
}

impl From<DriverError> for Outcome {
    fn from(error: DriverError) -> Self {
        let (transient, reason) = match error {
            DriverError::Transient(reason) => (true, reason),
            DriverError::Permanent(reason) => (false, reason),
        };
        Self::Failed { transient, reason }
    }
}

impl From<Result<(), DriverError>> for Outcome {
    fn from(result: Result<(), DriverError>) -> Self {
        result.map_or_else(Into::into, |()| Self::Done)
    }
}

impl From<Result<RuntimeObservation, DriverError>> for Outcome {
    fn from(result: Result<RuntimeObservation, DriverError>) -> Self {
        result.map_or_else(Into::into, |observation| Self::Observed {
            observation: observation.into(),
        })
    }
}

impl From<ActivityReport> for Report {
    fn from(report: ActivityReport) -> Self {
        let ActivityReport {
            agent_id,
            report_id,
            content,
            ..
        } = report;
        match report.did {
            Did::CompletedCronJob { job_name } => Self::CronCompleted {
                report_id,
                agent_id,
                job_name,
                content,
            },
            Did::SentMessage { .. } => Self::AgentMessage {
                report_id,
                agent_id,
                content,
            },
            Did::ReportedError { code, job_name } => Self::AgentError {
                report_id,
                agent_id,
                code,
                content,
                job_name,
            },
        }
    }
}

impl Report {
    /// What it says that an agent on that runtime did by itself; `None`: it is about something else.
    pub(super) fn activity(&self, runtime_id: &RuntimeId) -> Option<ActivityReport> {
        let (report_id, agent_id, content, did) = match self.clone() {
            Self::CronCompleted {
                report_id,
                agent_id,
                job_name,
                content,
            } => (report_id, agent_id, content, Did::CompletedCronJob { job_name }),
            Self::AgentMessage {
                report_id,
                agent_id,
                content,
            } => (
                report_id,
                agent_id,
                content,
                Did::SentMessage { in_reply_to: None },
            ),
            Self::AgentError {
                report_id,
                agent_id,
                code,
                content,
                job_name,
            } => (
                report_id,
                agent_id,
                content,
                Did::ReportedError { code, job_name },
            ),
            Self::TaskClaimed { .. }
            | Self::ApprovalNeeded { .. }
            | Self::TaskCompleted { .. }
            | Self::TaskFailed { .. }
            | Self::CronPlanned { .. }
            | Self::Logged { .. } => return None,
        };
        Some(ActivityReport {
            runtime_id: runtime_id.clone(),
            agent_id,
            report_id,
            did,
            content,
        })
    }
}

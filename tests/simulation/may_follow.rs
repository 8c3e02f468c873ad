//! What may follow what, written down a second time: from section 4 of the domain's description, not from
//! the deciders.

/// An aggregate's steps: an event, and what may come right after it. The first line is how it begins.
pub(crate) type Steps = &'static [(&'static str, &'static str)];

/// Of tasks.
pub(crate) const TASK: Steps = &[
    ("", "TaskSubmitted"),
    ("TaskSubmitted", "TaskStarted TaskApprovalRequested TaskFailed"),
    ("TaskStarted", "TaskApprovalRequested TaskCompleted TaskFailed"),
    (
        "TaskApprovalRequested",
        "TaskApproved TaskRejected TaskApprovalExpired TaskFailed",
    ),
    ("TaskApproved", "TaskApprovalRequested TaskCompleted TaskFailed"),
];

/// Of runtimes.
pub(crate) const RUNTIME: Steps = &[
    ("", "RuntimeRequested"),
    (
        "RuntimeRequested",
        "RuntimeProvisioningAdvanced RuntimeRunning RuntimeFailed RuntimeStopRequested RuntimeDestructionStarted",
    ),
    (
        "RuntimeProvisioningAdvanced",
        "RuntimeProvisioningAdvanced RuntimeRunning RuntimeFailed RuntimeStopRequested RuntimeDestructionStarted",
    ),
    (
        "RuntimeRunning",
        "RuntimeFailed RuntimeStopRequested RuntimeDestructionStarted",
    ),
    ("RuntimeFailed", "RuntimeStartRequested RuntimeDestructionStarted"),
    (
        "RuntimeStartRequested",
        "RuntimeProvisioningAdvanced RuntimeRunning RuntimeFailed RuntimeStopRequested RuntimeDestructionStarted",
    ),
    (
        "RuntimeStopRequested",
        "RuntimeStopped RuntimeFailed RuntimeStartRequested RuntimeDestructionStarted",
    ),
    (
        "RuntimeStopped",
        "RuntimeStartRequested RuntimeDestructionStarted",
    ),
    ("RuntimeDestructionStarted", "RuntimeDestroyed"),
];

/// Of agents, but for what changes no state.
pub(crate) const AGENT: Steps = &[
    ("", "AgentCreated"),
    ("AgentCreated", "AgentDeployed AgentDeletionStarted"),
    (
        "AgentDeployed",
        "AgentStarted AgentFailed AgentStopped AgentDeletionStarted",
    ),
    (
        "AgentStarted",
        "AgentFailed AgentStopped AgentRestarted AgentDeletionStarted",
    ),
    (
        "AgentRestarted",
        "AgentFailed AgentStopped AgentRestarted AgentDeletionStarted",
    ),
    (
        "AgentFailed",
        "AgentStartRequested AgentStopped AgentDeletionStarted",
    ),
    ("AgentStopped", "AgentStartRequested AgentDeletionStarted"),
    (
        "AgentStartRequested",
        "AgentStarted AgentFailed AgentStopped AgentDeletionStarted",
    ),
    ("AgentDeletionStarted", "AgentDeleted"),
];

/// Events of agents and runtimes that change no state.
pub(crate) const BESIDE: &[&str] = &[
    "AgentUpdated",
    "AgentPolicyAttached",
    "AgentPolicyDetached",
    "AgentPlaced",
    "AgentPushRequested",
    "AgentPushed",
    "SshKeyMade",
    "SshKeyRevealed",
];

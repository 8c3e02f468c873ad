//! Arbitrary commands: few ids, so that they meet; any text and any number, so that nothing is taken for granted.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use proptest::{collection::vec, option, prelude::*};
use reef_domain::{
    Change, Dialect,
    agent::{AgentCommand, AgentStopReason, Pushed},
    api_key::ApiKeyCommand,
    conversation::{ConversationCommand, Sender},
    invite_code::InviteCodeCommand,
    login::LoginCommand,
    machine::MachineCommand,
    policy::{Origin, PolicyCommand},
    provisioning_job::{JobLogLevel, ProvisioningJobCommand},
    reservation::ReservationCommand,
    secret::{OwnerKind, SecretOwner, SecretsCommand},
    settings::{CommandBundle, SettingsCommand},
    task::TaskCommand,
    template::{Bundle, BundleAgent, TemplateCommand, TemplateContent},
    workspace_file::WorkspaceFilesCommand,
};

pub(crate) fn id<I: From<String> + std::fmt::Debug>() -> impl Strategy<Value = I> {
    "[ab]".prop_map(I::from)
}

/// Often acceptable, sometimes anything.
pub(crate) fn text() -> impl Strategy<Value = String> {
    prop_oneof![4 => "[a-z]{1,8}", 1 => ".{0,20}", 1 => Just("\0".to_owned()), 1 => Just("x".repeat(70_000))]
}

pub(crate) fn number() -> impl Strategy<Value = u64> {
    prop_oneof![4 => 0..20_u64, 2 => 0..10_000_000_u64, 1 => any::<u64>(), 1 => Just(u64::MAX)]
}

pub(crate) fn time() -> impl Strategy<Value = DateTime<Utc>> {
    (0..100_000_i64).prop_map(|seconds| DateTime::UNIX_EPOCH + TimeDelta::seconds(1_700_000_000 + seconds))
}

pub(crate) fn rules() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        3 => "(ALLOW|DENY|REQUIRE CONFIRM): [a-z]{1,6}( [a-z\"*]{1,6})?",
        1 => "(ALLOW|DENY|REQUIRE CONFIRM)[: ].{0,12}",
        1 => ".{0,12}",
    ];
    vec(line, 0..4).prop_map(|lines| lines.join("\n"))
}

pub(crate) fn dialect() -> impl Strategy<Value = Dialect> {
    prop::sample::select(Dialect::ALL.to_vec())
}

pub(crate) fn api_key() -> impl Strategy<Value = ApiKeyCommand> {
    use ApiKeyCommand as Do;
    let sha256 = prop_oneof![Just("0a".repeat(32)), text()];
    prop_oneof![
        (
            id(),
            id(),
            id(),
            dialect(),
            option::of(text()),
            text(),
            sha256,
            vec(text(), 0..4)
        )
            .prop_map(
                |(key_id, account_id, user_id, dialect, name, prefix, sha256, scopes)| Do::Issue {
                    key_id,
                    account_id,
                    user_id,
                    dialect,
                    name,
                    prefix,
                    sha256,
                    scopes,
                }
            ),
        Just(Do::Revoke),
    ]
}

pub(crate) fn policy() -> impl Strategy<Value = PolicyCommand> {
    use PolicyCommand as Do;
    prop_oneof![
        (id(), id(), id(), text(), rules()).prop_map(|(policy_id, account_id, user_id, name, rules)| {
            Do::Create {
                policy_id,
                account_id,
                user_id,
                name,
                rules,
                origin: Origin::Manual,
            }
        }),
        (option::of(text()), option::of(rules())).prop_map(|(name, rules)| Do::Update { name, rules }),
        Just(Do::Delete),
    ]
}

fn bundle() -> impl Strategy<Value = Bundle> {
    let files = prop::collection::btree_map(text(), text(), 0..3);
    (text(), vec(text(), 0..3), files).prop_map(|(model, skills, workspace)| Bundle {
        agent: BundleAgent { model, skills },
        workspace,
    })
}

pub(crate) fn template() -> impl Strategy<Value = TemplateCommand> {
    use TemplateCommand as Do;
    let content = || {
        (text(), text(), text(), bundle(), rules()).prop_map(|(slug, name, icon, bundle, default_policy)| {
            TemplateContent {
                slug,
                name,
                description: icon.clone(),
                icon,
                bundle,
                default_policy,
            }
        })
    };
    prop_oneof![
        (id(), content()).prop_map(|(template_id, content)| Do::Publish { template_id, content }),
        content().prop_map(|content| Do::Revise { content }),
        Just(Do::Withdraw),
    ]
}

pub(crate) fn secrets() -> impl Strategy<Value = SecretsCommand> {
    use SecretsCommand as Do;
    let owner = || "[ab]".prop_map(|id| SecretOwner::new(OwnerKind::Agent, id));
    prop_oneof![
        4 => (id(), owner(), text(), id()).prop_map(|(account_id, owner, name, vault_ref)| Do::Store {
            account_id,
            owner,
            name,
            vault_ref,
        }),
        1 => (id(), id::<String>()).prop_map(|(account_id, user)| Do::Sync {
            account_id,
            owner: SecretOwner::new(OwnerKind::User, user),
        }),
        2 => text().prop_map(|name| Do::Remove { name }),
        1 => (id(), owner()).prop_map(|(account_id, owner)| Do::Purge { account_id, owner }),
    ]
}

pub(crate) fn settings() -> impl Strategy<Value = SettingsCommand> {
    use SettingsCommand as Do;
    let port = prop_oneof![(0..70_000_u32).prop_map(|port| port.to_string()), text()];
    let block = prop_oneof![
        (any::<u32>(), 0..40_u8).prop_map(|(address, prefix)| {
            format!(
                "{}/{prefix}",
                std::net::Ipv4Addr::from(address.checked_shl(24).unwrap_or(0))
            )
        }),
        (any::<u128>(), 0..140_u8)
            .prop_map(|(address, prefix)| format!("{}/{prefix}", std::net::Ipv6Addr::from(address << 120))),
        text(),
    ];
    let rules: BoxedStrategy<BTreeMap<String, Vec<String>>> =
        prop::collection::btree_map(port, vec(block, 0..3), 0..3).boxed();
    prop_oneof![
        (
            id(),
            id(),
            vec(prop::sample::select(CommandBundle::ALL.to_vec()), 0..6)
        )
            .prop_map(|(account_id, user_id, bundles)| Do::SetCommandBundles {
                account_id,
                user_id,
                bundles
            }),
        (id(), id(), rules).prop_map(|(account_id, user_id, rules)| Do::ReplaceFirewallRules {
            account_id,
            user_id,
            rules,
        }),
        (id(), id(), any::<std::net::IpAddr>()).prop_map(|(account_id, user_id, ip)| Do::CaptureCallerIp {
            account_id,
            user_id,
            ip
        }),
        (
            id(),
            id(),
            id(),
            vec(prop::sample::select(CommandBundle::ALL.to_vec()), 0..2)
        )
            .prop_map(|(account_id, user_id, runtime_id, bundles)| Do::ReportPushed {
                account_id,
                user_id,
                runtime_id,
                bundles,
                rules: BTreeMap::new(),
            }),
        (id(), id(), text(), id()).prop_map(|(account_id, user_id, source, policy_id)| {
            Do::RecordMigration {
                account_id,
                user_id,
                source,
                policy_id,
            }
        }),
    ]
}

pub(crate) fn invite_code() -> impl Strategy<Value = InviteCodeCommand> {
    use InviteCodeCommand as Do;
    let uses = prop_oneof![4 => 0..5_u32, 1 => any::<u32>()];
    prop_oneof![
        (id(), dialect(), uses).prop_map(|(invite_code_id, dialect, uses)| Do::Issue {
            invite_code_id,
            dialect,
            uses,
        }),
        (dialect(), id()).prop_map(|(dialect, account_id)| Do::Redeem { dialect, account_id }),
    ]
}

pub(crate) fn login() -> impl Strategy<Value = LoginCommand> {
    use LoginCommand as Do;
    prop_oneof![
        (id(), id::<String>(), id(), time()).prop_map(|(account_id, code_digest, code, now)| Do::Request {
            account_id,
            code_digest,
            code,
            now,
        }),
        (id::<String>(), time()).prop_map(|(code_digest, now)| Do::Verify { code_digest, now }),
    ]
}

pub(crate) fn reservation() -> impl Strategy<Value = ReservationCommand> {
    use ReservationCommand as Do;
    prop_oneof![
        (text(), 0..5_u32).prop_map(|(holder, limit)| Do::Claim { holder, limit }),
        text().prop_map(|holder| Do::Release { holder }),
    ]
}

pub(crate) fn agent() -> impl Strategy<Value = AgentCommand> {
    use AgentCommand as Do;
    let reason = prop::sample::select(vec![AgentStopReason::Requested, AgentStopReason::RuntimeStopped]);
    prop_oneof![
        (
            id(),
            id(),
            option::of(id()),
            text(),
            (option::of(text()), option::of(text())),
            option::of(id()),
            option::of(id()),
            bundle()
        )
            .prop_map(
                |(
                    agent_id,
                    account_id,
                    owner_user_id,
                    name,
                    (slug, display_name),
                    template_id,
                    policy_id,
                    bundle,
                )| Do::Create {
                    agent_id,
                    account_id,
                    owner_user_id,
                    name,
                    slug,
                    display_name,
                    template_id,
                    policy_id,
                    bundle,
                }
            ),
        (option::of(id()), crate::runtimes::tenancy())
            .prop_map(|(runtime_id, tenancy)| Do::Deploy { runtime_id, tenancy }),
        id().prop_map(|runtime_id| Do::Place { runtime_id }),
        Just(Do::Start),
        reason.prop_map(|reason| Do::Stop { reason }),
        Just(Do::Restart),
        (option::of(text()), option::of(text()), option::of(text())).prop_map(
            |(name, display_name, model)| {
                Do::Update {
                    name,
                    display_name,
                    model,
                }
            }
        ),
        id().prop_map(|policy_id| Do::AttachPolicy { policy_id }),
        (
            0..3_u32,
            option::of(id()),
            option::of(text()),
            option::of(0..3_u64)
        )
            .prop_map(|(run, policy_id, rules, files)| Do::ReportPushed(Pushed {
                run,
                policy_id,
                rules,
                files,
            })),
        Just(Do::DetachPolicy),
        Just(Do::Delete),
        Just(Do::FinishDeletion),
        Just(Do::ReportStarted),
        (text(), text()).prop_map(|(code, reason)| Do::ReportFailed { code, reason }),
    ]
}

pub(crate) fn task() -> impl Strategy<Value = TaskCommand> {
    use TaskCommand as Do;
    prop_oneof![
        (id(), id(), id(), option::of(id()), text()).prop_map(
            |(task_id, account_id, agent_id, user_id, description)| Do::Submit {
                task_id,
                account_id,
                agent_id,
                user_id,
                description,
            }
        ),
        Just(Do::Start),
        (text(), text(), time()).prop_map(|(rule, reason, expires_at)| Do::RequestApproval {
            rule,
            reason,
            expires_at
        }),
        (text(), time()).prop_map(|(by, now)| Do::Approve { by, now }),
        (text(), time()).prop_map(|(by, now)| Do::Reject { by, now }),
        time().prop_map(|now| Do::Expire { now }),
        (text(), number(), number()).prop_map(|(result, input_tokens, output_tokens)| Do::Complete {
            result,
            input_tokens,
            output_tokens,
        }),
        (text(), text()).prop_map(|(code, reason)| Do::Fail { code, reason }),
    ]
}

pub(crate) fn workspace_file() -> impl Strategy<Value = WorkspaceFilesCommand> {
    use WorkspaceFilesCommand as Do;
    let path = || prop_oneof![3 => "[ab](/[ab])?", 1 => "[./a:\\\\]{1,6}", 1 => text()];
    prop_oneof![
        5 => (id(), id(), path(), number(), text()).prop_map(
            |(account_id, agent_id, path, bytes, content_sealed)| Do::Write {
                account_id,
                agent_id,
                path,
                bytes,
                content_sealed,
            }
        ),
        2 => path().prop_map(|path| Do::Remove { path }),
        1 => Just(Do::Purge),
    ]
}

pub(crate) fn conversation() -> impl Strategy<Value = ConversationCommand> {
    use ConversationCommand as Do;
    let sender = || (text(), text()).prop_map(|(kind, id)| Sender { kind, id });
    prop_oneof![
        (id(), id(), id(), option::of(id()), text()).prop_map(
            |(conversation_id, account_id, agent_id, user_id, channel)| Do::Start {
                conversation_id,
                account_id,
                agent_id,
                user_id,
                channel,
            }
        ),
        (id(), text(), sender(), option::of(text()), time()).prop_map(
            |(message_id, content_sealed, sender, author_sealed, reply_by)| {
                Do::Receive {
                    message_id,
                    content_sealed,
                    sender,
                    author_sealed,
                    reply_by,
                }
            }
        ),
        (id(), id(), text(), text(), number()).prop_map(
            |(message_id, in_reply_to, content_sealed, model, tokens)| Do::CompleteReply {
                message_id,
                in_reply_to,
                content_sealed,
                model,
                input_tokens: tokens,
                output_tokens: tokens,
            }
        ),
        (id(), text(), text()).prop_map(|(in_reply_to, code, reason)| Do::FailReply {
            in_reply_to,
            code,
            reason
        }),
        Just(Do::End),
        Just(Do::Purge),
    ]
}

pub(crate) fn provisioning_job() -> impl Strategy<Value = ProvisioningJobCommand> {
    use ProvisioningJobCommand as Do;
    let level = prop::sample::select(vec![JobLogLevel::Info, JobLogLevel::Warn, JobLogLevel::Error]);
    prop_oneof![
        (id(), id(), id(), option::of(id())).prop_map(|(job_id, account_id, runtime_id, agent_id)| {
            Do::Request {
                job_id,
                account_id,
                runtime_id,
                agent_id,
            }
        }),
        Just(Do::Start),
        (0..9_u32, text()).prop_map(|(seq, stage)| Do::ReachStage { seq, stage }),
        (any::<u32>(), level, text()).prop_map(|(seq, level, message)| Do::AppendLog { seq, level, message }),
        Just(Do::Succeed),
        (text(), text()).prop_map(|(code, reason)| Do::Fail { code, reason }),
    ]
}

pub(crate) fn machine() -> impl Strategy<Value = MachineCommand> {
    use MachineCommand as Do;
    let hash = || prop_oneof![4 => Just("a0".repeat(32)), 1 => text()];
    let change = prop_oneof![
        Just(Change::Keep),
        Just(Change::Clear),
        text().prop_map(Change::Set)
    ];
    let register = (
        id(),
        id(),
        id(),
        text(),
        option::of(text()),
        option::of((hash(), time())),
        option::of(id()),
    );
    prop_oneof![
        register.prop_map(
            |(machine_id, account_id, user_id, name, description, activation, runtime_id)| Do::Register {
                machine_id,
                account_id,
                user_id,
                name,
                description,
                activation,
                runtime_id,
            }
        ),
        (hash(), hash(), id(), time()).prop_map(|(code_hash, token_hash, runtime_id, now)| Do::Activate {
            code_hash,
            token_hash,
            runtime_id,
            now,
        }),
        (option::of(text()), change).prop_map(|(name, description)| Do::Update { name, description }),
        Just(Do::Remove),
    ]
}

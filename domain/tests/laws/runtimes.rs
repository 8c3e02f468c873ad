//! Arbitrary commands of runtimes.

use proptest::{option, prelude::*};
use reef_domain::runtime::{Health, RuntimeCommand, RuntimeStopReason, Tenancy};

use crate::commands::{id, text, time};

pub(crate) fn tenancy() -> impl Strategy<Value = Tenancy> {
    prop::sample::select(vec![Tenancy::Dedicated, Tenancy::Shared])
}

pub(crate) fn runtime() -> impl Strategy<Value = RuntimeCommand> {
    use RuntimeCommand as Do;
    let reason = prop::sample::select(vec![
        RuntimeStopReason::Requested,
        RuntimeStopReason::BalanceExhausted,
        RuntimeStopReason::AgentStopped,
    ]);
    let health = prop::sample::select(vec![
        Health::Unknown,
        Health::Healthy,
        Health::Degraded,
        Health::Unreachable,
    ]);
    let request = (
        id(),
        id(),
        option::of(id()),
        option::of(text()),
        tenancy(),
        text(),
        option::of(text()),
        time(),
    );
    prop_oneof![
        request.prop_map(
            |(runtime_id, account_id, owner_user_id, name, tenancy, provider, region, deadline)| {
                let (image_ref, provider_ref) = (region.clone(), region.clone());
                Do::Request {
                    runtime_id,
                    account_id,
                    owner_user_id,
                    name,
                    tenancy,
                    provider,
                    provider_ref,
                    region,
                    image_ref,
                    deadline,
                }
            }
        ),
        (text(), id()).prop_map(|(public_key, private_key)| Do::KeepSshKey {
            public_key,
            private_key,
        }),
        Just(Do::RevealSshKey),
        Just(Do::Restart),
        time().prop_map(|since| Do::ReportRestarted { since }),
        id().prop_map(|agent_id| Do::PushAgent { agent_id }),
        (0..9_u32, text(), option::of(text())).prop_map(|(seq, stage, provider_ref)| Do::Advance {
            seq,
            stage,
            provider_ref
        }),
        (text(), option::of(text()), time()).prop_map(|(provider_ref, public_ip, since)| Do::ReportRunning {
            provider_ref,
            public_ip,
            since
        }),
        (text(), text(), option::of(time())).prop_map(|(code, reason, ran_until)| Do::ReportFailed {
            code,
            reason,
            ran_until
        }),
        time().prop_map(|deadline| Do::Start { deadline }),
        reason.prop_map(|reason| Do::Stop { reason }),
        time().prop_map(|ran_until| Do::ReportStopped { ran_until }),
        Just(Do::RestartGateway),
        time().prop_map(|since| Do::ReportGateway { since }),
        health.prop_map(|health| Do::ReportHealth { health }),
        Just(Do::Destroy),
        time().prop_map(|ran_until| Do::ReportDestroyed { ran_until }),
    ]
}

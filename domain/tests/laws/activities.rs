//! Commands of activity and of cron.

use proptest::{option, prelude::*};
use reef_domain::{
    activity::{ActivityCommand, ActivityRecord, ActivitySender, Keeper},
    cron::CronCommand,
};

use crate::commands::{id, text, time};

fn record() -> impl Strategy<Value = ActivityRecord> {
    let keeper = prop::sample::select(vec![Keeper::Runtime, Keeper::Agent]);
    (id(), id(), id(), id(), option::of(text()), text(), keeper, text()).prop_map(
        |(activity_id, account_id, runtime_id, agent_id, agent_slug, name, keeper, content_sealed)| {
            ActivityRecord {
                activity_id,
                account_id,
                runtime_id,
                agent_id,
                agent_slug,
                sender: ActivitySender {
                    kind: "agent".to_owned(),
                    id: name.clone(),
                    name,
                },
                keeper,
                content_sealed,
            }
        },
    )
}

pub(crate) fn activity() -> impl Strategy<Value = ActivityCommand> {
    use ActivityCommand as Do;
    prop_oneof![
        (record(), text()).prop_map(|(record, job_name)| Do::CompleteCronJob { record, job_name }),
        (record(), option::of(id()))
            .prop_map(|(record, in_reply_to)| Do::SendMessage { record, in_reply_to }),
        (record(), text(), option::of(text())).prop_map(|(record, code, job_name)| Do::ReportError {
            record,
            code,
            job_name,
        }),
    ]
}

pub(crate) fn cron() -> impl Strategy<Value = CronCommand> {
    use CronCommand as Do;
    prop_oneof![
        (id(), id(), id(), option::of(time())).prop_map(|(account_id, runtime_id, agent_id, due_at)| {
            Do::Plan {
                account_id,
                runtime_id,
                agent_id,
                due_at,
            }
        }),
        time().prop_map(|now| Do::Ring { now }),
    ]
}

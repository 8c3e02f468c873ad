//! Commands of webhooks, sensible and absurd ones.

use proptest::{collection::vec, option, prelude::*};
use reef_domain::{
    Change,
    webhook::{DisableReason, WebhookCommand, WebhookForm, WebhookUpdate},
};

use crate::commands::{id, number, text, time};

fn url() -> impl Strategy<Value = String> {
    prop_oneof![3 => "https?://[a-z@]{1,8}(/[a-z]{0,4})?", 1 => text()]
}

fn names() -> impl Strategy<Value = Vec<String>> {
    let known = prop::sample::select(vec!["*", "AgentStarted", "agent.message", "agent", "task"]);
    vec(prop_oneof![6 => known.prop_map(str::to_owned), 1 => text()], 0..4)
}

fn change<T: Clone + std::fmt::Debug + From<String>>() -> impl Strategy<Value = Change<T>> {
    prop_oneof![
        Just(Change::Keep),
        Just(Change::Clear),
        text().prop_map(|text| Change::Set(T::from(text)))
    ]
}

pub(crate) fn webhook() -> impl Strategy<Value = WebhookCommand> {
    use WebhookCommand as Do;
    let form = prop::sample::select(vec![WebhookForm::Native, WebhookForm::Thermidora]);
    let reason = prop::sample::select(vec![
        DisableReason::Owner,
        DisableReason::Gone,
        DisableReason::Failing,
    ]);
    let scope = (
        option::of(id()),
        option::of(id()),
        option::of(text()),
        option::of(number()),
    );
    let create = (id(), id(), url(), form, names(), vec(text(), 0..2), id(), scope);
    let update = (
        option::of(url()),
        option::of(names()),
        option::of(names()),
        (id::<String>(), id::<String>()),
        change(),
    );
    prop_oneof![
        3 => create.prop_map(|(webhook_id, account_id, url, form, events, aggregate_types, secret_ref, scope)| {
            let (runtime_id, agent_id, description, from) = scope;
            Do::Create {
                webhook_id, account_id, url, form, events, aggregate_types, runtime_id, agent_id, description,
                secret_ref, secret_hint: "a1b2".to_owned(), from,
            }
        }),
        2 => update.prop_map(|(url, events, aggregate_types, (runtime, agent), description)| {
            Do::Update(WebhookUpdate {
                url,
                events,
                aggregate_types,
                runtime_id: Change::Set(runtime.into()),
                agent_id: Change::Set(agent.into()),
                description,
            })
        }),
        1 => option::of(number()).prop_map(|from| Do::Enable { from }),
        1 => (reason, option::of(text())).prop_map(|(reason, detail)| Do::Disable { reason, detail }),
        2 => (id(), time(), time()).prop_map(|(secret_ref, previous_until, now)| Do::RotateSecret {
            secret_ref,
            secret_hint: "c3d4".to_owned(),
            previous_until,
            now,
        }),
        1 => time().prop_map(|now| Do::RetireSecret { now }),
        1 => text().prop_map(|test_id| Do::Test { test_id }),
        1 => (number(), number()).prop_map(|(from, to)| Do::Replay { from, to }),
        1 => number().prop_map(|position| Do::Resend { position }),
        1 => Just(Do::Delete),
    ]
}

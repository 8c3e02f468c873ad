//! Laws that hold for every decider, whatever it is asked and whatever the texts and numbers.

use proptest::prelude::*;
use reef_domain::{AnyEvent, Decider, Event, Refusal, replay};

mod accounts;
mod activities;
mod commands;
mod runtimes;
mod skills;
mod webhooks;

/// Asks one decider after another command and checks the laws on the way.
fn check<D: Decider>(commands: Vec<D::Command>) -> Result<(), TestCaseError> {
    let mut live = D::default();
    let mut happened: Vec<D::Event> = Vec::new();
    for command in commands {
        let before = live.clone();
        let decided = live.decide(command.clone());
        prop_assert_eq!(&live.decide(command), &decided, "a decision can be repeated");
        prop_assert_eq!(&live, &before, "deciding changes nothing");
        match decided {
            Ok(events) => {
                for event in events {
                    check_event::<D>(&event)?;
                    live.evolve(&event);
                    happened.push(event);
                }
            }
            Err(refusal) => {
                let plain = |c: char| c.is_ascii_lowercase() || c == '_' || c.is_ascii_digit();
                prop_assert!(
                    refusal.code().chars().all(plain),
                    "{} is a stable code",
                    refusal.code()
                );
                prop_assert!(!refusal.to_string().is_empty());
            }
        }
        check_state(&live)?;
    }
    prop_assert_eq!(replay::<D>(&happened), live, "replaying leads to the live state");
    Ok(())
}

fn check_event<D: Decider>(event: &D::Event) -> Result<(), TestCaseError> {
    let any: AnyEvent = event.clone().into();
    prop_assert_eq!(D::event_of(&any), Some(event));
    prop_assert_eq!(any.aggregate_type(), D::TYPE);
    let read = AnyEvent::decode(
        D::TYPE,
        event.event_type(),
        event.event_version(),
        &any.to_payload(),
    );
    prop_assert_eq!(read, Ok(any), "what is written can be read");
    Ok(())
}

fn check_state<D: Decider>(state: &D) -> Result<(), TestCaseError> {
    let text = serde_json::to_string(state).expect("a state can be written");
    let read: D = serde_json::from_str(&text).expect("and read");
    prop_assert_eq!(&read, state, "a state survives being written and read");
    Ok(())
}

macro_rules! laws {
    ($($name:ident: $decider:ty, $strategy:expr;)*) => {
        proptest! {
            #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]
            $(
                #[test]
                fn $name(commands in prop::collection::vec($strategy, 0..25)) {
                    check::<$decider>(commands)?;
                }
            )*
        }

        /// A decider that nobody asked anything would be a law without a subject.
        #[test]
        fn every_decider_is_under_the_laws() {
            let mut covered = vec![$(<$decider as Decider>::TYPE),*];
            covered.sort_unstable();
            let mut all: Vec<&str> = AnyEvent::CATALOGUE.iter().map(|(aggregate, _)| *aggregate).collect();
            all.sort_unstable();
            assert_eq!(covered, all);
        }
    };
}

laws! {
    accounts: reef_domain::account::Account, accounts::account();
    activities: reef_domain::activity::Activity, activities::activity();
    agents: reef_domain::agent::Agent, commands::agent();
    api_keys: reef_domain::api_key::ApiKey, commands::api_key();
    conversations: reef_domain::conversation::Conversation, commands::conversation();
    crons: reef_domain::cron::Cron, activities::cron();
    ledgers: reef_domain::ledger::Ledger, accounts::ledger();
    machines: reef_domain::machine::Machine, commands::machine();
    policies: reef_domain::policy::Policy, commands::policy();
    provisioning_jobs: reef_domain::provisioning_job::ProvisioningJob, commands::provisioning_job();
    invite_codes: reef_domain::invite_code::InviteCode, commands::invite_code();
    logins: reef_domain::login::Login, commands::login();
    reservations: reef_domain::reservation::Reservation, commands::reservation();
    runtimes: reef_domain::runtime::Runtime, runtimes::runtime();
    secrets: reef_domain::secret::Secrets, commands::secrets();
    settings: reef_domain::settings::Settings, commands::settings();
    skills: reef_domain::skill::Skill, skills::skill();
    skill_installations: reef_domain::skill_installation::SkillInstallations, skills::skill_installation();
    tasks: reef_domain::task::Task, commands::task();
    templates: reef_domain::template::Template, commands::template();
    webhooks: reef_domain::webhook::Webhook, webhooks::webhook();
    workspace_files: reef_domain::workspace_file::WorkspaceFiles, commands::workspace_file();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    /// Money is neither made nor lost, and the balance never goes below zero.
    #[test]
    fn a_balance_is_the_sum_of_its_entries(commands in prop::collection::vec(accounts::ledger(), 0..40)) {
        use reef_domain::ledger::{Ledger, LedgerEvent};
        let (mut ledger, mut sum) = (Ledger::default(), 0_i128);
        for command in commands {
            for event in ledger.decide(command).into_iter().flatten() {
                ledger.evolve(&event);
                match event {
                    LedgerEvent::CreditsGranted { amount_micro, .. }
                    | LedgerEvent::CreditsPurchased { amount_micro, .. } => sum += i128::from(amount_micro),
                    LedgerEvent::CreditsDeducted { amount_micro, .. } => sum -= i128::from(amount_micro),
                    LedgerEvent::Opened { .. }
                    | LedgerEvent::CheckoutStarted { .. }
                    | LedgerEvent::BalanceExhausted { .. } => {}
                }
                prop_assert!(sum >= 0);
                prop_assert_eq!(i128::from(ledger.balance_micro), sum);
            }
        }
    }

    /// The matcher answers any text under any rules, and always gives a reason.
    #[test]
    fn the_matcher_never_panics(rules in commands::rules(), text in ".{0,80}") {
        use reef_domain::policy::evaluate;
        for rules in [Some(rules.as_str()), None] {
            let verdict = evaluate(rules, &[], &text);
            prop_assert!(!verdict.reason.is_empty());
            prop_assert_eq!(evaluate(rules, &[], &text), verdict);
        }
    }

    /// A rule made of a text's own words matches that text.
    #[test]
    fn a_text_matches_itself(text in "[a-zA-Zäöüéñç ]{1,60}") {
        use reef_domain::policy::{Decision, Rules};
        if let Ok(rules) = Rules::parse(&format!("DENY: {text}")) {
            prop_assert_eq!(rules.evaluate(&text).decision, Decision::Deny);
        }
    }
}

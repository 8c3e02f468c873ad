//! Variables of the owner in the gateway's environment, with every script really run.

use std::collections::BTreeMap;

use reef_commands::ports::{DriverError, RuntimeDriver as _, RuntimeObservation};

use super::{
    machine::Machine,
    stage::{SECRET, Stage, bundle, token, up},
};

const SLACK: &str = "xoxb-\"quoted\" \\back `tick` $HOME\nsecond line\t\u{fc}ber";

fn variables(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    pairs.iter().map(owned).collect()
}

/// What the owner has set: as of the last start, and since then.
fn set(stage: &Stage, last: &[(&str, &str)], now: &[(&str, &str)]) {
    *stage.world.environment.lock().unwrap() = Some([variables(last), variables(now)]);
}

async fn push(stage: &Stage) -> Result<(), DriverError> {
    let bundle = bundle(None, &[]);
    stage.driver.push(&stage.spec, &bundle, &token("push")).await
}

async fn restart(stage: &Stage, name: &str) {
    let seen = stage.driver.restart_gateway(&stage.spec, &token(name)).await;
    assert!(matches!(seen, Ok(RuntimeObservation::Running { .. })), "{seen:?}");
}

fn reads(machine: &Machine) -> usize {
    machine.read("aws.log").lines().count()
}

#[tokio::test]
async fn variables_are_those_of_the_last_start_until_a_restart() {
    let (stage, machine) = up().await;
    let first = [("SLACK_TOKEN", SLACK), ("lower_case", "x")];
    set(&stage, &first, &[("SLACK_TOKEN", "another"), ("NEW", "n")]);
    push(&stage).await.unwrap();
    assert_eq!(machine.variable("SLACK_TOKEN").as_deref(), Some(SLACK));
    assert_eq!(machine.variable("lower_case").as_deref(), Some("x"));
    assert_eq!(machine.variable("NEW"), None);
    assert_eq!((machine.restarts(), reads(&machine)), (1, 2));
    let scripts = stage.aws.account().scripts.clone();
    assert!(scripts.iter().all(|script| !script.contains("xoxb")));

    // Nothing has changed: nothing is put, read or restarted.
    let put = stage.aws.calls_of("PutParameter");
    push(&stage).await.unwrap();
    assert_eq!((machine.restarts(), reads(&machine)), (1, 2));
    assert_eq!(stage.aws.calls_of("PutParameter"), put);

    restart(&stage, "restart").await;
    assert_eq!(machine.variable("SLACK_TOKEN").as_deref(), Some("another"));
    assert_eq!(machine.variable("NEW").as_deref(), Some("n"));
    assert_eq!(machine.variable("lower_case"), None);
    let instance = stage.spec.provider_ref.clone().unwrap();
    let folder = format!("/reef/rt_1/environment/{instance}");
    let kept: Vec<String> = stage.aws.account().parameters.keys().cloned().collect();
    assert_eq!(kept, [format!("{folder}/NEW"), format!("{folder}/SLACK_TOKEN")]);
    // The restart is known to have been the one that took them up.
    set(&stage, &[("SLACK_TOKEN", "another"), ("NEW", "n")], &[]);
    push(&stage).await.unwrap();
    assert_eq!(machine.restarts(), 2);
}

#[tokio::test]
async fn more_variables_than_a_page_come_and_go() {
    let (stage, machine) = up().await;
    let names: Vec<String> = (0..25).map(|number| format!("V_{number:02}")).collect();
    let many: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "v")).collect();
    set(&stage, &many, &many);
    push(&stage).await.unwrap();
    push(&stage).await.unwrap();
    assert_eq!(stage.aws.calls_of("PutParameter"), 25);
    assert!(
        names
            .iter()
            .all(|name| machine.variable(name).as_deref() == Some("v"))
    );
    set(&stage, &many, &[]);
    restart(&stage, "restart").await;
    assert!(stage.aws.account().parameters.is_empty());
    assert!(names.iter().all(|name| machine.variable(name).is_none()));
}

#[tokio::test]
async fn an_agents_own_key_wins_and_one_that_is_a_variable_goes_with_it() {
    let (stage, machine) = up().await;
    let key = |value: &str| {
        let pair = [("anthropic_api_key".to_owned(), value.to_owned())];
        *stage.world.secrets.lock().unwrap() = BTreeMap::from(pair);
    };
    key(SECRET);
    let variable = [("ANTHROPIC_API_KEY", "sk-of-the-instance")];
    set(&stage, &variable, &variable);
    push(&stage).await.unwrap();
    assert_eq!(machine.variable("ANTHROPIC_API_KEY").as_deref(), Some(SECRET));
    key("sk-of-the-instance");
    push(&stage).await.unwrap();
    set(&stage, &variable, &[]);
    restart(&stage, "restart").await;
    assert_eq!(machine.variable("ANTHROPIC_API_KEY"), None);
}

#[tokio::test]
async fn the_gateways_token_is_its_own() {
    let (stage, machine) = up().await;
    let theirs = [("OPENCLAW_GATEWAY_TOKEN", "guessed")];
    set(&stage, &theirs, &theirs);
    push(&stage).await.unwrap();
    let token = machine.variable("OPENCLAW_GATEWAY_TOKEN").unwrap();
    assert_eq!(token.len(), 64, "{token}");
}

#[tokio::test]
async fn what_cannot_be_handed_on_is_refused_by_name() {
    let (stage, _machine) = up().await;
    let long = "x".repeat(8 * 1024 + 1);
    for (value, why) in [("a\r\nb", "control character"), (long.as_str(), "8 KiB")] {
        set(&stage, &[("PEM", value)], &[]);
        let refused = push(&stage).await;
        let Err(DriverError::Permanent(reason)) = refused else {
            panic!("{refused:?}")
        };
        assert!(reason.contains("PEM") && reason.contains(why), "{reason}");
        assert!(stage.aws.account().parameters.is_empty());
    }
}

/// A new instance may not read what was lent to the one before.
#[tokio::test]
async fn another_instance_is_lent_everything_anew_and_a_destroyed_runtime_leaves_nothing() {
    let (mut stage, _machine) = up().await;
    let only = [("SLACK_TOKEN", "xoxb")];
    set(&stage, &only, &only);
    push(&stage).await.unwrap();
    let before = stage.spec.provider_ref.clone().unwrap();
    stage.aws.becomes(&before, "terminated", "");
    let started = stage.driver.start(&stage.spec, &token("start")).await;
    let Ok(RuntimeObservation::Pending { provider_ref: after }) = started else {
        panic!("{started:?}")
    };
    assert_ne!(after, before);
    stage.spec.provider_ref = Some(after.clone());
    stage.aws.comes_up(&after);
    push(&stage).await.unwrap();
    let name = format!("/reef/rt_1/environment/{after}/SLACK_TOKEN");
    let kept: Vec<String> = stage.aws.account().parameters.keys().cloned().collect();
    assert_eq!(kept, [name.as_str()]);
    assert!(stage.aws.account().tags[&name].to_string().contains(&after));
    stage.aws.becomes(&after, "terminated", "");
    stage
        .driver
        .destroy(&stage.spec, &token("destroy"))
        .await
        .unwrap();
    assert!(stage.aws.account().parameters.is_empty());
}

/// As an operator sees it whose server's role lacks the permission.
#[tokio::test]
async fn a_runtime_without_variables_asks_for_none() {
    let (stage, machine) = up().await;
    push(&stage).await.unwrap();
    restart(&stage, "restart").await;
    assert_eq!(stage.aws.calls_of("GetParametersByPath"), 0);
    assert_eq!(reads(&machine), 0);
}

//! Every call fails once, and then the same request does what was asked, once.

use std::time::Duration;

use reef_commands::ports::{DriverError, RuntimeDriver as _, RuntimeObservation, RuntimeSettings};
use serde_json::json;

use super::{
    fake::{FakeRule, Fault},
    stage::{SECRET, Stage, bundle, message, token},
};

const FAULTS: &[Fault] = &[
    Fault::Refused(500, "InternalError"),
    Fault::Refused(400, "RequestLimitExceeded"),
    Fault::Silent,
    Fault::Malformed,
];

async fn hasty() -> Stage {
    Stage::with(|config| config.patience.call = Duration::from_millis(300)).await
}

fn passes<T: std::fmt::Debug>(what: &str, fault: Fault, result: &Result<T, DriverError>) {
    let transient = matches!(result, Err(DriverError::Transient(_)));
    assert!(transient, "{what} {fault:?}: {result:?}");
}

#[tokio::test]
async fn provisioning_survives_the_failure_of_any_call() {
    for action in [
        "DescribeInstances",
        "DescribeSecurityGroups",
        "DescribeSubnets",
        "CreateSecurityGroup",
        "RunInstances",
    ] {
        for fault in FAULTS {
            let stage = Stage::with(|config| {
                config.patience.call = Duration::from_millis(300);
                config.subnet = Some("subnet-1".to_owned());
            })
            .await;
            stage.aws.fails(action, *fault);
            passes(action, *fault, &stage.provision().await);
            assert!(matches!(
                stage.provision().await.unwrap(),
                RuntimeObservation::Pending { .. }
            ));
            let account = stage.aws.account();
            assert_eq!(
                (account.instances.len(), account.groups.len()),
                (1, 1),
                "{action} {fault:?}"
            );
            assert_eq!(account.networks, ["vpc-1"], "the network of the subnet");
        }
    }
}

#[tokio::test]
async fn so_do_stopping_starting_and_destroying() {
    for fault in FAULTS {
        let mut stage = hasty().await;
        let id = stage.up().await;
        stage.aws.fails("StopInstances", *fault);
        passes(
            "stop",
            *fault,
            &stage.driver.stop(&stage.spec, &token("stop")).await,
        );
        stage.driver.stop(&stage.spec, &token("stop")).await.unwrap();
        stage.aws.becomes(&id, "stopped", "");
        stage.aws.fails("StartInstances", *fault);
        passes(
            "start",
            *fault,
            &stage.driver.start(&stage.spec, &token("start")).await,
        );
        stage.driver.start(&stage.spec, &token("start")).await.unwrap();
        stage.aws.fails("TerminateInstances", *fault);
        passes(
            "destroy",
            *fault,
            &stage.driver.destroy(&stage.spec, &token("destroy")).await,
        );
        passes(
            "destroy",
            *fault,
            &stage.driver.destroy(&stage.spec, &token("destroy")).await,
        );
        stage.aws.becomes(&id, "terminated", "");
        for action in ["DeleteParameters", "DeleteSecurityGroup"] {
            stage.aws.fails(action, *fault);
            passes(
                action,
                *fault,
                &stage.driver.destroy(&stage.spec, &token("destroy")).await,
            );
        }
        stage
            .driver
            .destroy(&stage.spec, &token("destroy"))
            .await
            .unwrap();
        assert!(stage.aws.account().groups.is_empty());
    }
}

#[tokio::test]
async fn so_do_observing_and_configuring() {
    let settings = RuntimeSettings {
        firewall: [("22".to_owned(), vec!["203.0.113.7/32".to_owned()])].into(),
        ..RuntimeSettings::default()
    };
    for fault in FAULTS {
        let mut stage = hasty().await;
        stage.up().await;
        for action in ["DescribeInstances", "DescribeInstanceInformation"] {
            stage.aws.fails(action, *fault);
            passes(action, *fault, &stage.driver.observe(&stage.spec).await);
        }
        stage.aws.account().rules.push(FakeRule::by_hand());
        for action in [
            "DescribeSecurityGroupRules",
            "AuthorizeSecurityGroupIngress",
            "RevokeSecurityGroupIngress",
            "SendCommand",
        ] {
            stage.aws.fails(action, *fault);
            let configured = stage
                .driver
                .configure(&stage.spec, &settings, &token("configure"))
                .await;
            passes(action, *fault, &configured);
        }
        stage
            .driver
            .configure(&stage.spec, &settings, &token("configure"))
            .await
            .unwrap();
        let account = stage.aws.account();
        assert_eq!(
            account.rules.iter().map(|rule| &*rule.port).collect::<Vec<_>>(),
            ["22"]
        );
    }
}

#[tokio::test]
async fn so_does_pushing() {
    for fault in FAULTS {
        let mut stage = hasty().await;
        stage.up().await;
        let key = ("anthropic_api_key".to_owned(), SECRET.to_owned());
        stage.world.secrets.lock().unwrap().extend([key]);
        *stage.world.environment.lock().unwrap() = Some(Default::default());
        for action in [
            "PutParameter",
            "AddTagsToResource",
            "GetParametersByPath",
            "DeleteParameters",
            "SendCommand",
        ] {
            stage.aws.fails(action, *fault);
            let pushed = stage
                .driver
                .push(&stage.spec, &bundle(None, &[]), &token("push"))
                .await;
            passes(action, *fault, &pushed);
            let said = pushed.unwrap_err().to_string();
            assert!(
                !said.contains(SECRET) && !said.contains("secret-of-the-server"),
                "{said}"
            );
        }
        // A look that fails is only a look; the command goes on.
        stage.aws.fails("GetCommandInvocation", *fault);
        stage
            .driver
            .push(&stage.spec, &bundle(None, &[]), &token("push"))
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn no_capacity_may_pass_and_a_limit_does_not() {
    let stage = Stage::new().await;
    stage.aws.fails(
        "RunInstances",
        Fault::Refused(500, "InsufficientInstanceCapacity"),
    );
    let Err(DriverError::Transient(reason)) = stage.provision().await else {
        panic!("there may be capacity later")
    };
    assert!(reason.contains("InsufficientInstanceCapacity"), "{reason}");
    stage
        .aws
        .fails("RunInstances", Fault::Refused(400, "VcpuLimitExceeded"));
    let Err(DriverError::Permanent(reason)) = stage.provision().await else {
        panic!("somebody must raise the limit")
    };
    assert!(reason.contains("VcpuLimitExceeded"), "{reason}");
}

#[tokio::test]
async fn one_that_never_comes_up_is_never_said_to_run() {
    let mut stage = Stage::new().await;
    let RuntimeObservation::Pending { provider_ref } = stage.provision().await.unwrap() else {
        panic!("not up at once")
    };
    stage.spec.provider_ref = Some(provider_ref.clone());
    for state in ["pending", "running"] {
        stage.aws.becomes(&provider_ref, state, "");
        for _ in 0..3 {
            let seen = stage.provision().await.unwrap();
            assert!(
                matches!(seen, RuntimeObservation::Pending { .. }),
                "{state}: {seen:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_command_that_fails_says_what_it_said_and_no_more() {
    let mut stage = Stage::new().await;
    stage.up().await;
    let stderr = format!("disk full {}", "x".repeat(20_000));
    stage
        .aws
        .next_command(json!({ "Status": "Failed", "ResponseCode": 1, "StandardErrorContent": stderr }));
    let Err(DriverError::Permanent(reason)) = stage
        .driver
        .push(&stage.spec, &bundle(None, &[]), &token("push"))
        .await
    else {
        panic!("it failed")
    };
    assert!(
        reason.contains("exit code 1") && reason.contains("disk full"),
        "{reason}"
    );
    assert!(reason.len() < 1_000, "{}", reason.len());
}

#[tokio::test]
async fn a_command_that_does_not_end_may_end_later() {
    let mut stage = Stage::with(|config| {
        config.patience.command = Duration::from_millis(50);
        config.patience.delivery = Duration::from_millis(500);
    })
    .await;
    stage.up().await;
    for status in ["TimedOut", "Cancelled", "InProgress"] {
        stage
            .aws
            .next_command(json!({ "Status": status, "StatusDetails": "DeliveryTimedOut" }));
        let pushed = stage
            .driver
            .push(&stage.spec, &bundle(None, &[]), &token("push"))
            .await;
        assert!(
            matches!(pushed, Err(DriverError::Transient(_))),
            "{status}: {pushed:?}"
        );
    }
}

#[tokio::test]
async fn success_that_says_nothing_is_no_answer() {
    let mut stage = Stage::new().await;
    stage.up().await;
    let restarted = stage.driver.restart_gateway(&stage.spec, &token("restart")).await;
    assert!(
        matches!(restarted, Err(DriverError::Permanent(_))),
        "{restarted:?}"
    );
    let replied = stage.driver.chat(&stage.spec, message("hi")).await;
    assert!(matches!(replied, Err(DriverError::Permanent(_))));
}

#[tokio::test]
async fn an_agent_that_is_not_online_may_come() {
    let mut stage = Stage::new().await;
    stage.up().await;
    stage.aws.account().online.clear();
    let pushed = stage
        .driver
        .push(&stage.spec, &bundle(None, &[]), &token("push"))
        .await;
    assert!(
        matches!(&pushed, Err(DriverError::Transient(reason)) if reason.contains("not online")),
        "{pushed:?}"
    );
}

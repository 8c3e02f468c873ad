//! Instances, from the first request to the last.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use reef_commands::ports::{DriverError, RuntimeDriver as _, RuntimeObservation, RuntimeSettings};

use super::{
    fake::FakeRule,
    stage::{KEY, Stage, token},
};

#[tokio::test]
async fn a_runtime_is_made_with_what_was_configured() {
    let mut stage = Stage::with(|config| config.instance_profile = Some("reef-node".to_owned())).await;
    stage.up().await;
    let account = stage.aws.account();
    let form = &account.instances[0].form;
    for (name, value) in [
        ("ImageId", "ami-reef"),
        ("InstanceType", "t3.medium"),
        ("SecurityGroupId.1", "sg-1"),
        ("IamInstanceProfile.Name", "reef-node"),
        ("MetadataOptions.HttpTokens", "required"),
        ("TagSpecification.1.ResourceType", "instance"),
        ("TagSpecification.1.Tag.2.Key", "reef:runtime"),
        ("TagSpecification.1.Tag.2.Value", "rt_1"),
        ("TagSpecification.1.Tag.3.Key", "reef:account"),
        ("TagSpecification.1.Tag.3.Value", "acc_1"),
    ] {
        assert_eq!(form[name], value, "{name}");
    }
    assert_eq!(form["ClientToken"].len(), 64);
    assert_eq!(account.groups["sg-1"], "reef-rt_1");
    let user_data = String::from_utf8(STANDARD.decode(&form["UserData"]).unwrap()).unwrap();
    assert!(user_data.contains(KEY), "{user_data}");
}

#[tokio::test]
async fn it_runs_when_its_agent_is_online_and_not_before() {
    let mut stage = Stage::new().await;
    let id = stage.up().await;
    stage.aws.account().online.clear();
    let seen = stage.driver.observe(&stage.spec).await.unwrap();
    assert_eq!(
        seen,
        RuntimeObservation::Pending {
            provider_ref: id.clone()
        }
    );
    stage.aws.account().online.push(id.clone());
    let seen = stage.driver.observe(&stage.spec).await.unwrap();
    let RuntimeObservation::Running {
        provider_ref,
        public_ip,
        ..
    } = seen
    else {
        panic!("{seen:?}")
    };
    assert_eq!((provider_ref, public_ip.as_deref()), (id, Some("203.0.113.9")));
}

#[tokio::test]
async fn made_twice_it_is_one_even_if_its_id_and_its_tags_are_not_known() {
    let stage = Stage::new().await;
    let first = stage.provision().await.unwrap();
    // Found by its tag, since the spec knows no id.
    assert_eq!(stage.provision().await.unwrap(), first);
    // Tags are not seen everywhere at once: then the client token makes it the same.
    let tags = std::mem::take(&mut stage.aws.account().instances[0].form);
    let client_token = tags["ClientToken"].clone();
    stage.aws.account().instances[0].form = [("ClientToken".to_owned(), client_token)].into();
    assert_eq!(stage.provision().await.unwrap(), first);
    assert_eq!(stage.aws.calls_of("RunInstances"), 2);
    assert_eq!(stage.aws.account().instances.len(), 1);
    assert_eq!(stage.aws.account().groups.len(), 1);
}

#[tokio::test]
async fn a_new_id_that_is_not_known_everywhere_yet_makes_no_second_instance() {
    let mut stage = Stage::new().await;
    stage.spec.provider_ref = Some("i-new".to_owned());
    assert_eq!(stage.provision().await.unwrap(), RuntimeObservation::Absent);
    assert_eq!(stage.aws.calls_of("RunInstances"), 0);
}

#[tokio::test]
async fn it_stops_and_starts_as_the_same_instance() {
    let mut stage = Stage::new().await;
    let id = stage.up().await;
    let pending = RuntimeObservation::Pending {
        provider_ref: id.clone(),
    };
    let stopped = RuntimeObservation::Stopped {
        provider_ref: id.clone(),
    };
    let stop = token("stop");
    assert_eq!(stage.driver.stop(&stage.spec, &stop).await.unwrap(), pending);
    assert_eq!(stage.driver.stop(&stage.spec, &stop).await.unwrap(), pending);
    assert_eq!(stage.aws.calls_of("StopInstances"), 1, "it is stopping already");
    // Asked to start while it stops, it waits.
    assert_eq!(
        stage.driver.start(&stage.spec, &token("start")).await.unwrap(),
        pending
    );
    stage.aws.becomes(&id, "stopped", "");
    assert_eq!(stage.driver.stop(&stage.spec, &stop).await.unwrap(), stopped);
    assert_eq!(
        stage.driver.start(&stage.spec, &token("start")).await.unwrap(),
        pending
    );
    stage.aws.comes_up(&id);
    let up = stage.driver.start(&stage.spec, &token("start")).await.unwrap();
    assert!(matches!(up, RuntimeObservation::Running { .. }), "{up:?}");
    assert_eq!(stage.aws.calls_of("StartInstances"), 1);
    assert_eq!(stage.aws.account().instances.len(), 1);
}

#[tokio::test]
async fn terminated_by_somebody_else_it_has_failed_with_the_reason_ec2_gives() {
    let mut stage = Stage::new().await;
    let id = stage.up().await;
    stage.aws.becomes(
        &id,
        "terminated",
        "Client.UserInitiatedShutdown: User initiated shutdown",
    );
    let RuntimeObservation::Failed { reason } = stage.driver.observe(&stage.spec).await.unwrap() else {
        panic!("it runs no more")
    };
    assert!(reason.contains("User initiated shutdown"), "{reason}");
    stage.aws.account().instances.clear();
    assert_eq!(
        stage.driver.observe(&stage.spec).await.unwrap(),
        RuntimeObservation::Absent
    );
}

#[tokio::test]
async fn started_after_that_it_gets_one_new_instance() {
    let mut stage = Stage::new().await;
    let id = stage.up().await;
    stage.aws.becomes(&id, "terminated", "spot");
    let start = stage.driver.start(&stage.spec, &token("start")).await.unwrap();
    // The new id was lost in a crash: the same start finds the same instance.
    assert_eq!(
        stage.driver.start(&stage.spec, &token("start")).await.unwrap(),
        start
    );
    assert_ne!(start, RuntimeObservation::Pending { provider_ref: id });
    assert_eq!(stage.aws.account().instances.len(), 2);
}

#[tokio::test]
async fn one_that_ended_before_it_came_up_has_failed() {
    let mut stage = Stage::new().await;
    let RuntimeObservation::Pending { provider_ref } = stage.provision().await.unwrap() else {
        panic!("not up at once")
    };
    stage.spec.provider_ref = Some(provider_ref.clone());
    stage.aws.becomes(
        &provider_ref,
        "terminated",
        "Client.VolumeLimitExceeded: too many volumes",
    );
    let RuntimeObservation::Failed { reason } = stage.provision().await.unwrap() else {
        panic!("it will not come up")
    };
    assert!(reason.contains("too many volumes"), "{reason}");
    assert_eq!(stage.aws.account().instances.len(), 1);
}

#[tokio::test]
async fn destroyed_it_leaves_nothing() {
    let mut stage = Stage::new().await;
    let id = stage.up().await;
    stage
        .aws
        .account()
        .parameters
        .insert("/reef/rt_1/ANTHROPIC_API_KEY".to_owned(), "k".to_owned());
    for _ in 0..2 {
        let error = stage
            .driver
            .destroy(&stage.spec, &token("destroy"))
            .await
            .unwrap_err();
        assert!(matches!(error, DriverError::Transient(_)), "{error:?}");
    }
    assert_eq!(stage.aws.calls_of("TerminateInstances"), 1);
    assert_eq!(stage.aws.account().groups.len(), 1, "an instance still uses it");
    stage.aws.becomes(&id, "terminated", "");
    for _ in 0..2 {
        stage
            .driver
            .destroy(&stage.spec, &token("destroy"))
            .await
            .unwrap();
    }
    let account = stage.aws.account();
    assert!(account.groups.is_empty() && account.parameters.is_empty());
}

#[tokio::test]
async fn another_region_is_refused_with_its_name() {
    let mut stage = Stage::new().await;
    stage.spec.region = Some("us-east-1".to_owned());
    let error = stage.provision().await.unwrap_err();
    assert!(
        matches!(&error, DriverError::Permanent(reason) if reason.contains("us-east-1")),
        "{error:?}"
    );
    assert_eq!(stage.aws.account().calls.len(), 0);
}

#[tokio::test]
async fn the_firewall_becomes_exactly_what_is_set() {
    let mut stage = Stage::new().await;
    stage.up().await;
    stage.aws.account().rules = vec![FakeRule::by_hand()];
    let firewall = |rules: &[(&str, &str)]| {
        let rules = rules
            .iter()
            .map(|(port, block)| ((*port).to_owned(), vec![(*block).to_owned()]));
        RuntimeSettings {
            firewall: rules.collect(),
            ..RuntimeSettings::default()
        }
    };
    let open = |stage: &Stage| {
        let account = stage.aws.account();
        let rules = account
            .rules
            .iter()
            .map(|rule| format!("{} {} {}", rule.protocol, rule.port, rule.block));
        rules.collect::<Vec<_>>()
    };
    let both = firewall(&[("22", "203.0.113.7/32"), ("443", "::/0")]);
    stage
        .driver
        .configure(&stage.spec, &both, &token("configure"))
        .await
        .unwrap();
    assert_eq!(open(&stage), ["tcp 22 203.0.113.7/32", "tcp 443 ::/0"]);
    stage
        .driver
        .configure(&stage.spec, &both, &token("configure"))
        .await
        .unwrap();
    assert_eq!(
        stage.aws.calls_of("AuthorizeSecurityGroupIngress"),
        1,
        "nothing was missing"
    );
    assert_eq!(
        stage.aws.calls_of("RevokeSecurityGroupIngress"),
        1,
        "nothing was surplus"
    );
    let other = firewall(&[("22", "198.51.100.0/24")]);
    stage
        .driver
        .configure(&stage.spec, &other, &token("again"))
        .await
        .unwrap();
    assert_eq!(open(&stage), ["tcp 22 198.51.100.0/24"]);
}

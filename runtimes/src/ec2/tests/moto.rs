//! The whole life of a runtime on moto's EC2 and SSM, which other people wrote from AWS's documents.

#[path = "../../../../tests/harness/moto.rs"]
mod server;

use std::{collections::BTreeMap, sync::Arc};

use reef_commands::ports::{
    DriverError, RuntimeDriver as _, RuntimeObservation, RuntimeSettings, RuntimeSpec,
};

use self::server::Moto;
use super::stage::{World, bundle, impatient, keys, ports, spec, token};
use crate::ec2::{Ec2Config, Ec2Driver, firewall, ssm::Parameter};

#[tokio::test]
async fn a_runtime_lives_and_dies_on_moto() {
    let Some(moto) = Moto::start() else {
        assert!(
            std::env::var_os("CI").is_none(),
            "LEFT OUT: moto; CI must have it"
        );
        eprintln!("\n!!! LEFT OUT: EC2 as moto simulates it (PyPI): REEF_TEST_PYTHON is not set\n");
        return;
    };
    let mut config = Ec2Config::new("eu-west-1", "ami-12c6146b");
    let url: reqwest::Url = moto.url().parse().unwrap();
    (config.ec2_endpoint, config.ssm_endpoint) = (Some(url.clone()), Some(url));
    config.credentials = keys();
    // moto has no agents.
    config.wait_for_agent = false;
    impatient(&mut config);
    let world = Arc::new(World::default());
    world
        .secrets
        .lock()
        .unwrap()
        .insert("anthropic_api_key".to_owned(), "sk-ant-1".to_owned());
    let variables: BTreeMap<String, String> = (0..12)
        .map(|n| (format!("V_{n}"), format!("\"{n}\"\n")))
        .collect();
    *world.environment.lock().unwrap() = Some([variables.clone(), variables]);
    let driver = Ec2Driver::new(ports(&world), config).unwrap();
    let mut spec = spec();

    assert_eq!(driver.observe(&spec).await.unwrap(), RuntimeObservation::Absent);
    let RuntimeObservation::Pending { provider_ref } = driver.provision(&spec, &token("make")).await.unwrap()
    else {
        panic!("a new instance is not up at once")
    };
    // Its id was lost: it is found by its tag.
    let seen = driver.provision(&spec, &token("make")).await.unwrap();
    let RuntimeObservation::Running {
        provider_ref: found,
        public_ip,
        ..
    } = seen
    else {
        panic!("moto has it run by now: {seen:?}")
    };
    assert_eq!(found, provider_ref);
    assert!(public_ip.is_some());
    spec.provider_ref = Some(provider_ref.clone());

    let settings = |rules: &[(&str, &[&str])]| RuntimeSettings {
        firewall: rules
            .iter()
            .map(|(port, blocks)| {
                (
                    (*port).to_owned(),
                    blocks.iter().map(|b| (*b).to_owned()).collect(),
                )
            })
            .collect(),
        ..RuntimeSettings::default()
    };
    let first = settings(&[
        ("22", &["203.0.113.7/32", "2001:db8::/32"]),
        ("443", &["0.0.0.0/0", "::/0"]),
    ]);
    let other = settings(&[("22", &["203.0.113.7/32"]), ("18789", &["10.0.0.0/8"])]);
    for wanted in [&first, &first, &other, &settings(&[]), &first] {
        driver
            .configure(&spec, wanted, &token("configure"))
            .await
            .unwrap();
        let ec2 = &driver.cloud.ec2;
        let group = firewall::find(ec2, &spec).await.unwrap().unwrap();
        let open = firewall::open(ec2, &group).await.unwrap();
        assert_eq!(open, firewall::wanted(&wanted.firewall).unwrap());
    }

    lends(&driver, &spec).await;
    let restarted = driver.restart_gateway(&spec, &token("restart")).await;
    assert!(
        matches!(restarted, Err(DriverError::Permanent(_))),
        "{restarted:?}"
    );

    driver.stop(&spec, &token("stop")).await.unwrap();
    let stopped = RuntimeObservation::Stopped {
        provider_ref: provider_ref.clone(),
    };
    assert_eq!(driver.stop(&spec, &token("stop")).await.unwrap(), stopped);
    assert_eq!(driver.observe(&spec).await.unwrap(), stopped);
    driver.start(&spec, &token("start")).await.unwrap();
    let up = driver.start(&spec, &token("start")).await.unwrap();
    assert!(matches!(up, RuntimeObservation::Running { .. }), "{up:?}");

    let ending = driver.destroy(&spec, &token("destroy")).await;
    assert!(matches!(ending, Err(DriverError::Transient(_))), "{ending:?}");
    driver.destroy(&spec, &token("destroy")).await.unwrap();
    driver.destroy(&spec, &token("destroy")).await.unwrap();
    assert!(lent(&driver).await.is_empty());
    let gone = driver.observe(&spec).await.unwrap();
    assert!(
        matches!(
            gone,
            RuntimeObservation::Failed { .. } | RuntimeObservation::Absent
        ),
        "{gone:?}"
    );
}

async fn lent(driver: &Ec2Driver) -> Vec<Parameter> {
    let ssm = driver.cloud.orders.ssm();
    ssm.parameters_below("/reef/rt_1").await.unwrap()
}

/// Keys and variables are put once and are what moto keeps.
async fn lends(driver: &Ec2Driver, spec: &RuntimeSpec) {
    // SSM takes the orders; that nobody carries them out is known, since nothing comes back.
    for _ in 0..2 {
        driver
            .push(spec, &bundle(None, &[]), &token("push"))
            .await
            .unwrap();
    }
    let lent = lent(driver).await;
    assert_eq!(lent.len(), 13);
    assert!(
        lent.iter()
            .all(|parameter| parameter.version == 1 || !parameter.name.contains("V_"))
    );
    assert!(lent.iter().any(|parameter| *parameter.value == "\"7\"\n"));
}

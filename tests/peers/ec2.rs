//! A runtime on EC2, from a command over HTTP to moto's instance and back: every adapter is the real one.

#[path = "../harness/moto.rs"]
mod moto;

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Account, Client, Database, LONG, Server, Setup, left_out, wait_until};
use moto::Moto;

/// The state of each of its instances, as moto says.
async fn states(moto: &Moto) -> Vec<String> {
    let data = reqwest::get(format!("{}moto-api/data.json", moto.url()))
        .await
        .expect("moto answers");
    let data: Value = data.json().await.expect("moto tells what it has");
    let instances = data["ec2"]["Instance"].as_array().cloned().unwrap_or_default();
    let state = |instance: Value| instance["state"].as_str().unwrap_or("no state").to_owned();
    instances.into_iter().map(state).collect()
}

/// A server whose users' VMs are instances of this EC2.
async fn server_on(moto: &Moto) -> Server {
    Setup::on(&Database::sqlite())
        .with("REEF_VM_PROVIDER", "ec2")
        .with("REEF_EC2_REGION", "eu-west-1")
        .with("REEF_EC2_AMI", "ami-12c6146b")
        .with("REEF_EC2_ENDPOINT", moto.url())
        .with("REEF_EC2_SSM_ENDPOINT", moto.url())
        .with("REEF_EC2_ACCESS_KEY_ID", "AKIDEXAMPLE")
        .with("REEF_EC2_SECRET_ACCESS_KEY", "secret")
        // moto has no agents.
        .with("REEF_EC2_WAIT_FOR_AGENT", "false")
        .start()
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_runtime_on_ec2_is_made_stopped_started_and_destroyed() {
    let Some(moto) = Moto::start() else {
        return left_out("EC2 as moto simulates it (PyPI)", "REEF_TEST_PYTHON is not set");
    };
    let server = server_on(&moto).await;
    let account = Account::make(&server, "aquarium").await;
    let client = &account.client;
    let made = client
        .command(
            "ProvisionRuntime",
            json!({ "provider": "ec2", "region": "eu-west-1" }),
        )
        .await
        .ok();
    let runtime = made.id();
    let up = account.becomes("runtimes", &runtime, "running").await;
    let instance = up["provider_ref"].as_str().expect("what EC2 calls it").to_owned();
    assert!(instance.starts_with("i-"), "{up}");
    assert!(up["public_ip"].is_string(), "{up}");
    assert_eq!(states(&moto).await, ["running"]);

    let of = json!({ "runtime_id": runtime });
    client.command("StopRuntime", of.clone()).await.ok();
    account.becomes("runtimes", &runtime, "stopped").await;
    assert_eq!(states(&moto).await, ["stopped"]);

    client.command("StartRuntime", of.clone()).await.ok();
    let again = account.becomes("runtimes", &runtime, "running").await;
    assert_eq!(again["provider_ref"], instance.as_str());

    client.command("DestroyRuntime", of).await.ok();
    let gone = async || {
        let look = client.get(&format!("/v1/views/runtimes/{runtime}")).await;
        (look.status == 404).then_some(())
    };
    wait_until("the runtime is gone", LONG, gone).await;
    assert_eq!(states(&moto).await, ["terminated"]);
}

async fn ask(client: &Client, method: Method, path: &str) -> Value {
    let request = client.request(method, &format!("/tropic/api{path}"));
    client.send(request).await.expect("an answer").ok().body
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_vm_of_a_tropic_user_is_an_instance_there() {
    let Some(moto) = Moto::start() else {
        return left_out("Tropic's VMs on EC2 (PyPI)", "REEF_TEST_PYTHON is not set");
    };
    let server = server_on(&moto).await;
    let Account { user: me, client, .. } = Account::of(&server.operator(), "tropic", "ada").await;

    let started = ask(&client, Method::POST, &format!("/vm/{me}/start")).await;
    let instance = started["instanceId"].as_str().expect("EC2 named it");
    assert!(instance.starts_with("i-"), "{started}");
    let path = format!("/vm/{me}/status");
    let becomes = async |wanted: &str| {
        let shown = async || {
            let shown = ask(&client, Method::GET, &path).await;
            (shown["status"] == wanted).then_some(shown)
        };
        wait_until(&format!("the VM is {wanted}"), LONG, shown).await
    };
    let up = becomes("running").await;
    assert!(up["publicIp"].is_string(), "{up}");
    assert_eq!(
        (&up["region"], &up["instanceId"]),
        (&json!("eu-west-1"), &started["instanceId"])
    );
    assert_eq!(states(&moto).await, ["running"]);

    ask(&client, Method::POST, &format!("/vm/{me}/stop")).await;
    becomes("stopped").await;
    assert_eq!(states(&moto).await, ["stopped"], "it keeps its disk");
    let again = ask(&client, Method::POST, &format!("/vm/{me}/start")).await;
    assert_eq!(again["instanceId"], started["instanceId"]);
    becomes("running").await;
}

//! Specs of the key pair: made with the runtime, given away once, and then nowhere.

use reef_domain::{account::Role, runtime::SshKey};
use reef_projections::views::runtime::{Runtimes, SshKeyState};
use serde_json::json;

use super::*;
use crate::{
    Answer, Request,
    ledger::GrantCredits,
    runtime::ProvisionRuntime,
    spec::{Member, World, body, code, kinds},
};

async fn scene() -> (World, Member, RuntimeId) {
    let world = World::new();
    let member = world.account("ada", Dialect::Tropic).await;
    let grant: GrantCredits = body(json!({ "account_id": member.account, "amount_micro": 1_000_000 }));
    world.operator(grant).await.unwrap();
    let provision: ProvisionRuntime = body(json!({}));
    let answer = world.by(&member.caller, provision).await.unwrap();
    let runtime = RuntimeId::from(answer.aggregate.id);
    (world, member, runtime)
}

async fn reveal(world: &World, member: &Member) -> Result<Answer, CommandError> {
    world.by(&member.caller, RevealSshKeyOnce::default()).await
}

async fn key(world: &World, runtime: &RuntimeId) -> SshKey {
    world.state::<Runtime>(runtime).await.ssh_key.unwrap()
}

fn shown(answer: &Answer) -> String {
    answer.result.as_ref().unwrap()["private_key"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[tokio::test]
async fn the_pair_fits_together_and_openssh_reads_it() {
    let (world, member, runtime) = scene().await;
    let public = key(&world, &runtime).await.public_key;
    let private = shown(&reveal(&world, &member).await.unwrap());
    let parsed = PrivateKey::from_openssh(&private).unwrap();
    assert_eq!(parsed.public_key().to_openssh().unwrap(), public);
    assert!(public.starts_with("ssh-ed25519 ") && public.ends_with(member.user.as_str()));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key.pem");
    std::fs::write(&path, &private).unwrap();
    let told = match std::process::Command::new("ssh-keygen")
        .args(["-l", "-f"])
        .arg(&path)
        .output()
    {
        Ok(told) => told,
        // Where OpenSSH is not installed, what was parsed above has to do.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return,
        Err(error) => panic!("{error}"),
    };
    let fingerprint = parsed.fingerprint(ssh_key::HashAlg::Sha256).to_string();
    let text = String::from_utf8_lossy(&told.stdout).into_owned();
    assert!(text.contains(&fingerprint), "{text}{told:?}");
}

#[tokio::test]
async fn a_second_call_finds_nothing_and_neither_does_one_before_there_is_a_runtime() {
    let world = World::new();
    let early = world.account("eve", Dialect::Tropic).await;
    assert_eq!(code(reveal(&world, &early).await), "ssh_key_not_found");
    let (world, member, runtime) = scene().await;
    let state = async || world.doc::<Runtimes>(&runtime).await.unwrap().ssh_key;
    assert_eq!(state().await, SshKeyState::Available);
    assert_eq!(kinds(&reveal(&world, &member).await.unwrap()), ["SshKeyRevealed"]);
    assert_eq!(state().await, SshKeyState::Revealed);
    assert_eq!(code(reveal(&world, &member).await), "ssh_key_not_found");
}

#[tokio::test]
async fn of_those_who_ask_at_once_one_has_it() {
    let (world, member, _) = scene().await;
    let asked = futures::future::join_all((0..10).map(|_| reveal(&world, &member))).await;
    let (had, refused): (Vec<_>, Vec<_>) = asked.into_iter().partition(Result::is_ok);
    assert_eq!(had.len(), 1);
    assert!(refused.into_iter().all(|one| code(one) == "ssh_key_not_found"));
}

#[tokio::test]
async fn an_idempotency_key_does_not_keep_it_readable() {
    let (world, member, _) = scene().await;
    let once = || Request::new(member.caller.clone(), "spec").once("key-1");
    let first = world.bus.execute(&RevealSshKeyOnce::default(), once()).await;
    shown(&first.unwrap());
    let again = world.bus.execute(&RevealSshKeyOnce::default(), once()).await;
    assert_eq!(code(again), "ssh_key_not_found");
}

#[tokio::test]
async fn it_is_in_no_event_and_only_its_owner_and_who_may_act_for_them_have_it() {
    let (world, member, runtime) = scene().await;
    let other = world.user(&member, Role::Member).await;
    let named = || RevealSshKeyOnce {
        runtime_id: Some(runtime.clone()),
        ..Default::default()
    };
    assert_eq!(code(world.by(&other.caller, named()).await), "not_your_user");
    let stranger = world.account("bob", Dialect::Tropic).await;
    assert_eq!(code(world.by(&stranger.caller, named()).await), "not_found");
    let private = shown(&world.by(&member.caller, named()).await.unwrap());
    let secret: String = private.lines().skip(1).take(2).collect();
    for envelope in world.store.events() {
        assert!(!envelope.event.to_payload().contains(&secret));
        assert!(!envelope.event.to_payload().contains("PRIVATE KEY"));
    }
}

#[tokio::test]
async fn other_dialects_have_none() {
    let world = World::new();
    let member = world.account("ada", Dialect::Thermidora).await;
    let grant: GrantCredits = body(json!({ "account_id": member.account, "amount_micro": 1_000_000 }));
    world.operator(grant).await.unwrap();
    let provision: ProvisionRuntime = body(json!({}));
    let answer = world.by(&member.caller, provision).await.unwrap();
    assert_eq!(world.state::<Runtime>(answer.aggregate.id).await.ssh_key, None);
}

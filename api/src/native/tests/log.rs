//! Checkpoints and proofs that somebody else can check.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use reef_commands::merkle::{Hash, verify_consistency, verify_inclusion};
use serde_json::Value;

use super::{OPERATOR, Rig};

fn hash(text: &Value) -> Hash {
    STANDARD
        .decode(text.as_str().unwrap())
        .unwrap()
        .try_into()
        .unwrap()
}

fn hashes(list: &Value) -> Vec<Hash> {
    list.as_array().unwrap().iter().map(hash).collect()
}

async fn checkpoint(rig: &Rig, key: &str) -> (u64, Hash) {
    let note = rig.get(key, "/v1/log/checkpoint").await.ok().text;
    let lines: Vec<_> = note.lines().collect();
    assert_eq!((lines[0], lines[3]), ("reef.test/log", ""));
    assert!(lines[4].starts_with("\u{2014} reef.test/log "));
    (lines[1].parse().unwrap(), hash(&lines[2].into()))
}

#[tokio::test]
async fn an_event_is_proved_to_be_under_the_checkpoint() {
    let rig = Rig::new().await;
    let account = rig.account("reef").await;
    rig.policy(&account.key, "one").await;
    let (size, root) = checkpoint(&rig, &account.key).await;
    let own = rig
        .get(&account.key, "/v1/events?types=PolicyCreated")
        .await
        .ok()
        .body[0]["position"]
        .as_u64()
        .unwrap();
    let proof = rig
        .get(
            &account.key,
            &format!("/v1/log/proof/inclusion?position={own}&size={size}"),
        )
        .await
        .ok()
        .body;
    let leaf = hash(&proof["leaf_hash"]);
    assert!(verify_inclusion(
        &leaf,
        own - 1,
        size,
        &hashes(&proof["proof"]),
        &root
    ));
    assert!(!verify_inclusion(
        &leaf,
        own - 2,
        size,
        &hashes(&proof["proof"]),
        &root
    ));
    assert_eq!(hash(&proof["root"]), root);
    rig.stop().await;
}

#[tokio::test]
async fn the_log_is_proved_to_have_only_grown() {
    let rig = Rig::new().await;
    let key = rig.account("reef").await.key;
    let (old, old_root) = checkpoint(&rig, OPERATOR).await;
    for number in 0..4 {
        rig.policy(&key, &number.to_string()).await;
    }
    let (new, new_root) = checkpoint(&rig, OPERATOR).await;
    let proof = rig
        .get(
            OPERATOR,
            &format!("/v1/log/proof/consistency?from={old}&to={new}"),
        )
        .await
        .ok()
        .body;
    assert!(verify_consistency(
        old,
        &old_root,
        new,
        &new_root,
        &hashes(&proof["proof"])
    ));
    let problem = rig
        .get(
            OPERATOR,
            &format!("/v1/log/proof/consistency?from={new}&to={old}"),
        )
        .await;
    assert_eq!(problem.problem(400, "invalid_parameter").body["field"], "from");
    rig.stop().await;
}

#[tokio::test]
async fn others_events_are_not_proved_to_an_account() {
    let rig = Rig::new().await;
    let (mine, theirs) = (rig.account("mine").await, rig.account("theirs").await);
    rig.policy(&theirs.key, "theirs").await;
    let position = rig.state.0.head();
    let path = format!("/v1/log/proof/inclusion?position={position}");
    rig.get(&mine.key, &path).await.problem(404, "not_found");
    rig.get(&theirs.key, &path).await.ok();
    rig.get(OPERATOR, &path).await.ok();
    rig.get(OPERATOR, "/v1/log/proof/inclusion?position=0")
        .await
        .problem(404, "not_found");
    rig.stop().await;
}

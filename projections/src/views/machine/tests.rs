//! Specs of the views of machines.

use reef_domain::machine::MachineEvent as Did;

use super::*;
use crate::views::tests::log::{at, doc};

fn registered() -> Did {
    Did::Registered {
        machine_id: "inst_1".into(),
        account_id: "acc_1".into(),
        user_id: "usr_1".into(),
        kind: MachineKind::Local,
        name: "My MacBook".to_owned(),
        description: Some("At home".to_owned()),
        code_hash: Some("code".to_owned()),
        code_expires_at: Some(at(9)),
        runtime_id: None,
    }
}

fn activated() -> Did {
    Did::Activated {
        code_hash: "code".to_owned(),
        token_hash: "token".to_owned(),
        runtime_id: "rt_1".into(),
    }
}

fn removed() -> Did {
    Did::Removed {
        code_hash: None,
        token_hash: Some("token".to_owned()),
    }
}

fn machine(events: impl IntoIterator<Item = Did>) -> Option<MachineDoc> {
    doc::<Machines>("inst_1", "inst_1", events)
}

fn credential(hash: &str, events: impl IntoIterator<Item = Did>) -> Option<MachineCredentialDoc> {
    doc::<MachineCredentials>("inst_1", hash, events)
}

#[test]
fn a_machine_is_shown_without_its_hashes() {
    let pending = machine([registered()]).unwrap();
    assert_eq!(
        (pending.status, pending.code_expires_at),
        (MachineStatus::Pending, Some(at(9)))
    );
    let active = machine([registered(), activated()]).unwrap();
    assert_eq!(
        (active.status, active.activated_at, active.code_expires_at),
        (MachineStatus::Active, Some(at(2)), None)
    );
    assert_eq!(active.runtime_id, Some("rt_1".into()));
    let text = serde_json::to_string(&active).unwrap();
    assert!(!text.contains("\"code\"") && !text.contains("token"));
}

#[test]
fn an_update_replaces_name_and_description() {
    let updated = Did::Updated {
        name: "Work Laptop".to_owned(),
        description: None,
    };
    let doc = machine([registered(), updated]).unwrap();
    assert_eq!((doc.name.as_str(), doc.description), ("Work Laptop", None));
    assert_eq!(doc.updated_at, at(2));
}

#[test]
fn a_removed_machine_has_left_the_list() {
    assert_eq!(machine([registered(), activated(), removed()]), None);
}

#[test]
fn a_code_stands_for_its_machine_until_it_is_used_and_then_the_token_does() {
    assert!(!credential("code", [registered()]).unwrap().is_token);
    assert_eq!(credential("code", [registered(), activated()]), None);
    let token = credential("token", [registered(), activated()]).unwrap();
    assert!(token.is_token && token.machine_id.as_str() == "inst_1");
    assert_eq!(credential("token", [registered(), activated(), removed()]), None);
}

#[test]
fn the_code_of_a_machine_removed_before_its_activation_stands_for_nothing() {
    let removed = Did::Removed {
        code_hash: Some("code".to_owned()),
        token_hash: None,
    };
    assert_eq!(credential("code", [registered(), removed]), None);
}

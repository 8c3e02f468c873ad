//! Specs of the view of settings.

use reef_domain::settings::{CommandBundle, SettingsEvent as Did};

use super::*;
use crate::views::tests::log::doc;

fn bundles(bundles: &[CommandBundle]) -> Did {
    Did::CommandBundlesSet {
        account_id: "acc_1".into(),
        user_id: "usr_1".into(),
        bundles: bundles.to_vec(),
    }
}

#[test]
fn each_part_is_replaced_on_its_own() {
    let rules = Did::FirewallRulesReplaced {
        account_id: "acc_1".into(),
        user_id: "usr_1".into(),
        rules: [(22, vec!["203.0.113.45/32".parse().unwrap()])].into(),
    };
    let events = [bundles(&[CommandBundle::OsCommands]), rules, bundles(&[])];
    let doc = doc::<Settings>("usr_1", "usr_1", events).unwrap();
    assert!(doc.saved && doc.bundles.is_empty());
    assert_eq!(
        serde_json::to_value(&doc).unwrap()["firewall"]["22"][0],
        "203.0.113.45/32"
    );
}

#[test]
fn the_migrated_policy_is_shown_until_the_bundles_change() {
    let migrated = |source: &str| Did::MigratedToPolicy {
        account_id: "acc_1".into(),
        user_id: "usr_1".into(),
        source: source.to_owned(),
        policy_id: "pol_1".into(),
    };
    let policy = |events: Vec<Did>| {
        doc::<Settings>("usr_1", "usr_1", events)
            .unwrap()
            .migrated_policy_id
    };
    assert_eq!(policy(vec![bundles(&[]), migrated("")]), Some("pol_1".into()));
    assert_eq!(policy(vec![migrated("tmpl_x")]), None);
    assert_eq!(policy(vec![bundles(&[]), migrated(""), bundles(&[])]), None);
}

#[test]
fn what_the_runtime_took_is_in_force_until_then_it_is_pending() {
    let block: Cidr = "203.0.113.45/32".parse().unwrap();
    let captured = Did::CallerIpCaptured {
        account_id: "acc_1".into(),
        user_id: "usr_1".into(),
        port: 22,
        block,
    };
    let pushed = |on: &[CommandBundle]| Did::Pushed {
        account_id: "acc_1".into(),
        user_id: "usr_1".into(),
        runtime_id: "rt_1".into(),
        bundles: on.to_vec(),
    };
    let applied = Did::FirewallApplied {
        account_id: "acc_1".into(),
        user_id: "usr_1".into(),
        runtime_id: "rt_1".into(),
        rules: [(22, vec![block])].into(),
    };
    let on = [CommandBundle::OsCommands];
    let mut events = vec![bundles(&on), captured, pushed(&on)];
    let pending = doc::<Settings>("usr_1", "usr_1", events.clone()).unwrap();
    assert!(pending.pending_sync && pending.in_force.bundles == on);
    assert_eq!(
        (pending.captured, &pending.firewall[&22]),
        (Some(block), &vec![block])
    );
    events.push(applied);
    let taken = doc::<Settings>("usr_1", "usr_1", events.clone()).unwrap();
    assert!(!taken.pending_sync && taken.in_force.firewall == taken.firewall);
    assert_eq!(taken.in_force.runtime_id, Some("rt_1".into()));
    events.push(bundles(&[]));
    assert!(doc::<Settings>("usr_1", "usr_1", events).unwrap().pending_sync);
}

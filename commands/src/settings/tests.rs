//! Specs of the commands of settings.

use reef_domain::{Dialect, account::Role};
use reef_projections::views::settings::Settings as SettingsView;

use super::*;
use crate::spec::{World, code, kinds};

fn firewall(rules: &[(&str, &str)]) -> ReplaceFirewallRules {
    let rules = rules
        .iter()
        .map(|(port, block)| ((*port).to_owned(), vec![(*block).to_owned()]))
        .collect();
    ReplaceFirewallRules {
        rules,
        ..Default::default()
    }
}

#[tokio::test]
async fn a_user_sets_its_own() {
    let world = World::new();
    let member = world.account("acme", Dialect::Tropic).await;
    let bundles = vec![CommandBundle::OsCommands, CommandBundle::BrowserSearch];
    let set = SetCommandBundles {
        bundles,
        ..Default::default()
    };
    assert_eq!(
        kinds(&world.by(&member.caller, set).await.unwrap()),
        ["CommandBundlesSet"]
    );
    world
        .by(&member.caller, firewall(&[("22", "203.0.113.45/32")]))
        .await
        .unwrap();
    let doc = world.doc::<SettingsView>(&member.user).await.unwrap();
    assert_eq!(
        doc.bundles,
        [CommandBundle::BrowserSearch, CommandBundle::OsCommands]
    );
    assert_eq!(doc.firewall[&22][0].to_string(), "203.0.113.45/32");
}

#[tokio::test]
async fn a_bad_rule_changes_nothing() {
    let world = World::new();
    let member = world.account("acme", Dialect::Tropic).await;
    world
        .by(&member.caller, firewall(&[("22", "10.0.0.0/8")]))
        .await
        .unwrap();
    let bad = firewall(&[("22", "0.0.0.0/0"), ("443", "10.0.0.1/8")]);
    assert_eq!(code(world.by(&member.caller, bad).await), "cidr_invalid");
    assert_eq!(
        code(world.by(&member.caller, firewall(&[("0", "::/0")])).await),
        "port_invalid"
    );
    let doc = world.doc::<SettingsView>(&member.user).await.unwrap();
    assert_eq!(doc.firewall[&22][0].to_string(), "10.0.0.0/8");
}

#[tokio::test]
async fn settings_of_others_take_an_owner_or_admin() {
    let world = World::new();
    let owner = world.account("acme", Dialect::Tropic).await;
    let member = world.user(&owner, Role::Member).await;
    let set = |user: &UserId| SetCommandBundles {
        user_id: Some(user.clone()),
        ..Default::default()
    };
    assert_eq!(
        code(world.by(&member.caller, set(&owner.user)).await),
        "not_your_user"
    );
    world.by(&owner.caller, set(&member.user)).await.unwrap();
    let stranger = world.account("other", Dialect::Tropic).await;
    assert_eq!(
        code(world.by(&stranger.caller, set(&member.user)).await),
        "not_found"
    );
}

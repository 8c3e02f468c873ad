//! Specs of the settings.

use super::{CommandBundle as Bundle, SettingsCommand as Do, SettingsEvent as Did, SettingsRefusal as No, *};
use crate::spec::given;

fn set(bundles: &[Bundle]) -> Do {
    Do::SetCommandBundles {
        account_id: "acc_1".into(),
        user_id: "usr_1".into(),
        bundles: bundles.to_vec(),
    }
}

fn bundles_set(bundles: &[Bundle]) -> Did {
    Did::CommandBundlesSet {
        account_id: "acc_1".into(),
        user_id: "usr_1".into(),
        bundles: bundles.to_vec(),
    }
}

fn replace(rules: &[(&str, &[&str])]) -> Do {
    let blocks = |blocks: &[&str]| blocks.iter().map(ToString::to_string).collect();
    let rules = rules
        .iter()
        .map(|(port, cidrs)| ((*port).to_owned(), blocks(cidrs)))
        .collect();
    Do::ReplaceFirewallRules {
        account_id: "acc_1".into(),
        user_id: "usr_1".into(),
        rules,
    }
}

fn replaced(rules: &[(u16, &[&str])]) -> Did {
    let blocks = |blocks: &[&str]| blocks.iter().map(|block| block.parse().unwrap()).collect();
    let rules = rules.iter().map(|(port, cidrs)| (*port, blocks(cidrs))).collect();
    Did::FirewallRulesReplaced {
        account_id: "acc_1".into(),
        user_id: "usr_1".into(),
        rules,
    }
}

#[test]
fn bundles_stand_in_their_order_each_once() {
    given::<Settings>([])
        .when(set(&[
            Bundle::OsCommands,
            Bundle::BrowserSearch,
            Bundle::OsCommands,
        ]))
        .then([bundles_set(&[Bundle::BrowserSearch, Bundle::OsCommands])])
        .when(set(&[Bundle::BrowserSearch, Bundle::OsCommands]))
        .nothing()
        .when(set(&[]))
        .then([bundles_set(&[])]);
}

#[test]
fn the_first_saving_counts_even_when_empty() {
    let done = given::<Settings>([]).when(set(&[])).then([bundles_set(&[])]);
    assert!(done.state().saved);
}

#[test]
fn firewall_rules_are_replaced_whole() {
    given::<Settings>([])
        .when(replace(&[
            ("22", &["203.0.113.45/32", "203.0.113.45/32"]),
            ("443", &["0.0.0.0/0", "::/0"]),
        ]))
        .then([replaced(&[
            (22, &["203.0.113.45/32"]),
            (443, &["0.0.0.0/0", "::/0"]),
        ])])
        .when(replace(&[
            ("22", &["203.0.113.45/32"]),
            ("443", &["0.0.0.0/0", "::/0"]),
        ]))
        .nothing()
        .when(replace(&[("18789", &[])]))
        .then([replaced(&[(18789, &[])])]);
}

#[test]
fn ports_are_numbers_up_to_65535() {
    for port in ["", "0", "65536", "-1", "+22", "022", "ssh", "2 2", "٢٢"] {
        given::<Settings>([])
            .when(replace(&[(port, &[])]))
            .refused(No::PortInvalid);
    }
}

#[test]
fn one_bad_block_changes_nothing() {
    let bad = [
        ("10.0.0.0", CidrError::Malformed),
        ("10.0.0/8", CidrError::Malformed),
        ("010.0.0.0/8", CidrError::Malformed),
        ("10.0.0.0/", CidrError::Malformed),
        ("10.0.0.0/+8", CidrError::Malformed),
        ("10.0.0.0/08", CidrError::Malformed),
        ("10.0.0.0/8/8", CidrError::Malformed),
        ("example.org/8", CidrError::Malformed),
        ("10.0.0.0/33", CidrError::PrefixTooLong),
        ("::/129", CidrError::PrefixTooLong),
        ("::/999", CidrError::PrefixTooLong),
        ("10.0.0.1/8", CidrError::HostBits),
        ("2001:db8::1/32", CidrError::HostBits),
    ];
    for (block, reason) in bad {
        given::<Settings>([])
            .when(replace(&[("22", &["10.0.0.0/8", block])]))
            .refused(No::CidrInvalid { port: 22, reason });
    }
}

#[test]
fn absurdly_many_rules_are_refused() {
    let ports: Vec<String> = (1..=101).map(|port: u16| port.to_string()).collect();
    let rules: Vec<(&str, &[&str])> = ports.iter().map(|port| (port.as_str(), &[][..])).collect();
    given::<Settings>([])
        .when(replace(&rules))
        .refused(No::TooManyRules);
}

#[test]
fn a_migrated_policy_is_remembered_until_the_bundles_change() {
    let record = |policy: &str| Do::RecordMigration {
        account_id: "acc_1".into(),
        user_id: "usr_1".into(),
        source: String::new(),
        policy_id: policy.into(),
    };
    let migrated = |policy: &str| Did::MigratedToPolicy {
        account_id: "acc_1".into(),
        user_id: "usr_1".into(),
        source: String::new(),
        policy_id: policy.into(),
    };
    let done = given::<Settings>([bundles_set(&[])])
        .when(record("pol_1"))
        .then([migrated("pol_1")])
        .when(record("pol_1"))
        .nothing()
        .when(replace(&[("22", &["0.0.0.0/0"])]))
        .then([replaced(&[(22, &["0.0.0.0/0"])])]);
    assert_eq!(done.state().migrated[""], PolicyId::from("pol_1"));
    let done = done
        .when(set(&[Bundle::OsCommands]))
        .then([bundles_set(&[Bundle::OsCommands])]);
    assert!(done.state().migrated.is_empty());
}

#[test]
fn names_of_bundles_are_their_serialised_names() {
    for bundle in Bundle::ALL {
        assert_eq!(
            serde_json::to_string(&bundle).unwrap(),
            format!("\"{}\"", bundle.name())
        );
        assert_eq!(Bundle::from_name(bundle.name()), Some(bundle));
    }
    assert_eq!(Bundle::from_name("everything"), None);
}

fn capture(ip: &str) -> Do {
    Do::CaptureCallerIp {
        account_id: "acc_1".into(),
        user_id: "usr_1".into(),
        ip: ip.parse().unwrap(),
    }
}

fn captured(block: &str) -> Did {
    Did::CallerIpCaptured {
        account_id: "acc_1".into(),
        user_id: "usr_1".into(),
        port: 22,
        block: block.parse().unwrap(),
    }
}

/// The blocks of the SSH port after these events.
fn ssh(events: &[Did]) -> Vec<String> {
    let mut settings = Settings::default();
    for event in events {
        settings.evolve(event);
    }
    let blocks = settings.firewall.get(&SSH_PORT).into_iter().flatten();
    blocks.map(ToString::to_string).collect()
}

#[test]
fn the_address_a_runtime_is_started_from_is_let_in_instead_of_the_last_one() {
    given::<Settings>([])
        .when(capture("203.0.113.45"))
        .then([captured("203.0.113.45/32")]);
    given::<Settings>([captured("203.0.113.45/32")])
        .when(capture("::ffff:203.0.113.45"))
        .then([]);
    given::<Settings>([])
        .when(capture("2001:db8::1"))
        .then([captured("2001:db8::1/128")]);
    let own = replaced(&[(22, &["198.51.100.0/24"]), (443, &["0.0.0.0/0"])]);
    let (first, second) = (captured("203.0.113.45/32"), captured("203.0.113.46/32"));
    assert_eq!(
        ssh(&[own.clone(), first.clone(), second]),
        ["198.51.100.0/24", "203.0.113.46/32"]
    );
    assert_eq!(ssh(&[first, own]), ["198.51.100.0/24"]);
}

#[test]
fn what_the_user_wrote_does_not_go_with_the_next_address() {
    let own = || replaced(&[(22, &["203.0.113.45/32"])]);
    given::<Settings>([own()]).when(capture("203.0.113.45")).then([]);
    assert_eq!(
        ssh(&[own(), captured("203.0.113.46/32"), captured("203.0.113.47/32")]),
        ["203.0.113.45/32", "203.0.113.47/32"]
    );
    // Written down as it was captured, it is the user's own from then on.
    given::<Settings>([captured("203.0.113.45/32")])
        .when(replace(&[("22", &["203.0.113.45/32"])]))
        .then([own()]);
    // Back at an address the user let in, the captured one goes.
    given::<Settings>([own(), captured("203.0.113.46/32")])
        .when(capture("203.0.113.45"))
        .then([captured("203.0.113.45/32")]);
    assert_eq!(
        ssh(&[own(), captured("203.0.113.46/32"), captured("203.0.113.45/32")]),
        ["203.0.113.45/32"]
    );
}

#[test]
fn what_a_runtime_took_is_news_once() {
    let took = |runtime: &str, bundles: &[Bundle]| Do::ReportPushed {
        account_id: "acc_1".into(),
        user_id: "usr_1".into(),
        runtime_id: runtime.into(),
        bundles: bundles.to_vec(),
        rules: BTreeMap::new(),
    };
    let pushed = |runtime: &str, bundles: &[Bundle]| Did::Pushed {
        account_id: "acc_1".into(),
        user_id: "usr_1".into(),
        runtime_id: runtime.into(),
        bundles: bundles.to_vec(),
    };
    let applied = |runtime: &str| Did::FirewallApplied {
        account_id: "acc_1".into(),
        user_id: "usr_1".into(),
        runtime_id: runtime.into(),
        rules: BTreeMap::new(),
    };
    given::<Settings>([])
        .when(took("rt_1", &[]))
        .then([pushed("rt_1", &[]), applied("rt_1")]);
    given::<Settings>([pushed("rt_1", &[]), applied("rt_1")])
        .when(took("rt_1", &[]))
        .then([]);
    given::<Settings>([pushed("rt_1", &[]), applied("rt_1")])
        .when(took("rt_1", &[Bundle::OsCommands]))
        .then([pushed("rt_1", &[Bundle::OsCommands])]);
    given::<Settings>([pushed("rt_1", &[]), applied("rt_1")])
        .when(took("rt_2", &[]))
        .then([pushed("rt_2", &[]), applied("rt_2")]);
}

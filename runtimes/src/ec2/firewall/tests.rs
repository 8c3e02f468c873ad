//! Rules that are there against rules that are wanted.

use super::*;

fn settings(rules: &[(&str, &[&str])]) -> BTreeMap<String, Vec<String>> {
    let blocks = |blocks: &[&str]| blocks.iter().map(|block| (*block).to_owned()).collect();
    rules
        .iter()
        .map(|(port, cidrs)| ((*port).to_owned(), blocks(cidrs)))
        .collect()
}

fn opening(port: u16, block: &str) -> Opening {
    let (network, bits) = network(block).unwrap();
    Opening { port, network, bits }
}

fn rule(id: &str, opens: Option<Opening>) -> Rule {
    Rule {
        id: id.to_owned(),
        opens,
    }
}

#[test]
fn blocks_are_written_as_ec2_writes_them() {
    let cidr = |block: &str| opening(22, block).cidr();
    assert_eq!(cidr("203.0.113.7/32"), "203.0.113.7/32");
    assert_eq!(cidr("203.0.113.7"), "203.0.113.7/32");
    assert_eq!(cidr("203.0.113.7/24"), "203.0.113.0/24");
    assert_eq!(cidr("0.0.0.0/0"), "0.0.0.0/0");
    assert_eq!(cidr("2001:DB8:0:0::7/32"), "2001:db8::/32");
    assert_eq!(cidr("::/0"), "::/0");
    assert_eq!(cidr("2001:db8::7"), "2001:db8::7/128");
}

#[test]
fn what_no_group_can_have_is_refused_and_named() {
    for (port, block) in [
        ("0", "::/0"),
        ("65536", "::/0"),
        ("ssh", "::/0"),
        ("22", "10.0.0.0/33"),
        ("22", "x"),
    ] {
        let error = wanted(&settings(&[(port, &[block])])).unwrap_err();
        assert!(matches!(&error, DriverError::Permanent(_)), "{error:?}");
    }
}

#[test]
fn the_difference_is_exactly_what_is_done() {
    let wanted = wanted(&settings(&[
        ("22", &["203.0.113.7/32", "2001:db8::/32"]),
        ("443", &["0.0.0.0/0"]),
        ("80", &[]),
    ]))
    .unwrap();
    let present = [
        rule("sgr-kept", Some(opening(443, "0.0.0.0/0"))),
        rule("sgr-twice", Some(opening(443, "0.0.0.0/0"))),
        rule("sgr-old", Some(opening(22, "198.51.100.0/24"))),
        rule("sgr-all-protocols", None),
    ];
    let changes = changes(&present, &wanted);
    assert_eq!(
        changes.missing,
        [opening(22, "203.0.113.7/32"), opening(22, "2001:db8::/32")]
    );
    assert_eq!(changes.surplus, ["sgr-twice", "sgr-old", "sgr-all-protocols"]);
}

#[test]
fn the_same_rules_change_nothing() {
    let wanted = wanted(&settings(&[("22", &["203.0.113.7/32"])])).unwrap();
    let present = [rule("sgr-1", Some(opening(22, "203.0.113.7/32")))];
    assert!(!changes(&present, &wanted).is_any());
}

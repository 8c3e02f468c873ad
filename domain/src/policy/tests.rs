//! Specs of the policy; those of its rules and of the matcher are in [`matching`].

use super::{
    ParseError, PolicyCommand as Do, PolicyEvent as Did, PolicyRefusal as No, rules::ParseReason, *,
};
use crate::spec::given;

mod matching;

const RULES: &str = "ALLOW: browse any public website\r\n\n  REQUIRE  CONFIRM : download files\nDENY: sudo\n";

fn create(name: &str, rules: &str) -> Do {
    Do::Create {
        policy_id: "pol_1".into(),
        account_id: "acc_1".into(),
        user_id: "usr_1".into(),
        name: name.to_owned(),
        rules: rules.to_owned(),
        origin: Origin::Manual,
    }
}

fn created() -> Did {
    Did::Created {
        policy_id: "pol_1".into(),
        account_id: "acc_1".into(),
        user_id: "usr_1".into(),
        name: "Strict".to_owned(),
        rules: RULES.to_owned(),
        origin: Origin::Manual,
    }
}

fn update(name: Option<&str>, rules: Option<&str>) -> Do {
    Do::Update {
        name: name.map(ToOwned::to_owned),
        rules: rules.map(ToOwned::to_owned),
    }
}

#[test]
fn rules_are_kept_byte_for_byte() {
    given::<Policy>([])
        .when(create(" Strict ", RULES))
        .then([created()]);
}

#[test]
fn a_migrated_policy_may_be_empty() {
    let Do::Create {
        policy_id,
        account_id,
        user_id,
        name,
        ..
    } = create("x", "")
    else {
        panic!("a creation")
    };
    let (rules, origin) = (String::new(), Origin::Migrated);
    let migrate = Do::Create {
        policy_id,
        account_id,
        user_id,
        name,
        rules,
        origin,
    };
    let done = given::<Policy>([]).when(migrate);
    assert_eq!(done.outcome().as_ref().map(Vec::len), Ok(1));
}

#[test]
fn an_id_is_used_once() {
    given::<Policy>([created()])
        .when(create("x", RULES))
        .refused(No::PolicyAlreadyExists);
    given::<Policy>([created(), Did::Deleted {}])
        .when(create("x", RULES))
        .refused(No::PolicyAlreadyExists);
}

#[test]
fn the_first_bad_line_is_named() {
    let refused = |rules: &str, line, reason| {
        let refusal = No::RulesInvalid(ParseError { line, reason });
        given::<Policy>([]).when(create("x", rules)).refused(refusal);
        given::<Policy>([created()])
            .when(update(None, Some(rules)))
            .refused(refusal);
    };
    refused("ALLOW: a\n\nMAYBE: b\nDENY", 3, ParseReason::VerbMissing);
    refused("ALLOW browse", 1, ParseReason::VerbMissing);
    refused("allow: browse", 1, ParseReason::VerbMissing);
    refused("REQUIRECONFIRM: a", 1, ParseReason::VerbMissing);
    refused("ALLOW:   ", 1, ParseReason::TextMissing);
    refused("ALLOW: a\nDENY: !?", 2, ParseReason::NoWords);
    refused("DENY: \"\"", 1, ParseReason::NoWords);
    refused("DENY: a\0", 1, ParseReason::Unstorable);
    refused("", 1, ParseReason::Empty);
    refused(" \n\t\n", 1, ParseReason::Empty);
    refused(&"DENY: a\n".repeat(1001), 1001, ParseReason::TooLong);
    refused(&format!("DENY: {}", "a".repeat(70_000)), 1, ParseReason::TooLong);
    let message = No::RulesInvalid(ParseError {
        line: 3,
        reason: ParseReason::VerbMissing,
    })
    .to_string();
    assert_eq!(
        message,
        "line 3: a rule starts with ALLOW:, REQUIRE CONFIRM: or DENY:"
    );
}

#[test]
fn only_what_differs_is_updated() {
    given::<Policy>([created()]).when(update(None, None)).nothing();
    given::<Policy>([created()])
        .when(update(Some("Strict"), Some(RULES)))
        .nothing();
    given::<Policy>([created()])
        .when(update(Some("Loose"), Some(RULES)))
        .then([Did::Updated {
            name: Some("Loose".to_owned()),
            rules: None,
        }]);
    given::<Policy>([created()])
        .when(update(Some(""), None))
        .refused(No::NameInvalid);
}

#[test]
fn a_deleted_policy_is_gone() {
    let done = given::<Policy>([created()])
        .when(Do::Delete)
        .then([Did::Deleted {}]);
    assert!(done.state().is_gone());
    done.when(Do::Delete)
        .refused(No::PolicyNotFound)
        .when(update(Some("a"), None))
        .refused(No::PolicyNotFound);
    given::<Policy>([]).when(Do::Delete).refused(No::PolicyNotFound);
}

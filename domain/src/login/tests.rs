//! Specs of signing in.

use super::{LoginCommand as Do, LoginEvent as Did, LoginRefusal as No, *};
use crate::spec::given;

fn at(minutes: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::minutes(minutes)
}

fn request(code: &str, minutes: i64) -> Do {
    Do::Request {
        account_id: "acc_1".into(),
        code_digest: code.to_owned(),
        code: format!("vault_{code}").into(),
        now: at(minutes),
    }
}

fn requested(code: &str, minutes: i64) -> Did {
    Did::Requested {
        account_id: "acc_1".into(),
        code_digest: code.to_owned(),
        code: format!("vault_{code}").into(),
        requested_at: at(minutes),
        expires_at: at(minutes + 10),
    }
}

fn verify(code: &str, minutes: i64) -> Do {
    Do::Verify {
        code_digest: code.to_owned(),
        now: at(minutes),
    }
}

fn voided(reason: LoginVoidReason) -> Did {
    Did::Voided { reason }
}

#[test]
fn a_right_code_works_once() {
    given::<Login>([])
        .when(request("a", 0))
        .then([requested("a", 0)])
        .when(verify("a", 9))
        .then([Did::Verified {}])
        .when(verify("a", 9))
        .refused(No::CodeNotValid);
}

#[test]
fn a_new_code_replaces_the_one_before() {
    given::<Login>([requested("a", 0)])
        .when(request("b", 1))
        .then([requested("b", 1)])
        .when(verify("a", 2))
        .then([Did::Refused {}])
        .when(verify("b", 2))
        .then([Did::Verified {}]);
}

#[test]
fn a_code_lapses_after_ten_minutes() {
    given::<Login>([requested("a", 0)])
        .when(verify("a", 10))
        .then([voided(LoginVoidReason::Lapsed)])
        .when(verify("a", 9))
        .refused(No::CodeNotValid);
}

#[test]
fn the_fifth_wrong_code_voids_the_right_one() {
    let mut so_far = given::<Login>([requested("a", 0)]);
    for _ in 1..5 {
        so_far = so_far.when(verify("x", 1)).then([Did::Refused {}]);
    }
    so_far
        .when(verify("x", 1))
        .then([Did::Refused {}, voided(LoginVoidReason::Tries)])
        .when(verify("a", 1))
        .refused(No::CodeNotValid);
}

#[test]
fn tries_are_counted_anew_for_each_code() {
    let wrong = || std::iter::repeat_n(Did::Refused {}, 4);
    let before = [requested("a", 0)].into_iter().chain(wrong());
    given::<Login>(before.chain([requested("b", 1)]).chain(wrong()))
        .when(verify("b", 2))
        .then([Did::Verified {}]);
}

#[test]
fn five_codes_an_hour() {
    let five = (0..5).map(|minute| requested("a", minute));
    given::<Login>(five)
        .when(request("b", 59))
        .refused(No::TooManyCodes)
        .when(request("b", 60))
        .then([requested("b", 60)])
        .when(request("c", 60))
        .refused(No::TooManyCodes);
}

#[test]
fn what_is_replaced_or_lapsed_is_awaited_no_longer() {
    let login = given::<Login>([requested("a", 0), requested("b", 1)]);
    let awaits = |code: &str, minutes| login.state().awaits(&code.into(), at(minutes));
    assert!(!awaits("vault_a", 2));
    assert!(awaits("vault_b", 2));
    assert!(!awaits("vault_b", 11));
}

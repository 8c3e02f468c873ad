//! Specs of the invite code.

use super::{InviteCodeCommand as Do, InviteCodeEvent as Did, InviteCodeRefusal as No, *};
use crate::spec::given;

fn issue(uses: u32) -> Do {
    Do::Issue {
        invite_code_id: "0a".into(),
        dialect: Dialect::Thermidora,
        uses,
    }
}

fn issued(uses: u32) -> Did {
    Did::Issued {
        invite_code_id: "0a".into(),
        dialect: Dialect::Thermidora,
        uses,
    }
}

fn redeem(account: &str) -> Do {
    Do::Redeem {
        dialect: Dialect::Thermidora,
        account_id: account.into(),
    }
}

fn redeemed(account: &str) -> Did {
    Did::Redeemed {
        account_id: account.into(),
    }
}

#[test]
fn a_code_works_as_often_as_it_was_issued_for() {
    given::<InviteCode>([])
        .when(issue(2))
        .then([issued(2)])
        .when(redeem("acc_1"))
        .then([redeemed("acc_1")])
        .when(redeem("acc_2"))
        .then([redeemed("acc_2")])
        .when(redeem("acc_3"))
        .refused(No::InviteCodeUsed);
}

#[test]
fn what_was_never_issued_opens_nothing() {
    given::<InviteCode>([])
        .when(redeem("acc_1"))
        .refused(No::InviteCodeUnknown);
}

#[test]
fn a_code_of_one_dialect_opens_no_account_of_another() {
    let elsewhere = Do::Redeem {
        dialect: Dialect::Tropic,
        account_id: "acc_1".into(),
    };
    given::<InviteCode>([issued(1)])
        .when(elsewhere)
        .refused(No::InviteCodeUnknown)
        .when(redeem("acc_1"))
        .then([redeemed("acc_1")]);
}

#[test]
fn a_code_is_issued_once_and_for_some_uses() {
    given::<InviteCode>([issued(1)])
        .when(issue(5))
        .refused(No::InviteCodeAlreadyIssued);
    for uses in [0, InviteCode::MAX_USES + 1] {
        given::<InviteCode>([]).when(issue(uses)).refused(No::UsesInvalid);
    }
}

#[test]
fn what_was_taken_back_opens_nothing() {
    given::<InviteCode>([issued(2), redeemed("acc_1")])
        .when(Do::Revoke)
        .then([Did::Revoked {}])
        .when(redeem("acc_2"))
        .refused(No::InviteCodeUnknown);
    given::<InviteCode>([issued(1), Did::Revoked {}])
        .when(Do::Revoke)
        .then([]);
    given::<InviteCode>([])
        .when(Do::Revoke)
        .refused(No::InviteCodeUnknown);
}

//! Specs of the machine.

use chrono::TimeDelta;

use super::{MachineCommand as Do, MachineEvent as Did, MachineRefusal as No, *};
use crate::spec::given;

fn at(hours: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::hours(hours)
}

fn hash(of: char) -> String {
    of.to_string().repeat(64)
}

fn register(name: &str, activation: Option<(String, DateTime<Utc>)>) -> Do {
    Do::Register {
        machine_id: "inst_1".into(),
        account_id: "acc_1".into(),
        user_id: "usr_1".into(),
        name: name.to_owned(),
        description: Some(" Local development machine ".to_owned()),
        runtime_id: activation.is_none().then(|| "rt_1".into()),
        activation,
    }
}

fn registered(kind: MachineKind) -> Did {
    let local = kind == MachineKind::Local;
    Did::Registered {
        machine_id: "inst_1".into(),
        account_id: "acc_1".into(),
        user_id: "usr_1".into(),
        kind,
        name: "My MacBook".to_owned(),
        description: Some("Local development machine".to_owned()),
        code_hash: local.then(|| hash('c')),
        code_expires_at: local.then(|| at(24)),
        runtime_id: (!local).then(|| "rt_1".into()),
    }
}

fn local() -> Did {
    registered(MachineKind::Local)
}

fn activate(code: char, hours: i64) -> Do {
    Do::Activate {
        code_hash: hash(code),
        token_hash: hash('d'),
        runtime_id: "rt_2".into(),
        now: at(hours),
    }
}

fn activated() -> Did {
    Did::Activated {
        code_hash: hash('c'),
        token_hash: hash('d'),
        runtime_id: "rt_2".into(),
    }
}

fn update(name: Option<&str>, description: Change<&str>) -> Do {
    Do::Update {
        name: name.map(str::to_owned),
        description: match description {
            Change::Keep => Change::Keep,
            Change::Clear => Change::Clear,
            Change::Set(text) => Change::Set(text.to_owned()),
        },
    }
}

#[test]
fn a_persons_machine_waits_for_its_code_and_one_of_ours_needs_none() {
    let pending = given::<Machine>([])
        .when(register(" My MacBook ", Some((hash('c'), at(24)))))
        .then([local()]);
    assert_eq!(pending.state().status, MachineStatus::Pending);
    let cloud = given::<Machine>([])
        .when(register("My MacBook", None))
        .then([registered(MachineKind::Cloud)]);
    assert_eq!(cloud.state().status, MachineStatus::Active);
    cloud.when(activate('c', 1)).refused(No::CodeUnknown);
}

#[test]
fn it_is_registered_once() {
    given::<Machine>([local()])
        .when(register("Other", None))
        .refused(No::MachineAlreadyRegistered);
    given::<Machine>([])
        .when(register(" ", None))
        .refused(No::NameInvalid)
        .when(register("My MacBook", Some(("short".to_owned(), at(24)))))
        .refused(No::HashInvalid);
}

#[test]
fn the_code_works_once_and_in_time() {
    given::<Machine>([local()])
        .when(activate('e', 1))
        .refused(No::CodeUnknown)
        .when(activate('c', 24))
        .refused(No::CodeUnknown)
        .when(activate('c', 23))
        .then([activated()])
        .when(activate('c', 23))
        .refused(No::CodeUnknown);
}

#[test]
fn an_update_changes_what_is_given() {
    let both = |name: &str, description: Option<&str>| Did::Updated {
        name: name.to_owned(),
        description: description.map(str::to_owned),
    };
    let described = Some("Local development machine");
    given::<Machine>([local()])
        .when(update(Some("Work Laptop"), Change::Keep))
        .then([both("Work Laptop", described)])
        .when(update(
            Some("Work Laptop"),
            Change::Set("Local development machine"),
        ))
        .nothing()
        .when(update(None, Change::Clear))
        .then([both("Work Laptop", None)])
        .when(update(None, Change::Set(" ")))
        .nothing()
        .when(update(Some("\u{7}"), Change::Keep))
        .refused(No::NameInvalid)
        .when(update(None, Change::Set(&"x".repeat(501))))
        .refused(No::DescriptionInvalid);
}

#[test]
fn what_is_removed_is_gone_with_its_code_and_token() {
    let removed = |code: bool, token: bool| Did::Removed {
        code_hash: code.then(|| hash('c')),
        token_hash: token.then(|| hash('d')),
    };
    given::<Machine>([local()])
        .when(Do::Remove)
        .then([removed(true, false)])
        .when(activate('c', 1))
        .refused(No::MachineNotFound);
    let gone = given::<Machine>([local(), activated()])
        .when(Do::Remove)
        .then([removed(false, true)]);
    assert!(gone.state().is_gone() && gone.state().token_hash.is_none());
    gone.when(Do::Remove)
        .refused(No::MachineNotFound)
        .when(update(Some("Again"), Change::Keep))
        .refused(No::MachineNotFound);
}

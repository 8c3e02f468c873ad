//! Specs of the widget.

use super::{WidgetCommand as Do, WidgetEvent as Did, WidgetRefusal as No, *};
use crate::spec::given;

fn create(name: &str) -> Do {
    Do::Create { widget_id: "w_1".into(), account_id: "acc_1".into(), name: name.to_owned() }
}

fn created() -> Did {
    Did::Created { widget_id: "w_1".into(), account_id: "acc_1".into(), name: "First".to_owned() }
}

fn rename(name: &str) -> Do {
    Do::Rename { name: name.to_owned() }
}

#[test]
fn it_is_made_once() {
    given::<Widget>([]).when(create(" First ")).then([created()]);
    given::<Widget>([created()]).when(create("First")).refused(No::WidgetAlreadyExists);
    given::<Widget>([created(), Did::Deleted {}]).when(create("First")).refused(No::WidgetAlreadyExists);
}

#[test]
fn a_name_can_be_read() {
    given::<Widget>([]).when(create("  ")).refused(No::NameInvalid);
    given::<Widget>([created()]).when(rename("a\u{7}b")).refused(No::NameInvalid);
}

#[test]
fn only_another_name_is_an_event() {
    given::<Widget>([created()])
        .when(rename("First"))
        .nothing()
        .when(rename("Second"))
        .then([Did::Renamed { name: "Second".to_owned() }]);
}

#[test]
fn what_is_deleted_is_gone() {
    let gone = given::<Widget>([created()]).when(Do::Delete).then([Did::Deleted {}]);
    assert!(gone.state().is_gone());
    gone.when(rename("Second")).refused(No::WidgetNotFound).when(Do::Delete).refused(No::WidgetNotFound);
}

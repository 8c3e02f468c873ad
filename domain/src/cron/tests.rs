//! Specs of cron.

use super::*;
use crate::spec::given;

fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(second, 0).unwrap()
}

fn plan(second: Option<i64>) -> CronCommand {
    CronCommand::Plan {
        account_id: "acc_1".into(),
        runtime_id: "inst_1".into(),
        agent_id: "agt_1".into(),
        due_at: second.map(at),
    }
}

fn planned(second: Option<i64>) -> CronEvent {
    CronEvent::Planned {
        account_id: "acc_1".into(),
        runtime_id: "inst_1".into(),
        agent_id: "agt_1".into(),
        due_at: second.map(at),
    }
}

fn came_due(second: i64) -> CronEvent {
    CronEvent::CameDue { due_at: at(second) }
}

#[test]
fn a_plan_is_news_when_it_differs() {
    given::<Cron>([]).when(plan(None)).then([]);
    given::<Cron>([]).when(plan(Some(60))).then([planned(Some(60))]);
    given::<Cron>([planned(Some(60))]).when(plan(Some(60))).then([]);
    given::<Cron>([planned(Some(60))])
        .when(plan(Some(30)))
        .then([planned(Some(30))]);
    given::<Cron>([planned(Some(60))])
        .when(plan(None))
        .then([planned(None)]);
}

#[test]
fn a_planned_time_rings_once_it_has_come_and_only_once() {
    let ring = |second| CronCommand::Ring { now: at(second) };
    given::<Cron>([]).when(ring(60)).then([]);
    given::<Cron>([planned(Some(60))]).when(ring(59)).then([]);
    given::<Cron>([planned(Some(60))])
        .when(ring(60))
        .then([came_due(60)]);
    given::<Cron>([planned(Some(60))])
        .when(ring(999))
        .then([came_due(60)]);
    given::<Cron>([planned(Some(60)), came_due(60)])
        .when(ring(61))
        .then([]);
    // What was missed is planned again, for the same time.
    given::<Cron>([planned(Some(60)), came_due(60)])
        .when(plan(Some(60)))
        .then([planned(Some(60))]);
}

//! What the agents of an instance did: results of cron jobs, messages, errors.

use axum::extract::Path;
use reef_commands::activity::open_activity;
use reef_projections::{
    Filter,
    views::activity::{Activities, ActivitySource},
};

use super::{instances::present, to_wire, wire};
use crate::{
    Problem,
    dialect::{Answer, Api, Call},
    openapi::Place,
    params::Params,
    sealed::text_of,
};

const JSON: &str = "application/json";
/// Events of one answer, unless it is said how many.
const FEW: u64 = 50;
/// More are never given at a time.
const MANY: u64 = 200;

pub(super) fn routes(api: &mut Api) {
    let events = api.schema::<wire::Events>();
    let names = ActivitySource::ALL.map(ActivitySource::name);
    let path = "/instances/{instanceId}/events";
    let list = api.route("get", path, "list-events", "What the agents of an instance did");
    let list = list
        .says("Newest first. `total` counts everything that matches.")
        .number(
            "limit",
            "Events to give; what is more than 200 is 200. 50 unless said otherwise.",
            1,
            u64::MAX,
        )
        .query("agent", "Only of the agent with this slug.")
        .one_of("source", Place::Query, "Only from this source.", &names);
    api.add(list.answers(JSON, events), self::list);
}

async fn list(
    call: Call,
    Path(instance): Path<String>,
    mut params: Params,
) -> Result<Answer<wire::Events>, Problem> {
    let runtime = present(&call, &instance).await?;
    call.may_read::<Activities>()?;
    let limit = limit(&mut params)?;
    let mut filters = vec![Filter::Parent(runtime.id.to_string())];
    if let Some(slug) = params.text("agent")? {
        filters.push(Filter::Field("agent_slug".to_owned(), slug));
    }
    if let Some(source) = params.text("source")? {
        filters.push(Filter::Status(known(&source)?.name().to_owned()));
    }
    let (docs, total) = call.newest::<Activities>(filters, limit).await?;
    let vault = &*call.state().services().vault;
    let mut events = Vec::with_capacity(docs.len());
    for doc in docs {
        let content = text_of(&doc.id, open_activity(vault, &doc).await)?;
        events.push(to_wire::event(doc, content));
    }
    Ok(Answer::ok(wire::Events { events, total }))
}

fn known(source: &str) -> Result<ActivitySource, Problem> {
    let known = ActivitySource::ALL
        .into_iter()
        .find(|known| known.name() == source);
    known.ok_or_else(|| Problem::parameter("source", "source is cron or agent."))
}

fn limit(params: &mut Params) -> Result<u32, Problem> {
    let expected = "a whole number from 1";
    let asked: u64 = params.parsed("limit", expected)?.unwrap_or(FEW);
    match u32::try_from(asked.min(MANY)) {
        Ok(limit @ 1..) => Ok(limit),
        Ok(0) | Err(_) => Err(Problem::parameter("limit", format!("limit is {expected}."))),
    }
}

//! Webhooks: activity of agents, delivered to a URL of the account's.
//!
//! Webhooks of the native form, which an account can have besides, are not Thermidora's and unknown here.

use axum::extract::Path;
use reef_commands::webhook as commands;
use reef_domain::{
    WebhookId,
    webhook::{ALL_EVENTS, Webhook, WebhookForm},
};
use reef_projections::{
    Filter,
    views::webhook::{WebhookDoc, Webhooks},
};

use super::{to_wire, wire};
use crate::{
    Problem,
    dialect::{Answer, Api, Body, Call, named},
    problem::not_found,
};

const KIND: &str = "webhook";
const JSON: &str = "application/json";
/// Where one webhook is.
const ONE: &str = "/webhooks/{webhookId}";

pub(super) fn routes(api: &mut Api) {
    let body = api.schema::<wire::CreateWebhook>();
    let change = api.schema::<wire::UpdateWebhook>();
    let webhook = api.schema::<wire::Webhook>();
    let webhooks = api.schema::<wire::Webhooks>();
    let deleted = api.schema::<wire::DeletedWebhook>();
    let tested = api.schema::<wire::TestedWebhook>();
    let route = api
        .route("post", "/webhooks", "create-webhook", "Subscribe to events")
        .once();
    let route = route.says(
        "Events are POSTed to the URL with an HMAC-SHA256 of the body, under the secret of this answer, in \
         `X-Thermidora-Signature`. With `instanceId` or `agentId` only those of that instance or agent.",
    );
    let route = route.fails(&[404]).takes(body).with_status(201);
    api.add(route.answers(JSON, webhook.clone()), create);
    let route = api.route(
        "get",
        "/webhooks",
        "list-webhooks",
        "Subscriptions, their secrets masked",
    );
    api.add(route.answers(JSON, webhooks), list);
    let route = api.route("get", ONE, "get-webhook", "A subscription with its secret");
    api.add(route.answers(JSON, webhook.clone()), get);
    let route = api.route("patch", ONE, "update-webhook", "Turn a subscription on or off");
    let route = route.says("Events of the time it is off are not sent later.");
    api.add(route.takes(change).answers(JSON, webhook), update);
    let route = api.route("delete", ONE, "delete-webhook", "Delete a subscription");
    api.add(route.answers(JSON, deleted), delete);
    let path = "/webhooks/{webhookId}/test";
    let route = api
        .route("post", path, "test-webhook", "Send a test event")
        .once();
    let route =
        route.says("Sent whatever the subscription is to, also when it is off; the answer does not wait.");
    api.add(route.answers(JSON, tested), test);
}

async fn create(call: Call, Body(body): Body<wire::CreateWebhook>) -> Result<Answer<wire::Webhook>, Problem> {
    let events = body.events.into_iter().map(event).map(str::to_owned).collect();
    let mut create = commands::CreateWebhook::new(body.url, events);
    create.form = WebhookForm::Thermidora;
    create.runtime_id = body.instance_id.map(|id| named("runtime", &id)).transpose()?;
    create.agent_id = body.agent_id.map(|id| named("agent", &id)).transpose()?;
    create.description = body.description;
    let done = call.execute(&create).await?;
    let doc = call.left::<Webhooks>(&done).await?;
    let shown = done.result.as_ref().and_then(|result| result["secret"].as_str());
    let secret = shown.ok_or_else(|| Problem::internal(&"a new secret was not shown"))?;
    Ok(Answer::created(to_wire::webhook(doc, Some(secret.to_owned()))).of(&done))
}

fn event(event: wire::EventType) -> &'static str {
    match event {
        wire::EventType::CronCompleted => "cron.completed",
        wire::EventType::AgentMessage => "agent.message",
        wire::EventType::AgentError => "agent.error",
        wire::EventType::All => ALL_EVENTS,
    }
}

async fn list(call: Call) -> Result<Answer<wire::Webhooks>, Problem> {
    let form = WebhookForm::Thermidora.name().to_owned();
    let filters = vec![Filter::Field("form".to_owned(), form)];
    let docs: Vec<WebhookDoc> = call.all::<Webhooks, _>(filters).await?;
    let webhooks = docs.into_iter().map(|doc| to_wire::webhook(doc, None));
    Ok(Answer::ok(wire::Webhooks {
        webhooks: webhooks.collect(),
    }))
}

async fn get(call: Call, Path(id): Path<String>) -> Result<Answer<wire::Webhook>, Problem> {
    let doc = own(&call, &id).await?;
    let webhook = call.bus().state::<Webhook>(&doc.id).await?;
    let webhook = webhook.ok_or_else(|| not_found(KIND, &id))?;
    let services = call.bus().services();
    let secrets = commands::signing_secrets(services, &webhook, services.clock.now()).await?;
    // None: it was deleted meanwhile.
    let secret = secrets.first().ok_or_else(|| not_found(KIND, &id))?;
    Ok(Answer::ok(to_wire::webhook(
        doc,
        Some(secret.expose().to_owned()),
    )))
}

async fn update(
    call: Call,
    Path(id): Path<String>,
    Body(body): Body<wire::UpdateWebhook>,
) -> Result<Answer<wire::Webhook>, Problem> {
    let webhook_id = own(&call, &id).await?.id;
    let done = if body.enabled {
        let from = None;
        call.repeat(&commands::EnableWebhook { webhook_id, from }).await?
    } else {
        call.repeat(&commands::DisableWebhook { webhook_id }).await?
    };
    let doc = call.left::<Webhooks>(&done).await?;
    Ok(Answer::ok(to_wire::webhook(doc, None)))
}

async fn delete(call: Call, Path(id): Path<String>) -> Result<Answer<wire::DeletedWebhook>, Problem> {
    let webhook_id = own(&call, &id).await?.id;
    call.repeat(&commands::DeleteWebhook { webhook_id }).await?;
    Ok(Answer::ok(wire::DeletedWebhook {
        webhook_id: id,
        deleted: true,
    }))
}

async fn test(call: Call, Path(id): Path<String>) -> Result<Answer<wire::TestedWebhook>, Problem> {
    let webhook_id = own(&call, &id).await?.id;
    let done = call.execute(&commands::TestWebhook { webhook_id }).await?;
    let message = "Test event dispatched";
    Ok(Answer::ok(wire::TestedWebhook { message }).of(&done))
}

/// The webhook of that id, if it is the account's and of Thermidora's form.
async fn own(call: &Call, id: &str) -> Result<WebhookDoc, Problem> {
    let webhook_id: WebhookId = named(KIND, id)?;
    let doc = call.own::<Webhooks>(KIND, webhook_id.as_str()).await?;
    match doc.form {
        WebhookForm::Thermidora => Ok(doc),
        WebhookForm::Native => Err(not_found(KIND, id)),
    }
}

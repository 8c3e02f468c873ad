//! API keys: each acts as its account in full.

use axum::extract::Path;
use reef_commands::api_key::{IssueApiKey, RevokeApiKey};
use reef_projections::{
    Filter,
    views::api_key::{ApiKeyDoc, ApiKeys},
};

use super::{to_wire, wire};
use crate::{
    Problem,
    dialect::{Answer, Api, Body, Call, named},
    problem::not_found,
};

const KIND: &str = "api_key";
const JSON: &str = "application/json";

pub(super) fn routes(api: &mut Api) {
    let body = api.schema::<wire::CreateApiKey>();
    let issued = api.schema::<wire::IssuedKey>();
    let keys = api.schema::<wire::ApiKeys>();
    let revoked = api.schema::<wire::RevokedKey>();
    let create = api
        .route("post", "/auth/keys", "create-api-key", "Make an API key")
        .once();
    let create = create.says("The key is in this answer and in no other.");
    api.add(
        create.takes(body).with_status(201).answers(JSON, issued),
        self::create,
    );
    let list = api.route(
        "get",
        "/auth/keys",
        "list-api-keys",
        "The account's keys that work",
    );
    api.add(list.answers(JSON, keys), self::list);
    let revoke = api.route(
        "delete",
        "/auth/keys/{keyId}",
        "revoke-api-key",
        "Revoke a key at once",
    );
    api.add(revoke.answers(JSON, revoked), self::revoke);
}

async fn create(
    call: Call,
    Body(body): Body<wire::CreateApiKey>,
) -> Result<Answer<wire::IssuedKey>, Problem> {
    let issue = IssueApiKey {
        user_id: Some(call.user().clone()),
        name: Some(body.name),
        ..IssueApiKey::default()
    };
    let done = call.execute(&issue).await?;
    let doc = call.left::<ApiKeys>(&done).await?;
    let shown = done.result.as_ref().and_then(|result| result["key"].as_str());
    let key = shown.ok_or_else(|| Problem::internal(&"a new key was not shown"))?;
    let issued = wire::IssuedKey {
        key_id: doc.id.to_string(),
        api_key: key.to_owned(),
        name: doc.name.unwrap_or_default(),
    };
    Ok(Answer::created(issued).of(&done))
}

async fn list(call: Call) -> Result<Answer<wire::ApiKeys>, Problem> {
    let filters = vec![Filter::Status("active".to_owned())];
    let docs: Vec<ApiKeyDoc> = call.all::<ApiKeys, _>(filters).await?;
    let ids: Vec<_> = docs.iter().map(|key| key.id.clone()).collect();
    let used = call.state().last_used.of(&ids).await?;
    let keys = docs.into_iter().map(|doc| {
        let last = used.get(&doc.id).copied();
        to_wire::api_key(doc, last)
    });
    Ok(Answer::ok(wire::ApiKeys { keys: keys.collect() }))
}

async fn revoke(call: Call, Path(id): Path<String>) -> Result<Answer<wire::RevokedKey>, Problem> {
    let key_id = named(KIND, &id)?;
    let done = call.execute(&RevokeApiKey { key_id }).await?;
    if done.events.is_empty() {
        // It was revoked before.
        return Err(not_found(KIND, &id));
    }
    Ok(Answer::ok(wire::RevokedKey {
        key_id: id,
        deleted: true,
    }))
}

//! API keys: each acts as its user in full.

use axum::extract::Path;
use reef_commands::api_key::{IssueApiKey, RevokeApiKey};
use reef_projections::{
    Filter,
    views::api_key::{ApiKeyDoc, ApiKeys},
};

use super::{to_wire, wire};
use crate::{
    Problem,
    dialect::{Answer, Api, Call, named},
    problem::not_found,
};

const KIND: &str = "api_key";
const JSON: &str = "application/json";

pub(super) fn routes(api: &mut Api) {
    let issued = api.schema::<wire::IssuedKey>();
    let rows = api.list_of::<wire::ApiKey>();
    let success = api.schema::<wire::Success>();
    let create = api
        .route("post", "/api-keys", "create-api-key", "Make an API key")
        .once();
    let create = create.says("The key is in this answer and in no other.");
    api.add(create.with_status(201).answers(JSON, issued), self::create);
    let list = api.route("get", "/api-keys", "list-api-keys", "The caller's keys that work");
    api.add(list.answers(JSON, rows), self::list);
    let revoke = api.route(
        "delete",
        "/api-keys/{id}",
        "revoke-api-key",
        "Revoke a key at once",
    );
    api.add(revoke.answers(JSON, success), self::revoke);
}

async fn create(call: Call) -> Result<Answer<wire::IssuedKey>, Problem> {
    let issue = IssueApiKey {
        user_id: Some(call.user().clone()),
        ..IssueApiKey::default()
    };
    let done = call.execute(&issue).await?;
    let doc = call.left::<ApiKeys>(&done).await?;
    let shown = done.result.as_ref().and_then(|result| result["key"].as_str());
    let key = shown.ok_or_else(|| Problem::internal(&"a new key was not shown"))?;
    Ok(Answer::created(to_wire::issued_key(doc, key.to_owned())).of(&done))
}

async fn list(call: Call) -> Result<Answer<Vec<wire::ApiKey>>, Problem> {
    let filters = vec![
        Filter::Parent(call.user().to_string()),
        Filter::Status("active".to_owned()),
    ];
    let keys: Vec<ApiKeyDoc> = call.all::<ApiKeys, _>(filters).await?;
    let ids: Vec<_> = keys.iter().map(|key| key.id.clone()).collect();
    let used = call.state().last_used.of(&ids).await?;
    let rows = keys.into_iter().map(|key| {
        let last = used.get(&key.id).copied();
        to_wire::api_key(key, last)
    });
    Ok(Answer::ok(rows.collect()))
}

async fn revoke(call: Call, Path(id): Path<String>) -> Result<Answer<wire::Success>, Problem> {
    let key_id = named(KIND, &id)?;
    let done = call.execute(&RevokeApiKey { key_id }).await?;
    if done.events.is_empty() {
        // It was revoked before.
        return Err(not_found(KIND, &id));
    }
    Ok(Answer::ok(wire::Success { success: true }))
}

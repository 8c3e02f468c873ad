//! Secrets: the environment of an instance. Values go in and never come out.

use axum::extract::Path;
use reef_commands::{
    Answer as Done,
    secret::{RemoveSecret, StoreSecrets},
};
use reef_domain::secret::{OwnerKind, SecretOwner};
use reef_projections::views::secret::Secrets;

use super::{instances::present, wire};
use crate::{
    Problem,
    dialect::{Answer, Api, Body, Call},
};

const KIND: &str = "secret";
const JSON: &str = "application/json";
/// Where an instance's secrets are.
const ALL: &str = "/instances/{instanceId}/secrets";

pub(super) fn routes(api: &mut Api) {
    let body = api.schema::<wire::StoreSecrets>();
    let keys = api.schema::<wire::SecretKeys>();
    let stored = api.schema::<wire::StoredSecrets>();
    let deleted = api.schema::<wire::DeletedSecret>();
    let route = api.route("get", ALL, "list-secrets", "Keys of an instance's secrets");
    api.add(route.answers(JSON, keys), list);
    let route = api.route("post", ALL, "store-secrets", "Store secrets of an instance");
    let route = route.once().says(
        "They are environment variables of the instance. One that runs is restarted to see them and stays `running`: \
         messages wait meanwhile. Another has them at its next start.",
    );
    api.add(route.takes(body).answers(JSON, stored), store);
    let path = "/instances/{instanceId}/secrets/{key}";
    let route = api.route("delete", path, "delete-secret", "Delete a secret of an instance");
    let route = route.says("An instance that runs is restarted.");
    api.add(route.answers(JSON, deleted), delete);
}

async fn list(call: Call, Path(id): Path<String>) -> Result<Answer<wire::SecretKeys>, Problem> {
    let owner = owner(&call, &id).await?.to_string();
    let doc = call.find::<Secrets>(KIND, &owner).await?;
    // The document has them by name.
    let names = doc.map_or_else(Vec::new, |doc| doc.names);
    let secrets = names
        .into_iter()
        .map(|secret| wire::SecretKey { key: secret.name });
    Ok(Answer::ok(wire::SecretKeys {
        secrets: secrets.collect(),
    }))
}

async fn store(
    call: Call,
    Path(id): Path<String>,
    Body(body): Body<wire::StoreSecrets>,
) -> Result<Answer<wire::StoredSecrets>, Problem> {
    let mut store = StoreSecrets::new(owner(&call, &id).await?, []);
    store.secrets = body.secrets;
    let done = call.execute(&store).await?;
    let stored = wire::StoredSecrets {
        stored: store.secrets.len(),
        restarting: is_restarting(&done),
    };
    Ok(Answer::ok(stored).of(&done))
}

async fn delete(
    call: Call,
    Path((id, key)): Path<(String, String)>,
) -> Result<Answer<wire::DeletedSecret>, Problem> {
    let remove = RemoveSecret {
        owner: owner(&call, &id).await?,
        name: key,
        account_id: None,
    };
    let done = call.repeat(&remove).await?;
    Ok(Answer::ok(wire::DeletedSecret {
        key: remove.name,
        deleted: true,
        restarting: is_restarting(&done),
    }))
}

async fn owner(call: &Call, id: &str) -> Result<SecretOwner, Problem> {
    Ok(SecretOwner::new(OwnerKind::Runtime, present(call, id).await?.id))
}

/// Whether the change has the instance restart.
fn is_restarting(done: &Done) -> bool {
    let shown = done.result.as_ref();
    shown
        .and_then(|result| result["restarting"].as_bool())
        .unwrap_or(false)
}

//! Credentials: the key for Claude, which nobody reads again, and the SSH key, which is read once.

use axum::{
    extract::Path,
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use reef_commands::{runtime::RevealSshKeyOnce, secret::StoreSecret};
use reef_domain::secret::{OwnerKind, SecretOwner};
use serde_json::json;

use super::{is_me, wire};
use crate::{
    Problem,
    dialect::{Answer, Api, Body, Call, NO_STORE},
};

const JSON: &str = "application/json";
const PEM: &str = "application/x-pem-file";
/// Name under which runtimes look for the key.
const CLAUDE_KEY: &str = "anthropic_api_key";

pub(super) fn routes(api: &mut Api) {
    let (key, success) = (api.schema::<wire::ClaudeKey>(), api.schema::<wire::Success>());
    let path = "/credentials/{userId}/claude-key";
    let save = api.route("post", path, "save-claude-key", "Set the key for Claude");
    let save = save.says("It is encrypted, and synced to the VM at its next start. It is never shown.");
    api.add(save.takes(key).answers(JSON, success), save_claude_key);
    let path = "/credentials/{userId}/ssh-key";
    let download = api.route("get", path, "download-ssh-key", "The VM's private SSH key, once");
    let download = download
        .says("The stored copy is destroyed with this answer.")
        .fails(&[404]);
    api.add(
        download.answers(PEM, json!({ "type": "string" })),
        download_ssh_key,
    );
}

async fn save_claude_key(
    call: Call,
    Path(user): Path<String>,
    Body(body): Body<wire::ClaudeKey>,
) -> Result<Answer<wire::Success>, Problem> {
    is_me(&call, &user)?;
    if !body.api_key.starts_with("sk-ant-") {
        return Err(Problem::parameter(
            "apiKey",
            "A key for Claude starts with sk-ant-.",
        ));
    }
    let owner = SecretOwner {
        kind: OwnerKind::User,
        id: user,
    };
    call.repeat(&StoreSecret::new(owner, CLAUDE_KEY, body.api_key))
        .await?;
    Ok(Answer::ok(wire::Success { success: true }))
}

async fn download_ssh_key(call: Call, Path(user): Path<String>) -> Result<Response, Problem> {
    is_me(&call, &user)?;
    let reveal = RevealSshKeyOnce {
        user_id: Some(call.user().clone()),
        ..RevealSshKeyOnce::default()
    };
    let done = call.repeat(&reveal).await?;
    let shown = done
        .result
        .as_ref()
        .and_then(|result| result["private_key"].as_str());
    let key = shown.ok_or_else(|| Problem::internal(&"a revealed key was not shown"))?;
    let mut response = key.to_owned().into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PEM));
    headers.insert(NO_STORE.0, NO_STORE.1);
    let file = HeaderValue::try_from(format!("attachment; filename=\"tropic-{user}.pem\""));
    headers.insert(
        header::CONTENT_DISPOSITION,
        file.unwrap_or_else(|_| HeaderValue::from_static("attachment; filename=\"tropic.pem\"")),
    );
    Ok(response)
}

//! What of an OpenClaw agent's tools its policy or its command bundles leave on.
//!
//! A policy is asked about each kind of tool as it would be about a task. Nobody watches an agent that
//! works by itself, so what needs a person's confirmation is refused by the gateway at that moment; whole
//! tasks are confirmed before they are handed out.

use reef_domain::{
    policy::{Decision, evaluate},
    settings::CommandBundle,
};
use serde_json::{Value, json};

/// Tools of the web, by OpenClaw's names.
const WEB: &[&str] = &["group:web", "browser"];
/// Tools that run programs.
const RUN: &str = "group:runtime";

/// The `tools` of an agent's entry in `openclaw.json`.
pub(super) fn tools(rules: Option<&str>, bundles: &[String]) -> Value {
    let bundles: Vec<_> = bundles
        .iter()
        .filter_map(|name| CommandBundle::from_name(name))
        .collect();
    let decision = |asked: &str| evaluate(rules, &bundles, asked).decision;
    let mut deny: Vec<&str> = Vec::new();
    if decision("search the web") == Decision::Deny {
        deny.extend(WEB);
    }
    let (code, commands) = (decision("run code"), decision("run shell commands"));
    let mode = match (code, commands) {
        (_, Decision::Allow) => "full",
        // Programs the gateway's allow list names, and no others.
        (Decision::Allow, _) => "allowlist",
        (Decision::RequireConfirm, _) | (_, Decision::RequireConfirm) => "ask",
        (Decision::Deny, Decision::Deny) => "deny",
    };
    if mode == "deny" {
        deny.push(RUN);
    }
    json!({ "deny": deny, "exec": { "mode": mode } })
}

/// A model as OpenClaw names it, `<provider>/<model>`; `None` leaves the gateway's own default.
pub(super) fn model(asked: &str) -> Option<String> {
    let provider = match asked {
        _ if asked.contains('/') => return Some(asked.to_owned()),
        _ if asked.starts_with("claude") => "anthropic",
        _ if asked.starts_with("gpt") || asked.starts_with("o1") || asked.starts_with("o3") => "openai",
        _ => return None,
    };
    Some(format!("{provider}/{asked}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn without_a_policy_the_bundles_decide() {
        let nothing = tools(None, &[]);
        assert_eq!(
            nothing,
            json!({ "deny": ["group:web", "browser", "group:runtime"], "exec": { "mode": "deny" } })
        );
        let web = tools(None, &on(&["browser-search"]));
        assert_eq!(
            web,
            json!({ "deny": ["group:runtime"], "exec": { "mode": "deny" } })
        );
        let code = tools(None, &on(&["code-execution"]));
        assert_eq!(code["exec"]["mode"], "allowlist");
        let all = tools(None, &on(&["browser-search", "code-execution", "os-commands"]));
        assert_eq!(all, json!({ "deny": [], "exec": { "mode": "full" } }));
    }

    #[test]
    fn a_policy_beats_the_bundles() {
        let bundles = on(&["browser-search", "os-commands"]);
        let denied = tools(
            Some("DENY: search the web\nDENY: shell commands\nDENY: run code"),
            &bundles,
        );
        assert_eq!(denied["deny"], json!(["group:web", "browser", "group:runtime"]));
        let unsaid = tools(Some("ALLOW: search the web"), &bundles);
        assert_eq!(unsaid, json!({ "deny": [], "exec": { "mode": "ask" } }));
    }

    #[test]
    fn models_get_the_provider_that_openclaw_wants() {
        assert_eq!(
            model("claude-sonnet-4-5").as_deref(),
            Some("anthropic/claude-sonnet-4-5")
        );
        assert_eq!(model("openrouter/auto").as_deref(), Some("openrouter/auto"));
        assert_eq!(model("m-1"), None);
    }
}

//! Settings: command bundles, firewall rules, the caller's address.

use axum::extract::Path;
use reef_commands::settings::{ReplaceFirewallRules, SetCommandBundles};
use reef_projections::views::settings::Settings;

use super::{from_wire, is_me, to_wire, wire};
use crate::{
    Problem,
    dialect::{Answer, Api, Body, Call},
};

const KIND: &str = "settings";
const JSON: &str = "application/json";

pub(super) fn routes(api: &mut Api) {
    let bundles = api.schema::<wire::CommandBundles>();
    let rules = api.schema::<wire::FirewallRules>();
    let (ip, success) = (api.schema::<wire::CurrentIp>(), api.schema::<wire::Success>());
    let path = "/settings/{userId}/commands";
    let get = api.route(
        "get",
        path,
        "get-command-bundles",
        "The command bundles that are on",
    );
    api.add(get.answers(JSON, bundles.clone()), get_bundles);
    let update = api.route(
        "post",
        path,
        "update-command-bundles",
        "Switch exactly these bundles on",
    );
    let update = update.takes(bundles.clone());
    api.add(update.answers(JSON, bundles), update_bundles);
    let path = "/settings/{userId}/firewall-rules";
    let get = api.route(
        "get",
        path,
        "get-firewall-rules",
        "Who may reach which port of the VM",
    );
    api.add(get.answers(JSON, rules.clone()), get_rules);
    let update = api.route(
        "post",
        path,
        "update-firewall-rules",
        "Replace the rules of all ports",
    );
    api.add(update.takes(rules).answers(JSON, success), update_rules);
    let path = "/settings/{userId}/current-ip";
    let get = api.route(
        "get",
        path,
        "get-current-ip",
        "The address this request came from",
    );
    api.add(get.answers(JSON, ip), current_ip);
}

async fn get_bundles(call: Call, Path(user): Path<String>) -> Result<Answer<wire::CommandBundles>, Problem> {
    is_me(&call, &user)?;
    let settings = call.find::<Settings>(KIND, &user).await?;
    Ok(Answer::ok(to_wire::command_bundles(settings)))
}

async fn update_bundles(
    call: Call,
    Path(user): Path<String>,
    Body(body): Body<wire::CommandBundles>,
) -> Result<Answer<wire::CommandBundles>, Problem> {
    is_me(&call, &user)?;
    let set = SetCommandBundles {
        bundles: from_wire::command_bundles(&body),
        user_id: Some(call.user().clone()),
        ..SetCommandBundles::default()
    };
    call.repeat(&set).await?;
    let settings = call.find::<Settings>(KIND, &user).await?;
    Ok(Answer::ok(to_wire::command_bundles(settings)))
}

async fn get_rules(call: Call, Path(user): Path<String>) -> Result<Answer<wire::FirewallRules>, Problem> {
    is_me(&call, &user)?;
    let settings = call.find::<Settings>(KIND, &user).await?;
    Ok(Answer::ok(to_wire::firewall_rules(settings)))
}

async fn update_rules(
    call: Call,
    Path(user): Path<String>,
    Body(body): Body<wire::FirewallRules>,
) -> Result<Answer<wire::Success>, Problem> {
    is_me(&call, &user)?;
    let replace = ReplaceFirewallRules {
        rules: body.rules,
        user_id: Some(call.user().clone()),
        ..ReplaceFirewallRules::default()
    };
    call.repeat(&replace).await?;
    Ok(Answer::ok(wire::Success { success: true }))
}

async fn current_ip(call: Call, Path(user): Path<String>) -> Result<Answer<wire::CurrentIp>, Problem> {
    is_me(&call, &user)?;
    let ip = call.address().to_string();
    Ok(Answer::ok(wire::CurrentIp { ip }))
}

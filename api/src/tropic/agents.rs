//! Agents: deployed from templates onto the user's VM.

use std::{
    borrow::Cow,
    collections::{BTreeSet, HashMap},
    ops::Deref,
};

use axum::extract::Path;
use reef_commands::agent::{AttachAgentPolicy, DeleteAgent, DetachAgentPolicy, StartAgent, StopAgent};
use reef_domain::agent::{Agent, AgentStatus};
use reef_projections::views::{
    agent::{AgentDoc, Agents},
    policy::Policies,
    template::{TemplateDoc, Templates},
};
use serde::Deserialize;

use super::{TEN, from_wire, to_wire, wire};
use crate::{
    Problem,
    dialect::{Answer, Api, Body, Call, StoredMillis, Written, named, parts},
    problem::not_found,
};

const KIND: &str = "agent";
const JSON: &str = "application/json";

pub(super) fn routes(api: &mut Api) {
    let deployed = api.schema::<wire::DeployedAgent>();
    let rows = api.list_of::<wire::AgentRow>();
    let one = api.schema::<wire::Agent>();
    let with_policy = api.schema::<wire::AgentWithPolicy>();
    let state = api.schema::<wire::AgentState>();
    let success = api.schema::<wire::Success>();
    let new = api.schema::<wire::DeployAgent>();
    let other_policy = api.schema::<wire::UpdateAgentPolicy>();
    let deploy = api.route(
        "post",
        "/agents",
        "deploy-agent",
        "Deploy an agent from a template",
    );
    let deploy = deploy.says("At most 5 of a user's agents are not stopped at a time.");
    let deploy = deploy
        .once()
        .at_most(TEN)
        .takes(new)
        .with_status(201)
        .fails(&[404]);
    api.add(deploy.answers(JSON, deployed), self::deploy);
    let list = api.route("get", "/agents", "list-agents", "The caller's agents");
    api.add(list.answers(JSON, rows), self::list);
    let get = api.route(
        "get",
        "/agents/{id}",
        "get-agent",
        "One agent with its template and policy",
    );
    api.add(get.answers(JSON, one), self::get);
    let path = "/agents/{id}/policy";
    let update = api.route(
        "patch",
        path,
        "update-agent-policy",
        "Attach another policy, or none",
    );
    let update = update.says("The rules are pushed at once where the VM runs.");
    api.add(
        update.takes(other_policy).answers(JSON, with_policy),
        self::update_policy,
    );
    let stop = api.route("post", "/agents/{id}/stop", "stop-agent", "Stop an agent");
    api.add(stop.answers(JSON, state.clone()), self::stop);
    let start = api.route(
        "post",
        "/agents/{id}/start",
        "start-agent",
        "Start a stopped agent",
    );
    api.add(start.answers(JSON, state), self::start);
    let delete = api.route(
        "delete",
        "/agents/{id}",
        "delete-agent",
        "Remove an agent for good",
    );
    api.add(delete.answers(JSON, success), self::delete);
}

async fn deploy(
    call: Call,
    Body(body): Body<wire::DeployAgent>,
) -> Result<Answer<wire::DeployedAgent>, Problem> {
    let done = call.execute(&from_wire::deploy_agent(body)?).await?;
    let agent = call.left::<Agents>(&done).await?;
    let config = config(&call, &agent).await?;
    Ok(Answer::created(to_wire::deployed_agent(agent, config)).of(&done))
}

/// What the agent itself starts with: its own copy, whatever became of the template.
async fn config(call: &Call, agent: &AgentDoc) -> Result<wire::Config, Problem> {
    let state = call.bus().state::<Agent>(&agent.id).await?;
    let state = state.ok_or_else(|| not_found(KIND, agent.id.as_str()))?;
    Ok(to_wire::config(state.bundle.clone()))
}

/// Of an agent's document, what a row shows.
#[derive(Deserialize)]
pub(super) struct AgentPart<'a> {
    #[serde(borrow)]
    pub(super) id: Text<'a>,
    #[serde(borrow)]
    pub(super) name: Text<'a>,
    pub(super) status: AgentStatus,
    #[serde(borrow)]
    template_id: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) policy_id: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) created_at: StoredMillis<'a>,
}

/// A text, borrowed where it is stored as it is: without anything escaped.
#[derive(Deserialize)]
#[serde(transparent)]
pub(super) struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

async fn list(call: Call) -> Result<Answer<Written>, Problem> {
    let docs = call.documents::<Agents>(vec![]).await?;
    let agents: Vec<AgentPart<'_>> = parts(&docs)?;
    let labels = Labels::of(&call, &agents).await?;
    let rows = agents.iter().map(|agent| labels.row(agent));
    Ok(Answer::ok(Written::list(rows)?))
}

/// What rows show of the templates and policies behind them, read once each.
struct Labels {
    templates: HashMap<String, wire::TemplateLabel>,
    policies: HashMap<String, wire::PolicyLabel>,
    unknown: wire::TemplateLabel,
}

impl Labels {
    async fn of(call: &Call, agents: &[AgentPart<'_>]) -> Result<Self, Problem> {
        let names = |ids: BTreeSet<&str>| ids.into_iter().map(str::to_owned).collect::<Vec<_>>();
        let templates = agents.iter().filter_map(|agent| agent.template_id.as_deref());
        let policies = agents.iter().filter_map(|agent| agent.policy_id.as_deref());
        let (templates, policies) = (names(templates.collect()), names(policies.collect()));
        let found: Vec<wire::PolicyLabel> = call.many::<Policies, _>(&policies).await?;
        let mut labels = HashMap::with_capacity(templates.len());
        for id in templates {
            let label = label(call, &id).await?;
            labels.insert(id, label);
        }
        Ok(Self {
            templates: labels,
            policies: found
                .into_iter()
                .map(|policy| (policy.id.clone(), policy))
                .collect(),
            unknown: to_wire::template_label(None),
        })
    }

    fn row<'a>(&'a self, agent: &'a AgentPart<'a>) -> wire::AgentRow<'a> {
        let template = agent.template_id.as_deref();
        let template = template.and_then(|id| self.templates.get(id));
        let policy = agent.policy_id.as_deref();
        let policy = policy.and_then(|id| self.policies.get(id));
        to_wire::agent_row(agent, template.unwrap_or(&self.unknown), policy)
    }
}

/// The template, also one that is no longer on offer: agents outlive it.
async fn template(call: &Call, id: &str) -> Result<Option<TemplateDoc>, Problem> {
    if let Some(template) = call.find::<Templates>("template", id).await? {
        return Ok(Some(template));
    }
    let state = call.bus().state::<reef_domain::template::Template>(id).await?;
    Ok(state.map(|state| to_wire::withdrawn(id, state.content.clone())))
}

async fn label(call: &Call, id: &str) -> Result<wire::TemplateLabel, Problem> {
    Ok(to_wire::template_label(template(call, id).await?))
}

async fn get(call: Call, Path(id): Path<String>) -> Result<Answer<wire::Agent>, Problem> {
    let agent = call.own::<Agents>(KIND, &id).await?;
    let config = config(&call, &agent).await?;
    let template = match &agent.template_id {
        Some(id) => template(&call, id.as_str()).await?,
        None => None,
    };
    let policy = match &agent.policy_id {
        Some(id) => call.find::<Policies>("policy", id.as_str()).await?,
        None => None,
    };
    Ok(Answer::ok(to_wire::agent(agent, template, policy, config)))
}

async fn update_policy(
    call: Call,
    Path(id): Path<String>,
    Body(body): Body<wire::UpdateAgentPolicy>,
) -> Result<Answer<wire::AgentWithPolicy>, Problem> {
    let agent_id = named(KIND, &id)?;
    match body.policy_id {
        Some(policy) => {
            let policy_id = named("policy", &policy)?;
            call.execute(&AttachAgentPolicy { agent_id, policy_id }).await?;
        }
        None => drop(call.execute(&DetachAgentPolicy { agent_id }).await?),
    }
    let agent = call.own::<Agents>(KIND, &id).await?;
    let template = match &agent.template_id {
        Some(id) => label(&call, id.as_str()).await?,
        None => to_wire::template_label(None),
    };
    let policy = match &agent.policy_id {
        Some(id) => call.find::<Policies>("policy", id.as_str()).await?,
        None => None,
    };
    Ok(Answer::ok(to_wire::agent_with_policy(agent, template, policy)))
}

async fn stop(call: Call, Path(id): Path<String>) -> Result<Answer<wire::AgentState>, Problem> {
    let agent_id = named(KIND, &id)?;
    call.repeat(&StopAgent { agent_id }).await?;
    let agent = call.own::<Agents>(KIND, &id).await?;
    Ok(Answer::ok(to_wire::agent_state(agent)))
}

async fn start(call: Call, Path(id): Path<String>) -> Result<Answer<wire::AgentState>, Problem> {
    let agent = call.own::<Agents>(KIND, &id).await?;
    // One in `error` is tried again by the next push; only a stopped one is started.
    if agent.status == AgentStatus::Stopped {
        let agent_id = agent.id;
        call.repeat(&StartAgent { agent_id }).await?;
    }
    let agent = call.own::<Agents>(KIND, &id).await?;
    Ok(Answer::ok(to_wire::agent_state(agent)))
}

async fn delete(call: Call, Path(id): Path<String>) -> Result<Answer<wire::Success>, Problem> {
    let agent_id = named(KIND, &id)?;
    call.execute(&DeleteAgent { agent_id }).await?;
    Ok(Answer::ok(wire::Success { success: true }))
}

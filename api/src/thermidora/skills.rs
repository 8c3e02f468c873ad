//! Skills: those that are built in, and those of an instance, which all its agents have.

use axum::extract::{Path, State};
use reef_commands::skill_installation as commands;
use reef_domain::skill_installation::SkillOwner;
use reef_projections::{
    Filter, Query,
    views::{
        skill::Skills,
        skill_installation::{SkillInstallationDoc, SkillInstallations, id_of},
    },
};

use super::{instances::present, to_wire, wire};
use crate::{
    App, Problem,
    dialect::{Answer, Api, Body, Call},
    openapi::Who,
};

const JSON: &str = "application/json";
/// Where an instance's skills are.
const ALL: &str = "/instances/{instanceId}/skills";

pub(super) fn routes(api: &mut Api) {
    let built_in = api.list_of::<wire::BuiltInSkill>();
    let body = api.schema::<wire::InstallSkill>();
    let skill = api.schema::<wire::InstalledSkill>();
    let skills = api.schema::<wire::InstalledSkills>();
    let uninstalled = api.schema::<wire::UninstalledSkill>();
    let route = api.route(
        "get",
        "/skills",
        "list-builtin-skills",
        "Skills that are built in",
    );
    let route = route.only_for(Who::Anybody);
    api.add(route.answers(JSON, built_in), list_built_in);
    let route = api.route(
        "post",
        ALL,
        "install-skill",
        "Install a skill for all agents of an instance",
    );
    let route = route.once().says(
        "A built-in skill by its id, or a custom one with its files, `SKILL.md` among them. Agents of a running \
         instance have it at once, others at the next start.",
    );
    api.add(route.takes(body).with_status(201).answers(JSON, skill), install);
    let route = api.route("get", ALL, "list-instance-skills", "Skills of an instance");
    api.add(route.answers(JSON, skills), list);
    let path = "/instances/{instanceId}/skills/{name}";
    let route = api.route(
        "delete",
        path,
        "uninstall-skill",
        "Take a skill from all agents of an instance",
    );
    api.add(route.answers(JSON, uninstalled), uninstall);
}

async fn list_built_in(State(state): State<App>) -> Result<Answer<Vec<wire::BuiltInSkill>>, Problem> {
    let mut docs = state.services().views.all::<Skills>(Query::default()).await?;
    // As they were published.
    docs.reverse();
    Ok(Answer::ok(
        docs.into_iter().map(to_wire::built_in_skill).collect(),
    ))
}

async fn install(
    call: Call,
    Path(id): Path<String>,
    Body(body): Body<wire::InstallSkill>,
) -> Result<Answer<wire::InstalledSkill>, Problem> {
    let owner = SkillOwner::Runtime(present(&call, &id).await?.id);
    let stream = owner.to_string();
    let install = commands::InstallSkill {
        owner,
        name: body.name,
        kind: body.kind.map(Into::into),
        description: body.description,
        files: body.files,
    };
    let done = call.execute(&install).await?;
    let id = id_of(&stream, &install.name);
    let doc = call.was::<SkillInstallations>(&id, done.position).await?;
    Ok(Answer::created(shown(&call, doc).await?).of(&done))
}

async fn list(call: Call, Path(id): Path<String>) -> Result<Answer<wire::InstalledSkills>, Problem> {
    let owner = SkillOwner::Runtime(present(&call, &id).await?.id);
    let filters = vec![Filter::Parent(owner.to_string())];
    let docs: Vec<SkillInstallationDoc> = call.all::<SkillInstallations, _>(filters).await?;
    let mut skills = Vec::with_capacity(docs.len());
    for doc in docs {
        skills.push(shown(&call, doc).await?);
    }
    Ok(Answer::ok(wire::InstalledSkills { skills }))
}

async fn uninstall(
    call: Call,
    Path((id, name)): Path<(String, String)>,
) -> Result<Answer<wire::UninstalledSkill>, Problem> {
    let owner = SkillOwner::Runtime(present(&call, &id).await?.id);
    let uninstall = commands::UninstallSkill { owner, name };
    call.repeat(&uninstall).await?;
    Ok(Answer::ok(wire::UninstalledSkill {
        name: uninstall.name,
        deleted: true,
    }))
}

/// With what is sealed of it opened.
async fn shown(call: &Call, doc: SkillInstallationDoc) -> Result<wire::InstalledSkill, Problem> {
    let text = commands::open(call.bus().services(), &doc).await?;
    let description = text.and_then(|text| text.description);
    Ok(to_wire::installed_skill(doc, description))
}

//! The marketplace: what agents are made of.

use axum::extract::Path;
use reef_commands::template::template_id;
use reef_projections::views::template::{TemplateDoc, Templates};

use super::{to_wire, wire};
use crate::{
    Problem,
    dialect::{Answer, Api, Call},
    problem::not_found,
};

const JSON: &str = "application/json";

pub(super) fn routes(api: &mut Api) {
    let (one, all) = (api.schema::<wire::Template>(), api.list_of::<wire::Template>());
    let list = api.route("get", "/templates", "list-templates", "Every template, by name");
    api.add(list.answers(JSON, all), self::list);
    let get = api.route(
        "get",
        "/templates/{slug}",
        "get-template",
        "One template, by its slug",
    );
    api.add(get.answers(JSON, one), self::get);
}

async fn list(call: Call) -> Result<Answer<Vec<wire::Template>>, Problem> {
    let mut templates: Vec<TemplateDoc> = call.all::<Templates, _>(vec![]).await?;
    templates.sort_by(|one, other| (&one.name, &one.slug).cmp(&(&other.name, &other.slug)));
    Ok(Answer::ok(templates.into_iter().map(to_wire::template).collect()))
}

async fn get(call: Call, Path(slug): Path<String>) -> Result<Answer<wire::Template>, Problem> {
    let id = template_id(&slug);
    let template = call.find::<Templates>("template", id.as_str()).await?;
    let template = template.ok_or_else(|| not_found("template", &slug))?;
    Ok(Answer::ok(to_wire::template(template)))
}

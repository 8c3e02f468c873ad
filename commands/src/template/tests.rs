//! Specs of the commands of templates.

use reef_domain::policy::{Decision, Rules};
use reef_projections::{Query, views::template::Templates};
use serde_json::json;

use super::{seed::seed, *};
use crate::{
    Caller,
    spec::{World, body, code, kinds},
};

fn fish(name: &str) -> serde_json::Value {
    json!({ "slug": "fish", "name": name, "bundle": { "agent": { "model": "m" } } })
}

#[tokio::test]
async fn a_template_is_published_revised_and_withdrawn() {
    let world = World::new();
    let published = world
        .operator(body::<PublishTemplate>(fish("Fish")))
        .await
        .unwrap();
    assert_eq!(published.aggregate.id, "tmpl_fish");
    assert_eq!(
        code(world.operator(body::<PublishTemplate>(fish("Cod"))).await),
        "template_already_published"
    );
    let revised = world.operator(body::<ReviseTemplate>(fish("Cod"))).await.unwrap();
    assert_eq!(kinds(&revised), ["TemplateRevised"]);
    assert_eq!(world.doc::<Templates>("tmpl_fish").await.unwrap().name, "Cod");
    let withdraw = WithdrawTemplate {
        template_id: "tmpl_fish".into(),
    };
    assert_eq!(
        kinds(&world.operator(withdraw.clone()).await.unwrap()),
        ["TemplateWithdrawn"]
    );
    assert_eq!(world.doc::<Templates>("tmpl_fish").await, None);
    assert_eq!(code(world.operator(withdraw).await), "template_not_found");
}

#[tokio::test]
async fn seeding_again_changes_nothing_and_respects_the_operator() {
    let world = World::new();
    assert_eq!(seed(&world.bus).await, Ok(3));
    assert_eq!(seed(&world.bus).await, Ok(0));
    let withdraw = WithdrawTemplate {
        template_id: "tmpl_code-helper".into(),
    };
    world.operator(withdraw).await.unwrap();
    assert_eq!(seed(&world.bus).await, Ok(0));
    let member = world.account("acme", reef_domain::Dialect::Native).await;
    let query = Query {
        account_id: Some(member.account),
        ..Query::default()
    };
    let offered = world.bus.services().views.all::<Templates>(query).await.unwrap();
    let slugs: Vec<&str> = offered.iter().map(|template| template.slug.as_str()).collect();
    assert_eq!(
        slugs,
        ["inbox-assistant", "web-research"],
        "newest first, for every account"
    );
}

#[tokio::test]
async fn two_nodes_seed_at_the_same_time() {
    let world = World::new();
    let (one, other) = tokio::join!(seed(&world.bus), seed(&world.bus));
    assert_eq!(one.unwrap() + other.unwrap(), 3);
    assert_eq!(world.event_types(), ["TemplatePublished"; 3]);
}

#[test]
fn the_seed_policies_do_what_their_templates_are_for() {
    let ask = |slug: &str, text: &str| {
        let template = seed::templates()
            .into_iter()
            .find(|template| template.slug == slug)
            .unwrap();
        Rules::parse(&template.default_policy)
            .unwrap()
            .evaluate(text)
            .decision
    };
    let research = "Research the latest trends in AI safety and compile a summary";
    assert_eq!(ask("web-research", research), Decision::Allow);
    assert_eq!(
        ask("web-research", "Search for the report and download the files"),
        Decision::RequireConfirm
    );
    assert_eq!(
        ask("web-research", "Search and run a shell command"),
        Decision::Deny
    );
    assert_eq!(ask("code-helper", "Explain this function"), Decision::Allow);
    assert_eq!(ask("code-helper", "Run the code"), Decision::RequireConfirm);
    assert_eq!(ask("inbox-assistant", "Draft an answer"), Decision::Allow);
    assert_eq!(
        ask("inbox-assistant", "Draft an answer and send it"),
        Decision::RequireConfirm
    );
    assert_eq!(ask("inbox-assistant", "Delete all messages"), Decision::Deny);
}

#[tokio::test]
async fn only_a_stored_template_is_revised() {
    let world = World::new();
    assert_eq!(
        code(
            world
                .by(&Caller::operator(), body::<ReviseTemplate>(fish("Cod")))
                .await
        ),
        "not_found"
    );
}

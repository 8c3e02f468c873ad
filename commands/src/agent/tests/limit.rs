//! How many agents may be active.

use super::*;

#[tokio::test]
async fn there_is_a_limit_of_active_agents_and_stopped_ones_do_not_count() {
    let scene = Scene::new(Dialect::Native).await;
    scene.plan(|plan| plan.max_active_agents = 2).await;
    let first = scene.deployed().await;
    scene.deployed().await;
    let before = scene.world.store.events().len();
    assert_eq!(
        code(scene.world.by(&scene.member.caller, Scene::deploy()).await),
        "limit_reached"
    );
    assert_eq!(scene.world.store.events().len(), before);
    scene
        .world
        .by(
            &scene.member.caller,
            StopAgent {
                agent_id: first.clone(),
            },
        )
        .await
        .unwrap();
    let third = scene.deployed().await;
    let start = StartAgent {
        agent_id: first.clone(),
    };
    let refused = code(scene.world.by(&scene.member.caller, start.clone()).await);
    assert!(
        ["limit_reached", "runtime_stopping"].contains(&refused),
        "{refused}"
    );
    scene
        .world
        .by(
            &scene.member.caller,
            DeleteAgent {
                agent_id: third.clone(),
            },
        )
        .await
        .unwrap();
    assert!(!scene.places().await.contains(third.as_str()));
}

#[tokio::test]
async fn of_two_deployments_at_once_one_gets_the_last_place() {
    let scene = Scene::new(Dialect::Native).await;
    scene.plan(|plan| plan.max_active_agents = 1).await;
    let by = |command| scene.world.by(&scene.member.caller, command);
    let (one, two) = tokio::join!(by(Scene::deploy()), by(Scene::deploy()));
    assert!(one.is_ok() != two.is_ok());
    assert_eq!(scene.places().await.len(), 1);
    assert_eq!(
        scene
            .world
            .bus
            .services()
            .views
            .all::<Agents>(Query::default())
            .await
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn of_ten_that_are_deployed_at_once_five_have_a_place() {
    let scene = Scene::new(Dialect::Tropic).await;
    let deploys = (0..10).map(|_| scene.world.by(&scene.member.caller, Scene::deploy()));
    let (had, refused): (Vec<_>, Vec<_>) = futures::future::join_all(deploys)
        .await
        .into_iter()
        .partition(Result::is_ok);
    assert_eq!(had.len(), 5);
    assert!(refused.into_iter().all(|one| code(one) == "limit_reached"));
    let views = &scene.world.bus.services().views;
    assert_eq!(views.all::<Agents>(Query::default()).await.unwrap().len(), 5);
}

//! Specs of shared pages: whoever reads in pieces sees exactly what is there, whoever else has read before.

use reef_domain::Dialect;

use super::*;
use crate::spec::{Member, World};

/// Positions read in pieces, and the number of pieces.
async fn in_pieces(pages: &Pages, of: &Member, after: u64, until: u64) -> (Vec<u64>, usize) {
    let (mut at, mut read, mut pieces) = (after, Vec::new(), 0);
    while at < until {
        let page = pages.read(&of.account, at, until, |_| true);
        let (events, seen) = page.await.unwrap();
        assert!(at < seen && seen <= until, "{at} to {seen} of {until}");
        read.extend(events.iter().map(|event| event.position));
        (at, pieces) = (seen, pieces + 1);
    }
    (read, pieces)
}

#[tokio::test]
async fn every_piece_is_there_whoever_has_read_before() {
    let world = World::new();
    let ada = world.account("ada", Dialect::Native).await;
    let bob = world.account("bob", Dialect::Native).await;
    for _ in 0..5 {
        world.policies(&ada, 120).await;
        world.policies(&bob, 7).await;
    }
    let head = world.store.events().last().unwrap().position;
    let pages = Pages::new(world.store.clone());
    for of in [&ada, &bob, &ada] {
        for (after, until) in [
            (0, head),
            (0, 300),
            (10, head),
            (0, 100),
            (10, 11),
            (head - 1, head),
        ] {
            let all = world.store.events().into_iter();
            let all = all.filter(|event| event.account_id.as_ref() == Some(&of.account));
            let expected: Vec<u64> = all
                .map(|event| event.position)
                .filter(|position| (after + 1..=until).contains(position))
                .collect();
            let (read, pieces) = in_pieces(&pages, of, after, until).await;
            assert_eq!(read, expected, "after {after} until {until}");
            assert!(pieces <= 3, "{pieces} pieces of {until}");
        }
    }
}

/// A page that was not full is read anew: more may have come.
#[tokio::test]
async fn what_came_since_is_seen() {
    let world = World::new();
    let ada = world.account("ada", Dialect::Native).await;
    world.policies(&ada, 20).await;
    let pages = Pages::new(world.store.clone());
    let head = || world.store.events().last().unwrap().position;
    let before = in_pieces(&pages, &ada, 0, head()).await.0.len();
    world.policies(&ada, 300).await;
    let after = in_pieces(&pages, &ada, 0, head()).await.0.len();
    assert_eq!(after, before + 300);
}

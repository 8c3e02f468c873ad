use std::collections::BTreeSet;

use super::*;
use crate::RandomEntropy;

#[test]
fn ids_are_of_the_documented_form_and_differ() {
    let ids = FreshIds::default();
    let made: BTreeSet<String> = (0..10_000).map(|_| ids.next("task_", &RandomEntropy)).collect();
    assert!(made.len() > 9_990, "{} different ones", made.len());
    for id in made {
        let letters = id.strip_prefix("task_").expect("the prefix comes first");
        let is_good = |byte: u8| byte.is_ascii_digit() || byte.is_ascii_lowercase();
        assert!(letters.len() == LENGTH && letters.bytes().all(is_good), "{id}");
    }
}

#[test]
fn ids_made_one_after_the_other_lie_side_by_side() {
    let ids = FreshIds::default();
    let shared = |id: &str| id[..SHARED].to_owned();
    let made: Vec<String> = (0..4 * CLUSTER).map(|_| ids.next("", &RandomEntropy)).collect();
    let clusters: BTreeSet<String> = made.iter().map(|id| shared(id)).collect();
    assert!((2..=4).contains(&clusters.len()), "{clusters:?}");
    let own: BTreeSet<&str> = made.iter().map(|id| &id[SHARED..]).collect();
    assert!(
        own.len() > 500,
        "the second half is random: {} different ones",
        own.len()
    );
}

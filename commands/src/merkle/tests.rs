use proptest::prelude::*;

use super::*;

fn hash(hex_text: &str) -> Hash {
    hex::decode(hex_text).unwrap().try_into().unwrap()
}

/// The leaves and roots that the Certificate Transparency reference implementation tests with.
fn reference_leaves() -> Vec<Hash> {
    [
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    ]
    .map(|text| leaf_hash(&hex::decode(text).unwrap()))
    .to_vec()
}

const REFERENCE_ROOTS: [&str; 8] = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

#[test]
fn empty_tree_has_the_hash_of_nothing() {
    assert_eq!(
        root(&[]),
        hash("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    );
}

#[test]
fn roots_are_those_of_the_reference_implementation() {
    let leaves = reference_leaves();
    for (size, expected) in (1..).zip(REFERENCE_ROOTS) {
        assert_eq!(root(&leaves[..size]), hash(expected), "size {size}");
    }
}

#[test]
fn inclusion_proof_is_that_of_the_reference_implementation() {
    let proof = inclusion_proof(&reference_leaves(), 0).unwrap();
    let expected = [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ];
    assert_eq!(proof, expected.map(hash));
}

#[test]
fn consistency_proof_is_that_of_the_reference_implementation() {
    let proof = consistency_proof(&reference_leaves(), 1).unwrap();
    let expected = [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ];
    assert_eq!(proof, expected.map(hash));
}

#[test]
fn proofs_of_what_is_not_there_are_none() {
    let leaves = reference_leaves();
    assert_eq!(inclusion_proof(&leaves, 8), None);
    assert_eq!(consistency_proof(&leaves, 9), None);
}

fn leaves_of(count: usize) -> Vec<Hash> {
    (0..count)
        .map(|number| leaf_hash(&number.to_be_bytes()))
        .collect()
}

/// The definition of RFC 6962 section 2.1, word for word.
fn root_by_definition(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => empty_root(),
        [only] => *only,
        many => {
            let middle = usize::try_from(split(many.len() as u64)).unwrap();
            let (left, right) = many.split_at(middle);
            node_hash(&root_by_definition(left), &root_by_definition(right))
        }
    }
}

proptest! {
    #[test]
    fn frontier_gives_the_root_of_the_definition(count in 0_usize..300) {
        let leaves = leaves_of(count);
        prop_assert_eq!(root(&leaves), root_by_definition(&leaves));
    }

    #[test]
    fn frontier_survives_being_stored(count in 0_usize..300, more in 0_usize..20) {
        let leaves = leaves_of(count + more);
        let mut frontier = Frontier::new();
        leaves[..count].iter().for_each(|leaf| frontier.append(*leaf));
        let mut read = Frontier::from_bytes(count as u64, &frontier.to_bytes()).unwrap();
        leaves[count..].iter().for_each(|leaf| read.append(*leaf));
        prop_assert_eq!(read.root(), root(&leaves));
        prop_assert!(Frontier::from_bytes(count as u64 + 1, &[0; 7]).is_none());
    }

    #[test]
    fn inclusion_proofs_hold_and_only_for_their_leaf(count in 1_usize..200, at in any::<prop::sample::Index>()) {
        let leaves = leaves_of(count);
        let (index, size, root) = (at.index(count), count as u64, root(&leaves));
        let proof = inclusion_proof(&leaves, index as u64).unwrap();
        prop_assert!(verify_inclusion(&leaves[index], index as u64, size, &proof, &root));
        prop_assert!(!verify_inclusion(&leaf_hash(b"other"), index as u64, size, &proof, &root));
        prop_assert!(!verify_inclusion(&leaves[index], size, size, &proof, &root));
        let mut longer = proof.clone();
        longer.push(root);
        prop_assert!(!verify_inclusion(&leaves[index], index as u64, size, &longer, &root));
    }

    #[test]
    fn consistency_proofs_hold_and_not_for_an_edited_past(count in 1_usize..200, at in any::<prop::sample::Index>()) {
        let leaves = leaves_of(count);
        let old = at.index(count) + 1;
        let (old_root, new_root) = (root(&leaves[..old]), root(&leaves));
        let proof = consistency_proof(&leaves, old as u64).unwrap();
        prop_assert!(verify_consistency(old as u64, &old_root, count as u64, &new_root, &proof));
        let mut edited = leaves.clone();
        edited[0] = leaf_hash(b"edited");
        let edited_root = root(&edited);
        let edited_proof = consistency_proof(&edited, old as u64).unwrap();
        prop_assert!(!verify_consistency(old as u64, &old_root, count as u64, &edited_root, &edited_proof));
    }
}

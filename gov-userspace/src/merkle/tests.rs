//! The tree is RFC 6962's, however it is put together, and its proofs prove what they say and nothing else.
#![expect(clippy::arithmetic_side_effects, reason = "a test that wraps panics")]

use super::{Hash, Prover, Span, Tree, consistent, included, leaf, node};
use proptest::prelude::*;

/// The leaves that Certificate Transparency's reference implementations test with.
const LEAVES: [&str; 8] =
    ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
/// The roots over the first 0, 1, ... 8 of them, as published there.
const ROOTS: [&str; 9] = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];
/// Proofs of consistency between them, by both sizes, as published there.
const CONSISTENCY: [(u64, u64, &[&str]); 5] = [
    (1, 1, &[]),
    (
        1,
        8,
        &[
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        6,
        8,
        &[
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
    (
        2,
        5,
        &[
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    ),
    (
        6,
        7,
        &[
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
];
/// Trees up to this size are tried whole.
const MOST: usize = 130;

fn hash(digits: &str) -> Hash {
    hex::decode(digits).unwrap().try_into().unwrap()
}

fn leaves(count: usize) -> Vec<Hash> {
    (0..count).map(|number| leaf(&number.to_be_bytes())).collect()
}

fn tree(leaves: &[Hash]) -> Tree {
    let mut tree = Tree::default();
    leaves.iter().for_each(|leaf| tree.push(*leaf));
    tree
}

fn proof(mut prover: Prover, leaves: &[Hash]) -> Vec<Hash> {
    leaves.iter().for_each(|leaf| prover.push(*leaf));
    prover.proof().unwrap()
}

/// RFC 6962's own recursive definition of a root.
fn root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => hash(ROOTS[0]),
        [one] => *one,
        more => {
            let (left, right) = more.split_at(half(more.len()));
            node(&root(left), &root(right))
        }
    }
}

/// The largest power of two below a size above 1.
fn half(size: usize) -> usize {
    size.next_power_of_two() / 2
}

/// RFC 9162's own recursive definition of a consistency proof: its SUBPROOF.
fn subproof(old: usize, leaves: &[Hash], whole: bool) -> Vec<Hash> {
    if old == leaves.len() {
        return if whole { vec![] } else { vec![root(leaves)] };
    }
    let (left, right) = leaves.split_at(half(leaves.len()));
    if old <= left.len() {
        [subproof(old, left, whole), vec![root(right)]].concat()
    } else {
        [subproof(old - left.len(), right, false), vec![root(left)]].concat()
    }
}

#[test]
fn roots_are_the_published_ones_of_certificate_transparency() {
    let mut tree = Tree::default();
    assert_eq!(tree.root(), hash(ROOTS[0]));
    for (line, root) in LEAVES.iter().zip(&ROOTS[1..]) {
        tree.push(leaf(&hex::decode(line).unwrap()));
        assert_eq!(tree.root(), hash(root));
    }
}

#[test]
fn consistency_proofs_are_the_published_ones_of_certificate_transparency() {
    let leaves: Vec<Hash> = LEAVES.iter().map(|line| leaf(&hex::decode(line).unwrap())).collect();
    for (old, new, published) in CONSISTENCY {
        let published: Vec<Hash> = published.iter().map(|digits| hash(digits)).collect();
        let prover = Prover::consistency(old, new).unwrap();
        assert_eq!(proof(prover, &leaves[..new as usize]), published, "{old} to {new}");
        let at = |size: u64| (size, hash(ROOTS[size as usize]));
        let ((_, old_root), (_, new_root)) = (at(old), at(new));
        assert!(consistent((old, &old_root), (new, &new_root), &published), "{old} to {new}");
    }
}

#[test]
fn every_size_is_consistent_with_every_later_one_by_the_defined_proof() {
    let leaves = leaves(MOST);
    let roots: Vec<Hash> = (0..=MOST).map(|size| root(&leaves[..size])).collect();
    for new in 0..=MOST {
        for old in 0..=new {
            let made = proof(Prover::consistency(old as u64, new as u64).unwrap(), &leaves[..new]);
            let defined = if old == 0 { vec![] } else { subproof(old, &leaves[..new], true) };
            assert_eq!(made, defined, "{old} to {new}");
            let ((old, old_root), (new, new_root)) = ((old as u64, roots[old]), (new as u64, roots[new]));
            assert!(consistent((old, &old_root), (new, &new_root), &made), "{old} to {new}");
            // The sizes are the signed heads' own; a proof binds them as far as the tree's form depends on them.
            if 0 < old && old < new {
                assert!(!consistent((new, &new_root), (old, &old_root), &made), "{new} to {old}");
                assert!(!consistent((old, &old_root), (2 * new, &new_root), &made), "{old} to twice {new}");
                assert!(!consistent((2 * old, &old_root), (new, &new_root), &made), "twice {old} to {new}");
            }
        }
    }
}

#[test]
fn no_hostile_consistency_proof_shows_anything() {
    let leaves = leaves(MOST);
    for (old, new) in [(1, 2), (1, 130), (2, 3), (3, 7), (6, 8), (64, 130), (65, 130), (127, 130), (129, 130)]
    {
        let roots = (root(&leaves[..old]), root(&leaves[..new]));
        let good = subproof(old, &leaves[..new], true);
        let (old, new) = (old as u64, new as u64);
        let shows = |proof: &[Hash]| consistent((old, &roots.0), (new, &roots.1), proof);
        assert!(shows(&good));
        for place in 0..good.len() {
            for bit in 0..256 {
                let mut flipped = good.clone();
                flipped[place][bit / 8] ^= 1 << (bit % 8);
                assert!(!shows(&flipped), "{old} to {new}: bit {bit} of hash {place}");
            }
            assert!(!shows(&good[..place]), "{old} to {new}: cut after {place}");
            assert!(!shows(&good[place + 1..]), "{old} to {new}: begun after {place}");
            let mut twice = good.clone();
            twice.insert(place, good[place]);
            assert!(!shows(&twice), "{old} to {new}: hash {place} twice");
        }
        for more in [[0; 32], roots.0, roots.1] {
            assert!(!shows(&[&good[..], &[more]].concat()), "{old} to {new}: one more at the end");
            assert!(!shows(&[&[more], &good[..]].concat()), "{old} to {new}: one more at the beginning");
        }
        assert!(!shows(&vec![[0; 32]; 10_000]));
        assert!(!consistent((old, &roots.1), (new, &roots.0), &good), "swapped roots");
        assert!(!consistent((new, &roots.1), (old, &roots.0), &good), "swapped trees");
        assert!(!consistent((new, &roots.0), (old, &roots.1), &good), "swapped sizes");
        assert!(!consistent((old, &roots.0), (u64::MAX, &roots.1), &good), "an endless log");
        assert!(!consistent((0, &roots.0), (new, &roots.1), &[]), "nothing that is something");
        assert!(!consistent((new, &roots.0), (new, &roots.1), &[]), "two logs of one size");
    }
}

#[test]
fn there_is_no_proof_of_what_is_not_there_or_from_too_few_leaves() {
    assert!(Prover::inclusion(3, 3).is_none());
    assert!(Prover::inclusion(0, 0).is_none());
    assert!(Prover::consistency(3, 2).is_none());
    let mut prover = Prover::inclusion(0, 2).unwrap();
    prover.push(leaf(b"a"));
    assert_eq!(prover.proof(), None);
    prover.push(leaf(b"b"));
    assert_eq!(prover.proof(), Some(vec![leaf(b"b")]));
}

proptest! {
    #[test]
    fn any_tree_is_the_defined_one_and_proves_each_leaf_at_its_place_only(
        size in 1_usize..80, seed in any::<usize>(), flip in any::<usize>(),
    ) {
        let leaves = leaves(size);
        let tree = tree(&leaves);
        prop_assert_eq!(tree.root(), root(&leaves));

        let index = seed % size;
        let proof = proof(Prover::inclusion(index as u64, size as u64).unwrap(), &leaves);
        let proves = |index: usize, size: usize, proof: &[Hash]| {
            included(leaves[seed % leaves.len()], index as u64, size as u64, proof, &tree.root())
        };
        prop_assert!(proves(index, size, &proof));
        prop_assert!(!(0..size).any(|other| other != index && proves(other, size, &proof)));
        prop_assert!(!proves(index, 0, &proof));
        prop_assert!(!proves(index, size, &[&proof[..], &[[0; 32]]].concat()));
        if !proof.is_empty() {
            prop_assert!(!proves(index, size, &proof[1..]));
            let mut wrong = proof.clone();
            wrong[flip % proof.len()][flip % 32] ^= 1;
            prop_assert!(!proves(index, size, &wrong));
        }
    }

    #[test]
    fn a_tree_that_grows_by_spans_is_the_one_that_grows_by_leaves(
        size in 0_usize..300, cuts in proptest::collection::vec(0_usize..300, 0..6),
        stops in proptest::collection::vec(0_usize..300, 0..6),
    ) {
        let leaves = leaves(size);
        let mut cuts: Vec<usize> = cuts.into_iter().chain([0, size]).filter(|cut| *cut <= size).collect();
        cuts.sort_unstable();
        let mut grown = Tree::default();
        for pair in cuts.windows(2) {
            let span = Span::new(pair[0] as u64, leaves[pair[0]..pair[1]].to_vec());
            prop_assert!(pair[0] == pair[1] || span.end() == pair[1] as u64);
            for stop in stops.iter().filter(|stop| (pair[0]..=pair[1]).contains(stop)) {
                let mut within = grown.clone();
                span.grow(&mut within, *stop as u64);
                prop_assert_eq!(&within, &tree(&leaves[..*stop]));
            }
            span.grow(&mut grown, u64::MAX);
            prop_assert_eq!(&grown, &tree(&leaves[..pair[1]]));
        }
    }
}

//! The Merkle tree of RFC 6962 over a log's lines: its root as it grows, and proofs that a line is in it.

use std::ops::Range;

use sha2::{Digest, Sha256};

/// A SHA-256 hash.
pub type Hash = [u8; 32];

/// The hash of a leaf: a line without its newline.
pub fn leaf(line: &[u8]) -> Hash {
    Sha256::new().chain_update([0]).chain_update(line).finalize().into()
}

fn node(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

/// A growing tree. It keeps one hash a level, so it stays small however long the log becomes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    size: u64,
    /// The roots of the complete subtrees that the leaves fall into, largest first: one for each bit of `size`.
    peaks: Vec<Hash>,
}

impl Tree {
    /// Leaves in the tree.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Adds a leaf's hash.
    pub fn push(&mut self, leaf: Hash) {
        let mut hash = leaf;
        for _complete in 0..self.size.trailing_ones() {
            if let Some(left) = self.peaks.pop() {
                hash = node(&left, &hash);
            }
        }
        self.peaks.push(hash);
        self.size = self.size.saturating_add(1);
    }

    /// The root over all leaves so far; over none, the hash of nothing.
    pub fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter().rev();
        match peaks.next() {
            Some(last) => peaks.fold(*last, |right, left| node(left, &right)),
            None => Sha256::digest([]).into(),
        }
    }
}

/// Builds the proof that one leaf is in a tree, from the tree's leaves in order, in little memory.
#[derive(Clone, Debug)]
pub struct Prover {
    /// The subtrees beside the way from the leaf to the root, from the leaf upwards, each with what it has so far.
    beside: Vec<(Range<u64>, Tree)>,
    next: u64,
}

impl Prover {
    /// For the leaf `index` of a tree of `size` leaves; `None` if there is no such leaf.
    pub fn new(index: u64, size: u64) -> Option<Self> {
        let (mut tree, mut beside) = (0..size, Vec::new());
        if !tree.contains(&index) {
            return None;
        }
        while let Some(length @ 2..) = tree.end.checked_sub(tree.start) {
            let left = length.checked_next_power_of_two().map_or(1 << 63, |above| above >> 1);
            let middle = tree.start.checked_add(left)?;
            let (same, other) = if index < middle {
                (tree.start..middle, middle..tree.end)
            } else {
                (middle..tree.end, tree.start..middle)
            };
            beside.push((other, Tree::default()));
            tree = same;
        }
        beside.reverse();
        Some(Self { beside, next: 0 })
    }

    /// Takes the next leaf's hash.
    pub fn push(&mut self, leaf: Hash) {
        let place = self.next;
        if let Some((_, tree)) = self.beside.iter_mut().find(|(range, _)| range.contains(&place)) {
            tree.push(leaf);
        }
        self.next = place.saturating_add(1);
    }

    /// The proof, from the leaf upwards; `None` while leaves are missing.
    pub fn proof(&self) -> Option<Vec<Hash>> {
        let whole =
            |(range, tree): &(Range<u64>, Tree)| range.end.checked_sub(range.start) == Some(tree.size());
        self.beside.iter().all(whole).then(|| self.beside.iter().map(|(_, tree)| tree.root()).collect())
    }
}

/// Whether `proof` shows that `leaf` is number `index` in the tree of `size` leaves with this root (RFC 9162,
/// section 2.1.3.2).
pub fn included(leaf: Hash, index: u64, size: u64, proof: &[Hash], root: &Hash) -> bool {
    if index >= size {
        return false;
    }
    let (mut place, mut last, mut hash) = (index, size.saturating_sub(1), leaf);
    for beside in proof {
        if last == 0 {
            return false;
        }
        if place & 1 == 1 || place == last {
            hash = node(beside, &hash);
            while place & 1 == 0 && place != 0 {
                place >>= 1;
                last >>= 1;
            }
        } else {
            hash = node(&hash, beside);
        }
        place >>= 1;
        last >>= 1;
    }
    last == 0 && hash == *root
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "a test that wraps panics")]
mod tests {
    use super::{Hash, Prover, Tree, included, leaf, node};
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

    #[test]
    fn roots_are_the_published_ones_of_certificate_transparency() {
        let mut tree = Tree::default();
        assert_eq!(hex::encode(tree.root()), ROOTS[0]);
        for (line, root) in LEAVES.iter().zip(&ROOTS[1..]) {
            tree.push(leaf(&hex::decode(line).unwrap()));
            assert_eq!(hex::encode(tree.root()), *root);
        }
    }

    /// RFC 6962's own recursive definition.
    fn defined(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => Tree::default().root(),
            [one] => *one,
            more => {
                let (left, right) = more.split_at(more.len().next_power_of_two() / 2);
                node(&defined(left), &defined(right))
            }
        }
    }

    proptest! {
        #[test]
        fn any_tree_is_the_defined_one_and_proves_each_leaf_at_its_place_only(
            size in 1_usize..80, seed in any::<usize>(), flip in any::<usize>(),
        ) {
            let leaves: Vec<Hash> = (0..size).map(|number| leaf(&number.to_be_bytes())).collect();
            let mut tree = Tree::default();
            leaves.iter().for_each(|leaf| tree.push(*leaf));
            prop_assert_eq!(tree.root(), defined(&leaves));

            let index = seed % size;
            let mut prover = Prover::new(index as u64, size as u64).unwrap();
            leaves.iter().for_each(|leaf| prover.push(*leaf));
            let proof = prover.proof().unwrap();
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
    }

    #[test]
    fn there_is_no_proof_of_a_leaf_that_is_not_there_or_from_too_few_leaves() {
        assert!(Prover::new(3, 3).is_none());
        assert!(Prover::new(0, 0).is_none());
        let mut prover = Prover::new(0, 2).unwrap();
        prover.push(leaf(b"a"));
        assert_eq!(prover.proof(), None);
        prover.push(leaf(b"b"));
        assert_eq!(prover.proof(), Some(vec![leaf(b"b")]));
    }
}

//! Proofs of RFC 9162, section 2.1: that a leaf is in a tree, and that a tree is the beginning of another.

use std::ops::Range;

use super::{Hash, Tree, node};

/// Builds a proof from the tree's leaves in order, in little memory.
#[derive(Clone, Debug)]
pub struct Prover {
    /// The subtrees whose roots are the proof, in its order, each with what it has so far.
    parts: Vec<(Range<u64>, Tree)>,
    next: u64,
}

impl Prover {
    /// That the leaf `index` is in a tree of `size` leaves; `None` if there is no such leaf.
    pub fn inclusion(index: u64, size: u64) -> Option<Self> {
        let (mut tree, mut parts) = (0..size, Vec::new());
        if !tree.contains(&index) {
            return None;
        }
        while let Some(middle) = middle(&tree) {
            let (same, beside) = if index < middle {
                (tree.start..middle, middle..tree.end)
            } else {
                (middle..tree.end, tree.start..middle)
            };
            parts.push(beside);
            tree = same;
        }
        Some(Self::of(parts))
    }

    /// That the first `old` of `new` leaves are those of the tree that had no more; `None` if there were more.
    pub fn consistency(old: u64, new: u64) -> Option<Self> {
        let (mut tree, mut parts) = (0..new, Vec::new());
        if old > new {
            return None;
        }
        // Every tree begins with nothing.
        while old > 0 && tree.end != old {
            let middle = middle(&tree)?;
            let (same, beside) = if old <= middle {
                (tree.start..middle, middle..tree.end)
            } else {
                (middle..tree.end, tree.start..middle)
            };
            parts.push(beside);
            tree = same;
        }
        // Whoever has the old root needs no other where the old tree is one whole subtree of the new.
        if old > 0 && tree.start > 0 {
            parts.push(tree);
        }
        Some(Self::of(parts))
    }

    /// From the subtrees that a proof names, the one nearest to the root first.
    fn of(parts: Vec<Range<u64>>) -> Self {
        Self { parts: parts.into_iter().rev().map(|part| (part, Tree::default())).collect(), next: 0 }
    }

    /// Takes the next leaf's hash.
    pub fn push(&mut self, leaf: Hash) {
        let place = self.next;
        if let Some((_, tree)) = self.parts.iter_mut().find(|(range, _)| range.contains(&place)) {
            tree.push(leaf);
        }
        self.next = place.saturating_add(1);
    }

    /// The proof, from the leaves upwards; `None` while leaves are missing.
    pub fn proof(&self) -> Option<Vec<Hash>> {
        let whole =
            |(range, tree): &(Range<u64>, Tree)| range.end.checked_sub(range.start) == Some(tree.size());
        self.parts.iter().all(whole).then(|| self.parts.iter().map(|(_, tree)| tree.root()).collect())
    }
}

/// Where a subtree of more than one leaf falls into two: after the largest power of two that is less than its size.
fn middle(tree: &Range<u64>) -> Option<u64> {
    let last = tree.end.checked_sub(tree.start)?.checked_sub(1)?;
    tree.start.checked_add(1_u64.unbounded_shl(last.checked_ilog2()?))
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

/// Whether `proof` shows that the tree of the `old` size and root is the beginning of that of the `new` ones (RFC
/// 9162, section 2.1.4.2).
pub fn consistent(old: (u64, &Hash), new: (u64, &Hash), proof: &[Hash]) -> bool {
    let ((old_size, old_root), (new_size, new_root)) = (old, new);
    if old_size > new_size {
        return false;
    }
    if old_size == new_size {
        return proof.is_empty() && old_root == new_root;
    }
    if old_size == 0 {
        return proof.is_empty() && *old_root == Tree::default().root();
    }
    // The last leaf of each tree; both go up together from where the old tree's last whole subtree stands.
    let levels = old_size.trailing_zeros();
    let mut place = old_size.saturating_sub(1).unbounded_shr(levels);
    let mut last = new_size.saturating_sub(1).unbounded_shr(levels);
    // Where the old tree is that subtree itself, its root is the first hash and is left out of the proof.
    let (first, rest) = if old_size.is_power_of_two() {
        (*old_root, proof)
    } else {
        let Some((first, rest)) = proof.split_first() else { return false };
        (*first, rest)
    };
    let (mut old_hash, mut new_hash) = (first, first);
    for beside in rest {
        if last == 0 {
            return false;
        }
        if place & 1 == 1 || place == last {
            old_hash = node(beside, &old_hash);
            new_hash = node(beside, &new_hash);
            while place & 1 == 0 && place != 0 {
                place >>= 1;
                last >>= 1;
            }
        } else {
            new_hash = node(&new_hash, beside);
        }
        place >>= 1;
        last >>= 1;
    }
    last == 0 && old_hash == *old_root && new_hash == *new_root
}

//! The Merkle tree of RFC 6962 over a log's lines: its root as it grows, proofs that a line is in it, and proofs that
//! an older tree is the beginning of a newer one.

mod proof;
mod span;

use sha2::{Digest, Sha256};

pub use proof::{Prover, consistent, included};
pub use span::Span;

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
        self.add(0, leaf);
    }

    /// Adds the root over the next 2^`level` leaves. The tree's size must be a multiple of that.
    fn add(&mut self, level: u32, root: Hash) {
        let mut hash = root;
        for _complete in 0..self.size.unbounded_shr(level).trailing_ones() {
            if let Some(left) = self.peaks.pop() {
                hash = node(&left, &hash);
            }
        }
        self.peaks.push(hash);
        self.size = self.size.saturating_add(1_u64.unbounded_shl(level));
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

#[cfg(test)]
mod tests;

//! Neighbouring leaves of a tree, hashed apart from those before and after them: what one thread does of a log.

use super::{Hash, Tree, node};

/// Every complete subtree that lies in a run of leaves. With it, a [`Tree`] that ends where the run begins is grown to
/// any size within the run in a few steps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// From the leaves upwards: the number of the first subtree of 2^level leaves, and the roots from there on.
    levels: Vec<(u64, Vec<Hash>)>,
}

impl Span {
    /// Over these leaves, of which the first is number `start` of the tree.
    pub fn new(start: u64, leaves: Vec<Hash>) -> Self {
        let mut levels = Vec::new();
        let (mut first, mut roots) = (start, leaves);
        while !roots.is_empty() {
            // A subtree with an odd number is the right half of one that begins before these leaves.
            let odd = usize::from(first & 1 == 1);
            let (pairs, _rest) = roots.get(odd..).unwrap_or_default().as_chunks();
            let above = pairs.iter().map(|[left, right]| node(left, right)).collect();
            levels.push((first, roots));
            (first, roots) = (first.div_ceil(2), above);
        }
        Self { levels }
    }

    /// One more than the number of the last leaf; 0 if there is none.
    pub fn end(&self) -> u64 {
        let count = |roots: &[Hash]| u64::try_from(roots.len()).unwrap_or(u64::MAX);
        self.levels.first().map_or(0, |(first, leaves)| first.saturating_add(count(leaves)))
    }

    /// Adds these leaves to a tree that ends among them, up to `size` of all leaves or to the end of these.
    pub fn grow(&self, tree: &mut Tree, size: u64) {
        while let Some((level, root)) = self.largest(tree.size(), size) {
            tree.add(level, root);
        }
    }

    /// The largest subtree that begins at leaf `place` and ends at leaf `end` or before it.
    fn largest(&self, place: u64, end: u64) -> Option<(u32, Hash)> {
        let fits = end.checked_sub(place)?.checked_ilog2()?;
        let highest = fits.min(place.trailing_zeros());
        (0..=highest).rev().find_map(|level| {
            let (first, roots) = self.levels.get(usize::try_from(level).ok()?)?;
            let number = place.unbounded_shr(level).checked_sub(*first)?;
            roots.get(usize::try_from(number).ok()?).map(|root| (level, *root))
        })
    }
}

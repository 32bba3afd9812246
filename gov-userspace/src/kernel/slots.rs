//! Which places of `STATES` are free. The place that was freed last is taken last, so that a record of its former
//! session that is still on its way is hardly taken for one of the next.

use std::collections::VecDeque;
use std::ops::Range;

/// The free places.
pub(super) struct Slots {
    /// Nobody has had these.
    unused: Range<u32>,
    /// Freed longest ago first.
    freed: VecDeque<u32>,
}

impl Slots {
    /// All of the first `count` places are free.
    pub(super) const fn new(count: u32) -> Self {
        Self { unused: 0..count, freed: VecDeque::new() }
    }

    /// A free place, which is free no longer.
    pub(super) fn take(&mut self) -> Option<u32> {
        self.unused.next().or_else(|| self.freed.pop_front())
    }

    /// Takes a place that somebody has already; those before it that nobody has had count as freed.
    pub(super) fn take_this(&mut self, slot: u32) {
        let skipped = self.unused.start..slot.min(self.unused.end);
        if self.unused.contains(&slot) {
            self.unused.start = slot.saturating_add(1);
        }
        self.freed.extend(skipped);
        self.freed.retain(|free| *free != slot);
    }

    /// Frees a place that was taken.
    pub(super) fn give_back(&mut self, slot: u32) {
        self.freed.push_back(slot);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_that_was_freed_longest_ago_comes_first_when_none_is_unused() {
        let mut slots = Slots::new(3);
        let taken: Vec<_> = std::iter::from_fn(|| slots.take()).collect();
        assert_eq!(taken, [0, 1, 2]);
        for slot in [1, 0, 2] {
            slots.give_back(slot);
        }
        let taken: Vec<_> = std::iter::from_fn(|| slots.take()).collect();
        assert_eq!(taken, [1, 0, 2]);
    }

    #[test]
    fn a_place_that_somebody_has_is_given_to_nobody_else() {
        let mut slots = Slots::new(5);
        for slot in [3, 1] {
            slots.take_this(slot);
        }
        let taken: Vec<_> = std::iter::from_fn(|| slots.take()).collect();
        assert_eq!(taken, [4, 0, 2]);
    }

    #[test]
    fn an_unused_place_comes_before_a_freed_one() {
        let mut slots = Slots::new(2);
        let first = slots.take().unwrap();
        slots.give_back(first);
        assert_eq!(slots.take(), Some(1));
        assert_eq!(slots.take(), Some(0));
        assert_eq!(slots.take(), None);
    }
}

//! Puts one session's events into the order of their sequence numbers.
//!
//! Two CPUs may hand the ring their events in the other order than they numbered them, so an event that comes
//! early waits for those before it. A number that never comes is declared lost only when the kernel itself
//! accounts for it: it counts each event that the ring had no room for.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use gov_common::event::Header;

/// Between numbering an event and handing it over, a hook does not sleep: after so long, an event that the kernel
/// counts as lost is not on its way.
const ON_ITS_WAY: Duration = Duration::from_secs(1);
/// Early events that may wait: what waits is not acknowledged, so the kernel lets a session have no more under way than
/// its share of a ring of 16 MiB. More means that the kernel does not account for what is missing.
pub const MAX_WAITING: usize = (1 << 24) / size_of::<Header>();

/// One session's events, waiting for their turn.
#[derive(Debug)]
pub struct Order<T> {
    next: u64,
    early: BTreeMap<u64, T>,
    lost: u64,
    gap_since: Option<Instant>,
}

/// Numbers that will not come, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The first of them.
    pub first: u64,
    /// The last of them.
    pub last: u64,
}

impl Gap {
    /// How many numbers.
    pub fn count(self) -> u64 {
        self.last.saturating_sub(self.first).saturating_add(1)
    }
}

/// Why an event has no place in the order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    /// Its number was seen or declared lost before.
    #[error("event {0} came twice, or after it was declared lost")]
    Repeated(u64),
    /// Too many events wait for one that does not come.
    #[error("more than {MAX_WAITING} events wait for event {0}, which the kernel does not count as lost")]
    TooManyWaiting(u64),
}

impl<T> Default for Order<T> {
    fn default() -> Self {
        Self { next: 0, early: BTreeMap::new(), lost: 0, gap_since: None }
    }
}

impl<T> Order<T> {
    /// Goes on where an earlier order stood: before `next` every number has come out, `lost` of them as lost.
    pub fn resume(next: u64, lost: u64) -> Self {
        Self { next, lost, ..Self::default() }
    }

    /// Takes an event as it came.
    pub fn push(&mut self, sequence: u64, event: T, now: Instant) -> Result<(), OrderError> {
        if sequence < self.next || self.early.contains_key(&sequence) {
            return Err(OrderError::Repeated(sequence));
        }
        if self.early.len() >= MAX_WAITING {
            return Err(OrderError::TooManyWaiting(self.next));
        }
        self.early.insert(sequence, event);
        self.note_gap(now);
        Ok(())
    }

    /// The next event in order, if it is here.
    pub fn pop(&mut self, now: Instant) -> Option<T> {
        let event = self.early.remove(&self.next)?;
        self.next = self.next.saturating_add(1);
        self.gap_since = None;
        self.note_gap(now);
        Some(event)
    }

    /// The number of the next event.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// The events that wait for another.
    pub fn waiting(&self) -> impl Iterator<Item = &T> {
        self.early.values()
    }

    /// Declares the first gap lost if it has lasted and the kernel's count of lost events covers every gap.
    pub fn declare(&mut self, lost_by_kernel: u64, now: Instant) -> Option<Gap> {
        let since = self.gap_since?;
        let lasted = now.saturating_duration_since(since) >= ON_ITS_WAY;
        let unexplained = lost_by_kernel.saturating_sub(self.lost);
        if lasted && self.missing() <= unexplained { self.skip_gap(now) } else { None }
    }

    /// At the end, when no more events can come: the next gap below `issued`, the kernel's count of numbered
    /// events. Pop the events after each gap before asking again.
    pub fn declare_final(&mut self, issued: u64, now: Instant) -> Option<Gap> {
        if self.early.is_empty() {
            let last = issued.checked_sub(1).filter(|last| *last >= self.next)?;
            let gap = Gap { first: self.next, last };
            self.next = issued;
            self.lost = self.lost.saturating_add(gap.count());
            return Some(gap);
        }
        self.skip_gap(now)
    }

    /// Whether every number below `issued` has come or is accounted for by the kernel's count of lost events:
    /// nothing is on its way.
    pub fn is_complete(&self, issued: u64, lost_by_kernel: u64) -> bool {
        let here = u64::try_from(self.early.len()).unwrap_or(u64::MAX);
        let missing = issued.saturating_sub(self.next).saturating_sub(here);
        missing == lost_by_kernel.saturating_sub(self.lost)
    }

    /// Events declared lost.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// How many numbers are missing before the last event that came.
    fn missing(&self) -> u64 {
        let Some((last, _)) = self.early.last_key_value() else { return 0 };
        let span = last.saturating_sub(self.next).saturating_add(1);
        span.saturating_sub(u64::try_from(self.early.len()).unwrap_or(u64::MAX))
    }

    fn skip_gap(&mut self, now: Instant) -> Option<Gap> {
        let (&first_here, _) = self.early.first_key_value()?;
        let last = first_here.checked_sub(1).filter(|last| *last >= self.next)?;
        let gap = Gap { first: self.next, last };
        self.next = first_here;
        self.lost = self.lost.saturating_add(gap.count());
        self.gap_since = None;
        self.note_gap(now);
        Some(gap)
    }

    fn note_gap(&mut self, now: Instant) {
        let gap = self.early.first_key_value().is_some_and(|(first, _)| *first != self.next);
        if !gap {
            self.gap_since = None;
        } else if self.gap_since.is_none() {
            self.gap_since = Some(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Gap, ON_ITS_WAY, Order, OrderError};
    use proptest::prelude::*;
    use std::time::Instant;

    fn drain(order: &mut Order<u64>, now: Instant) -> Vec<u64> {
        std::iter::from_fn(|| order.pop(now)).collect()
    }

    #[test]
    fn an_early_event_waits_for_those_before_it() {
        let now = Instant::now();
        let mut order = Order::default();
        order.push(1, 1, now).unwrap();
        assert!(drain(&mut order, now).is_empty());
        order.push(0, 0, now).unwrap();
        assert_eq!(drain(&mut order, now), [0, 1]);
        assert_eq!(order.push(1, 1, now), Err(OrderError::Repeated(1)));
    }

    #[test]
    fn a_gap_is_lost_only_when_it_lasted_and_the_kernel_counts_all_of_it() {
        let now = Instant::now();
        let later = now + ON_ITS_WAY;
        let mut order = Order::default();
        order.push(2, 2, now).unwrap();
        assert_eq!(order.declare(2, now), None, "it may be on its way");
        assert_eq!(order.declare(1, later), None, "the kernel counts one, two are missing");
        assert_eq!(order.declare(2, later), Some(Gap { first: 0, last: 1 }));
        assert_eq!(drain(&mut order, later), [2]);
        order.push(5, 5, later).unwrap();
        assert_eq!(order.declare(3, later + ON_ITS_WAY), None, "two of the three are declared already");
    }

    #[test]
    fn it_is_complete_when_what_is_missing_is_what_the_kernel_lost() {
        let now = Instant::now();
        let mut order = Order::default();
        order.push(1, 1, now).unwrap();
        assert!(order.is_complete(2, 1));
        assert!(!order.is_complete(2, 0), "event 0 is on its way");
        assert!(!order.is_complete(3, 1), "event 0 or 2 is on its way");
    }

    #[test]
    fn at_the_end_the_tail_that_the_kernel_numbered_is_missing_too() {
        let now = Instant::now();
        let mut order = Order::default();
        order.push(1, 1, now).unwrap();
        assert_eq!(order.declare_final(4, now), Some(Gap { first: 0, last: 0 }));
        assert_eq!(drain(&mut order, now), [1]);
        assert_eq!(order.declare_final(4, now), Some(Gap { first: 2, last: 3 }));
        assert_eq!(order.declare_final(4, now), None);
        assert_eq!(order.lost(), 3);
    }

    proptest! {
        #[test]
        fn every_number_comes_out_once_as_an_event_or_as_lost(
            arrival in Just((0_u64..60).collect::<Vec<_>>()).prop_shuffle(),
            dropped in proptest::collection::btree_set(0_u64..60, 0..20),
        ) {
            let now = Instant::now();
            let mut order = Order::default();
            let mut out = Vec::new();
            for sequence in arrival.into_iter().filter(|number| !dropped.contains(number)) {
                order.push(sequence, sequence, now).unwrap();
                out.extend(drain(&mut order, now));
            }
            let mut lost = Vec::new();
            while let Some(gap) = order.declare_final(60, now) {
                lost.extend(gap.first..=gap.last);
                out.extend(drain(&mut order, now));
            }
            prop_assert!(out.is_sorted());
            prop_assert_eq!(lost, dropped.into_iter().collect::<Vec<_>>());
            prop_assert_eq!((out.len() as u64).saturating_add(order.lost()), 60);
        }
    }
}

//! What the kernel has counted of a session, and how it stands by that.

use gov_common::abi::{READS_EARLY, ReadKey, State};
use gov_common::decide;
use gov_common::limits::{BUDGETS, Budget, UNLIMITED};
use gov_common::repeated::{Refusal, RefusalKey};
use gov_common::verdict::Reason;

use super::batch::each;
use super::error::KernelError;
use super::sessions::{Sessions, Slot};
use crate::clock;

/// The refusals are the last budget.
const _: () = assert!(Budget::Refusals as usize + 1 == BUDGETS);

/// How a session stands: whether the kernel refuses it everything at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// [`Reason::Granted`], or why everything is refused.
    pub reason: Reason,
    /// `CLOCK_BOOTTIME` in nanoseconds until which its circuit is open; `u64::MAX` for good.
    pub open_until_ns: u64,
}

impl Sessions {
    /// The kernel's own account of a session.
    pub(super) fn counters(&self, slot: Slot) -> Result<State, KernelError> {
        self.bound(slot)?;
        Ok(self.maps.states.get(&slot.0, 0).map_err(KernelError::map("read a session's counters"))?.0)
    }

    /// How a session stands by its limits and its time.
    pub(super) fn standing(&self, slot: Slot) -> Result<Standing, KernelError> {
        let session = self.bound(slot)?.session;
        let limits = session.limits;
        let [.., most] = limits.most;
        let suffers = most != UNLIMITED || limits.breaker_refusals != UNLIMITED;
        // Only refusals make a state that matters here: without a limit on them it is not read.
        let state = if suffers { self.counters(slot)? } else { State::default() };
        let [.., refusals] = state.used;
        let reason = decide::standing(&session, refusals, state.open_until_ns, clock::boot_ns());
        Ok(Standing { reason, open_until_ns: state.open_until_ns })
    }

    /// How often a session has read in each directory.
    pub(super) fn read_counts(&self, slot: Slot) -> Result<Vec<(ReadKey, u64)>, KernelError> {
        let session = self.bound(slot)?.session.id;
        let mut counts = self.walked_reads(slot)?;
        for (key, count) in &mut counts {
            *count = count.saturating_add(self.grants.reads(session, key)?);
        }
        Ok(counts)
    }

    /// Where a session has read, and how many of the reads there were walked to.
    pub(super) fn walked_reads(&self, slot: Slot) -> Result<Vec<(ReadKey, u64)>, KernelError> {
        let mut counts = Vec::new();
        // The counts of all sessions stand in one map. Whoever has none there need not look for them.
        if self.counters(slot)?.counted_reads > 0 {
            each(&self.maps.reads, "read a session's reads", |key: ReadKey, walked: u64| {
                if key.slot == slot.0 {
                    counts.push((key, walked & !READS_EARLY));
                }
            })?;
        }
        Ok(counts)
    }

    /// The refusals of a session that are not recorded one by one.
    pub(super) fn refusals(&self, slot: Slot) -> Result<Vec<(RefusalKey, Refusal)>, KernelError> {
        let mut refusals = Vec::new();
        // As with reads.
        if self.counters(slot)?.distinct_refusals > 0 {
            each(&self.maps.refusals, "read a session's refusals", |key: RefusalKey, refusal: Refusal| {
                if key.slot == slot.0 {
                    refusals.push((key, refusal));
                }
            })?;
        }
        Ok(refusals)
    }

    /// Tells the kernel that the records of a session up to these many bytes are written down.
    pub(super) fn note_taken(&mut self, slot: Slot, bytes: u64) -> Result<(), KernelError> {
        self.bound(slot)?;
        self.maps
            .taken
            .set(slot.0, bytes, 0)
            .map_err(KernelError::map("give back a session's share of the ring"))
    }

    /// How many of a session's reads were granted without a walk.
    pub(super) fn remembered_reads(&self, slot: Slot) -> Result<u64, KernelError> {
        let session = self.bound(slot)?.session.id;
        self.walked_reads(slot)?
            .iter()
            .try_fold(0_u64, |sum, (key, _)| Ok(sum.saturating_add(self.grants.reads(session, key)?)))
    }
}

//! The daemon's part in reads that are granted without a walk: it says which policy's grants hold for a session, and
//! adds up and frees their counts.

use aya::maps::{Array, MapData};
use gov_common::abi::ReadKey;
use gov_common::cached::{Gate, TALLIES, TALLY_PLACES, Tally, tally};

use super::error::KernelError;
use super::wire::Wire;

/// The maps of remembered grants that the daemon writes to.
pub(super) struct Grants {
    pub(super) gates: Array<MapData, Wire<Gate>>,
    pub(super) tallies: Array<MapData, Wire<Tally>>,
}

impl Grants {
    /// Lets the grants of this generation hold for the session in this cgroup.
    pub(super) fn open(&mut self, slot: u32, cgroup: u64, generation: u32) -> Result<(), KernelError> {
        // The cgroup first: a hook that sees the generation sees whose it is.
        for generation in [0, generation] {
            self.set(slot, Gate { cgroup, generation, reserved: 0 })?;
        }
        Ok(())
    }

    /// Lets no grant hold for a session. Hooks that are running may still go by one.
    pub(super) fn close(&mut self, slot: u32) -> Result<(), KernelError> {
        let Wire(gate) =
            self.gates.get(&slot, 0).map_err(KernelError::map("read what is granted without a walk"))?;
        self.set(slot, Gate { generation: 0, ..gate })
    }

    /// How many of a session's reads in a directory were granted without a walk.
    pub(super) fn reads(&self, session: u64, key: &ReadKey) -> Result<u64, KernelError> {
        Ok(self.find(session, key)?.iter().fold(0, |sum, (_, count)| count.saturating_add(sum)))
    }

    /// Frees the counts of a directory whose session no hook knows any more.
    pub(super) fn free(&mut self, session: u64, key: &ReadKey) -> Result<(), KernelError> {
        for (index, _) in self.find(session, key)? {
            self.tallies
                .set(index, Wire(Tally::default()), 0)
                .map_err(KernelError::map("free a directory's count of reads"))?;
        }
        Ok(())
    }

    /// Where a directory's counts stand, and what they are: it has more than one if two CPUs claimed one at once, or if
    /// an earlier place became free.
    fn find(&self, session: u64, key: &ReadKey) -> Result<Vec<(u32, u64)>, KernelError> {
        let first = tally(session, key.inode, key.device);
        let mut found = Vec::new();
        for turn in 0..TALLY_PLACES {
            let index = first.wrapping_add(turn) & TALLIES.wrapping_sub(1);
            let Wire(tally) =
                self.tallies.get(&index, 0).map_err(KernelError::map("read a directory's count of reads"))?;
            if tally.is_of(session, key.inode, key.device) {
                found.push((index, tally.count));
            }
        }
        Ok(found)
    }

    fn set(&mut self, slot: u32, gate: Gate) -> Result<(), KernelError> {
        self.gates.set(slot, Wire(gate), 0).map_err(KernelError::map("say what is granted without a walk"))
    }
}

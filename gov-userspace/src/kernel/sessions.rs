//! Sessions in the kernel: binding a cgroup to a policy, changing it, cutting it off, letting it go.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;

use aya::maps::{Array, HashMap, MapData};
use gov_common::abi::{
    Control, MAX_CGROUP_LEVELS, MAX_SESSIONS, READS_EARLY, ReadKey, SESSION_ARM_AT_EXEC, SESSION_SHELLS,
    Session, State,
};
use gov_common::verdict::Reason;

use super::error::KernelError;
use super::grace;
use super::grants::Grants;
use super::policies::{Placed, Policies};
use super::wire::Wire;
use crate::policy::Compiled;

const OUR_MOUNTS: &str = "/proc/self/ns/mnt";

/// Where a session stands in the kernel's tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Slot(u32);

/// A session to be bound.
#[derive(Clone, Copy, Debug)]
pub struct BindSpec<'a> {
    /// The cgroup's id: the inode number of its folder in the v2 hierarchy.
    pub cgroup_id: u64,
    /// The cgroup's depth: the root of the hierarchy is 0.
    pub cgroup_level: u32,
    /// The session's number, unique since boot, not 0.
    pub session_number: u64,
    /// `CLOCK_BOOTTIME` in nanoseconds from which everything is refused; `u64::MAX` for never.
    pub expires_boot_ns: u64,
    /// What it may do.
    pub policy: &'a Compiled,
    /// Bits `SESSION_*` of `gov_common::abi`; `SESSION_SHELLS` is taken from the policy.
    pub flags: u32,
}

/// The maps that hold sessions, and what stands in them.
pub(super) struct Sessions {
    pub(super) control: Array<MapData, Wire<Control>>,
    pub(super) sessions: HashMap<MapData, u64, Wire<Session>>,
    pub(super) states: Array<MapData, Wire<State>>,
    pub(super) reads: HashMap<MapData, Wire<ReadKey>, u64>,
    pub(super) policies: Policies,
    pub(super) grants: Grants,
    pub(super) bound: BTreeMap<u32, Bound>,
}

/// One bound session.
pub(super) struct Bound {
    cgroup_id: u64,
    level: u32,
    session: Session,
    placed: Placed,
}

impl Sessions {
    /// Binds a cgroup: when this returns, its tasks are governed (from their next exec with
    /// `SESSION_ARM_AT_EXEC`, else at once, in this process's mount namespace).
    pub(super) fn bind(&mut self, spec: &BindSpec<'_>) -> Result<Slot, KernelError> {
        if spec.cgroup_level >= MAX_CGROUP_LEVELS {
            return Err(KernelError::TooDeep { level: spec.cgroup_level, limit: MAX_CGROUP_LEVELS });
        }
        let slot = self.free_slot()?;
        self.reset(slot, spec.flags)?;
        let placed = self.policies.place(spec.policy)?;
        let session = Session {
            id: spec.session_number,
            expires_ns: spec.expires_boot_ns,
            slot,
            root: placed.root,
            net: placed.root.id,
            cut: 0,
            flags: flags(spec.flags, spec.policy),
            generation: 0,
        };
        let bound = Bound { cgroup_id: spec.cgroup_id, level: spec.cgroup_level, session, placed };
        let entered = self.enter(&bound);
        self.bound.insert(slot, bound);
        match entered.and_then(|()| self.open(Slot(slot))) {
            Ok(()) => Ok(Slot(slot)),
            Err(error) => {
                // The first error is the one to tell; what is left over is logged where it happens.
                let _ = self.unbind(Slot(slot));
                Err(error)
            }
        }
    }

    /// Gives a session another policy in one step: every decision sees the old one or the new one.
    pub(super) fn replace_policy(&mut self, slot: Slot, policy: &Compiled) -> Result<(), KernelError> {
        let old = self.bound(slot)?.session;
        let placed = self.policies.place(policy)?;
        let session = Session {
            root: placed.root,
            net: placed.root.id,
            flags: flags(old.flags, policy),
            generation: old.generation.wrapping_add(1),
            ..old
        };
        // Closed before the grace period in `change`, so that nobody goes by the old policy's grants after it.
        if let Err(error) = self.grants.close(slot.0).and_then(|()| self.change(slot, session)) {
            self.policies.remove(placed);
            grace::wait();
            return Err(error);
        }
        if let Some(bound) = self.bound.get_mut(&slot.0) {
            let before = std::mem::replace(&mut bound.placed, placed);
            self.policies.remove(before);
            grace::wait();
        }
        self.open(slot)
    }

    /// Refuses everything to a session from now on, for a reason.
    pub(super) fn cut(&mut self, slot: Slot, reason: Reason) -> Result<(), KernelError> {
        // `Granted` would be no cut at all.
        let reason = if reason == Reason::Granted { Reason::CutOff } else { reason };
        let session = Session { cut: u32::from(reason as u8), ..self.bound(slot)?.session };
        let closed = self.grants.close(slot.0);
        self.change(slot, session)?;
        closed
    }

    /// The kernel's own account of a session.
    pub(super) fn counters(&self, slot: Slot) -> Result<State, KernelError> {
        self.bound(slot)?;
        Ok(self.states.get(&slot.0, 0).map_err(KernelError::map("read a session's counters"))?.0)
    }

    /// How often a session has read in each directory.
    pub(super) fn read_counts(&self, slot: Slot) -> Result<Vec<(ReadKey, u64)>, KernelError> {
        let session = self.bound(slot)?.session.id;
        let mut counts = Vec::new();
        for entry in self.reads.iter() {
            let (Wire(key), walked) = entry.map_err(KernelError::map("read a session's reads"))?;
            if key.slot == slot.0 {
                let remembered = self.grants.reads(session, &key)?;
                counts.push((key, (walked & !READS_EARLY).saturating_add(remembered)));
            }
        }
        Ok(counts)
    }

    /// How many of a session's reads were granted without a walk.
    pub(super) fn remembered_reads(&self, slot: Slot) -> Result<u64, KernelError> {
        let session = self.bound(slot)?.session.id;
        self.read_counts(slot)?
            .iter()
            .try_fold(0_u64, |sum, (key, _)| Ok(sum.saturating_add(self.grants.reads(session, key)?)))
    }

    /// Lets a session go: its cgroup is governed no longer, and everything that it took up is free again. The
    /// kernel's final account.
    pub(super) fn unbind(&mut self, slot: Slot) -> Result<State, KernelError> {
        let Bound { cgroup_id, session, .. } = *self.bound(slot)?;
        self.grants.close(slot.0)?;
        match self.sessions.remove(&cgroup_id) {
            Ok(()) | Err(aya::maps::MapError::KeyNotFound) => {}
            Err(error) => return Err(KernelError::map("take a session out of the kernel")(error)),
        }
        grace::wait();
        let state = self.counters(slot)?;
        for (key, _) in self.read_counts(slot)? {
            self.grants.free(session.id, &key)?;
            self.reads.remove(&Wire(key)).map_err(KernelError::map("forget a session's reads"))?;
        }
        if let Some(bound) = self.bound.remove(&slot.0) {
            self.policies.remove(bound.placed);
        }
        self.set_levels()?;
        grace::wait();
        Ok(state)
    }

    /// A bound session.
    fn bound(&self, slot: Slot) -> Result<&Bound, KernelError> {
        self.bound.get(&slot.0).ok_or(KernelError::Unbound { slot: slot.0 })
    }

    /// The lowest slot that no session has.
    fn free_slot(&self) -> Result<u32, KernelError> {
        (0..MAX_SESSIONS)
            .find(|slot| !self.bound.contains_key(slot))
            .ok_or(KernelError::NoSlot { limit: MAX_SESSIONS })
    }

    /// Zeroes a slot's counters; a session that does not wait for an exec is armed in our own mount namespace.
    fn reset(&mut self, slot: u32, flags: u32) -> Result<(), KernelError> {
        let mut state = State::default();
        if flags & SESSION_ARM_AT_EXEC == 0 {
            let inode = fs::metadata(OUR_MOUNTS)
                .map_err(|source| KernelError::Read { path: OUR_MOUNTS, source })?
                .ino();
            state.mount_namespace =
                u32::try_from(inode).map_err(|_| KernelError::Layout { what: "namespace numbers" })?;
            state.armed_ns = boot_time();
        }
        self.states.set(slot, Wire(state), 0).map_err(KernelError::map("reset a session's counters"))
    }

    /// Makes a session known to the hooks.
    fn enter(&mut self, bound: &Bound) -> Result<(), KernelError> {
        const NEW: u64 = 1; // BPF_NOEXIST: a cgroup has one session of its own
        self.sessions
            .insert(bound.cgroup_id, Wire(bound.session), NEW)
            .map_err(KernelError::map("bind the session's cgroup (is it bound already?)"))?;
        let mut levels = self.levels();
        levels |= bit(bound.level);
        self.write_levels(levels)
    }

    /// Lets the grants of a bound session's policy hold.
    fn open(&mut self, slot: Slot) -> Result<(), KernelError> {
        let Bound { cgroup_id, session, .. } = *self.bound(slot)?;
        if session.cut != 0 {
            return Ok(());
        }
        self.grants.open(slot.0, cgroup_id, session.root.id)
    }

    /// Replaces a bound session's record whole.
    fn change(&mut self, slot: Slot, session: Session) -> Result<(), KernelError> {
        const EXISTING: u64 = 2; // BPF_EXIST
        let bound = self.bound.get_mut(&slot.0).ok_or(KernelError::Unbound { slot: slot.0 })?;
        self.sessions
            .insert(bound.cgroup_id, Wire(session), EXISTING)
            .map_err(KernelError::map("change a session in the kernel"))?;
        bound.session = session;
        grace::wait();
        Ok(())
    }

    /// The levels at which sessions are bound.
    fn levels(&self) -> u32 {
        self.bound.values().fold(0, |levels, bound| levels | bit(bound.level))
    }

    /// Tells the hooks at which levels to look.
    fn set_levels(&mut self) -> Result<(), KernelError> {
        let levels = self.levels();
        self.write_levels(levels)
    }

    /// Writes the levels.
    fn write_levels(&mut self, levels: u32) -> Result<(), KernelError> {
        let first = if levels == 0 { 0 } else { levels.trailing_zeros() };
        let control = Control { levels, daemon: std::process::id(), first, reserved: 0 };
        self.control.set(0, Wire(control), 0).map_err(KernelError::map("tell the hooks where sessions are"))
    }
}

/// A level's bit.
fn bit(level: u32) -> u32 {
    1_u32.checked_shl(level).unwrap_or(0)
}

/// A session's flags with what its policy says of shells.
fn flags(flags: u32, policy: &Compiled) -> u32 {
    if policy.shells { flags | SESSION_SHELLS } else { flags & !SESSION_SHELLS }
}

/// `CLOCK_BOOTTIME` in nanoseconds.
pub(super) fn boot_time() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
    let nanoseconds = u64::try_from(now.tv_nsec).unwrap_or(0);
    seconds.saturating_mul(1_000_000_000).saturating_add(nanoseconds)
}

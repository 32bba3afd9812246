//! Sessions in the kernel: binding a cgroup to a policy, changing it, cutting it off, letting it go.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;

use aya::maps::{Array, HashMap, MapData};
use gov_common::abi::{
    Control, MAX_CGROUP_LEVELS, MAX_SESSIONS, ReadKey, SESSION_ARM_AT_EXEC, SESSION_SHELLS, Session, State,
};
use gov_common::repeated::{Refusal, RefusalKey};
use gov_common::verdict::Reason;

use super::error::{KernelError, is_absent};
use super::grace;
use super::grants::Grants;
use super::levels::Levels;
use super::policies::{Placed, Policies};
use super::slots::Slots;
use super::wire::Wire;
use crate::clock;
use crate::crash;
use crate::policy::Compiled;

const OUR_MOUNTS: &str = "/proc/self/ns/mnt";

/// Where a session stands in the kernel's tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Slot(pub(super) u32);

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

/// The maps that hold sessions.
pub(super) struct SessionMaps {
    pub(super) control: Array<MapData, Wire<Control>>,
    pub(super) sessions: HashMap<MapData, Wire<u64>, Wire<Session>>,
    pub(super) states: Array<MapData, Wire<State>>,
    pub(super) reads: HashMap<MapData, Wire<ReadKey>, Wire<u64>>,
    pub(super) refusals: HashMap<MapData, Wire<RefusalKey>, Wire<Refusal>>,
    pub(super) taken: Array<MapData, u64>,
}

/// The sessions in the kernel.
pub(super) struct Sessions {
    pub(super) maps: SessionMaps,
    pub(super) policies: Policies,
    pub(super) bound: BTreeMap<u32, Bound>,
    slots: Slots,
    levels: Levels,
    /// What the hooks have been told.
    pub(super) told: Control,
    /// The last [`Session::generation`] that was given.
    pub(super) generation: u32,
    pub(super) grants: Grants,
}

/// One bound session.
pub(super) struct Bound {
    pub(super) cgroup_id: u64,
    pub(super) level: u32,
    pub(super) session: Session,
    pub(super) placed: Placed,
}

impl Sessions {
    /// No session yet.
    pub(super) fn new(maps: SessionMaps, policies: Policies, grants: Grants) -> Self {
        let (slots, levels) = (Slots::new(MAX_SESSIONS), Levels::default());
        Self {
            maps,
            policies,
            bound: BTreeMap::new(),
            slots,
            levels,
            told: Control::default(),
            generation: 0,
            grants,
        }
    }

    /// Binds a cgroup: when this returns, its tasks are governed (from their next exec with
    /// `SESSION_ARM_AT_EXEC`, else at once, in this process's mount namespace).
    pub(super) fn bind(&mut self, spec: &BindSpec<'_>) -> Result<Slot, KernelError> {
        if spec.cgroup_level >= MAX_CGROUP_LEVELS {
            return Err(KernelError::TooDeep { level: spec.cgroup_level, limit: MAX_CGROUP_LEVELS });
        }
        let slot = self.slots.take().ok_or(KernelError::NoSlot { limit: MAX_SESSIONS })?;
        match self.enter(slot, spec) {
            Ok(bound) => {
                let (cgroup_id, generation) = (bound.cgroup_id, bound.session.generation);
                self.bound.insert(slot, bound);
                if let Err(error) = self.grants.open(slot, cgroup_id, generation) {
                    // The first error is the one to tell; what is left over is logged where it happens.
                    let _ = self.unbind(Slot(slot));
                    return Err(error);
                }
                Ok(Slot(slot))
            }
            Err(error) => {
                self.slots.give_back(slot);
                Err(error)
            }
        }
    }

    /// Gives a session another policy in one step: every decision sees the old one or the new one.
    pub(super) fn replace_policy(&mut self, slot: Slot, policy: &Compiled) -> Result<(), KernelError> {
        let old = self.bound(slot)?.session;
        let generation = self.next_generation()?;
        let placed = self.policies.place(policy, generation)?;
        let session = Session {
            root: placed.root,
            net: placed.root.id,
            flags: flags(old.flags, policy),
            generation,
            capabilities: policy.capabilities,
            doors: policy.doors,
            limits: policy.limits,
            ..old
        };
        // Closed before the grace period in `change`, so that nobody goes by the old policy's grants after it.
        if let Err(error) = self.grants.close(slot.0).and_then(|()| self.change(slot, session)) {
            self.policies.release(placed);
            return Err(error);
        }
        if let Some(bound) = self.bound.get_mut(&slot.0) {
            let before = std::mem::replace(&mut bound.placed, placed);
            self.policies.release(before);
        }
        if session.cut != 0 {
            return Ok(());
        }
        self.grants.open(slot.0, self.bound(slot)?.cgroup_id, session.generation)
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

    /// Lets a session go: its cgroup is governed no longer, and everything that it took up is free again. The
    /// kernel's final account.
    pub(super) fn unbind(&mut self, slot: Slot) -> Result<State, KernelError> {
        let Bound { cgroup_id, session, .. } = *self.bound(slot)?;
        self.grants.close(slot.0)?;
        match self.maps.sessions.remove(&Wire(cgroup_id)) {
            Err(error) if !is_absent(&error) => {
                return Err(KernelError::map("take a session out of the kernel")(error));
            }
            Ok(()) | Err(_) => {}
        }
        grace::wait();
        crash::point("letting-go");
        let state = self.counters(slot)?;
        for (key, _) in self.walked_reads(slot)? {
            self.grants.free(session.id, &key)?;
            self.maps.reads.remove(&Wire(key)).map_err(KernelError::map("forget a session's reads"))?;
        }
        for (key, _) in self.refusals(slot)? {
            self.maps.refusals.remove(&Wire(key)).map_err(KernelError::map("forget a session's refusals"))?;
        }
        if let Some(bound) = self.bound.remove(&slot.0) {
            self.policies.release(bound.placed);
            self.levels.remove(bound.level);
            self.slots.give_back(slot.0);
        }
        self.tell()?;
        Ok(state)
    }

    /// A bound session.
    pub(super) fn bound(&self, slot: Slot) -> Result<&Bound, KernelError> {
        self.bound.get(&slot.0).ok_or(KernelError::Unbound { slot: slot.0 })
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
            state.armed_ns = clock::boot_ns();
        }
        self.maps.taken.set(slot, 0, 0).map_err(KernelError::map("reset a session's share of the ring"))?;
        self.maps.states.set(slot, Wire(state), 0).map_err(KernelError::map("reset a session's counters"))
    }

    /// Makes a session known to the hooks; on an error nothing of it is left.
    fn enter(&mut self, slot: u32, spec: &BindSpec<'_>) -> Result<Bound, KernelError> {
        const NEW: u64 = 1; // BPF_NOEXIST: a cgroup has one session of its own
        self.reset(slot, spec.flags)?;
        let generation = self.next_generation()?;
        let placed = self.policies.place(spec.policy, generation)?;
        let session = Session {
            id: spec.session_number,
            expires_ns: spec.expires_boot_ns,
            slot,
            root: placed.root,
            net: placed.root.id,
            cut: 0,
            flags: flags(spec.flags, spec.policy),
            generation,
            capabilities: spec.policy.capabilities,
            doors: spec.policy.doors,
            limits: spec.policy.limits,
        };
        let level = spec.cgroup_level;
        self.levels.add(level);
        // The session last: with it all is in force, and until then there is nothing that a hook could have seen.
        let entered = self.tell().and_then(|()| {
            self.maps
                .sessions
                .insert(Wire(spec.cgroup_id), Wire(session), NEW)
                .map_err(KernelError::map("bind the session's cgroup (is it bound already?)"))
        });
        if let Err(error) = entered {
            self.levels.remove(level);
            self.policies.release(placed);
            // A level too many costs the hooks a look, and the next that is told is right.
            let _ = self.tell();
            return Err(error);
        }
        Ok(Bound { cgroup_id: spec.cgroup_id, level, session, placed })
    }

    /// A number that no policy of any session has had, nor will have with another daemon.
    fn next_generation(&mut self) -> Result<u32, KernelError> {
        self.generation = self.generation.checked_add(1).ok_or(KernelError::NoNumbers)?;
        self.tell()?;
        Ok(self.generation)
    }

    /// Replaces a bound session's record whole.
    fn change(&mut self, slot: Slot, session: Session) -> Result<(), KernelError> {
        const EXISTING: u64 = 2; // BPF_EXIST
        let bound = self.bound.get_mut(&slot.0).ok_or(KernelError::Unbound { slot: slot.0 })?;
        self.maps
            .sessions
            .insert(Wire(bound.cgroup_id), Wire(session), EXISTING)
            .map_err(KernelError::map("change a session in the kernel"))?;
        bound.session = session;
        grace::wait();
        Ok(())
    }

    /// Takes a session that stands in the maps already.
    pub(super) fn hold(&mut self, bound: Bound) {
        self.slots.take_this(bound.session.slot);
        self.levels.add(bound.level);
        self.bound.insert(bound.session.slot, bound);
    }

    /// Tells the hooks at which levels to look, if they do not know, and the next daemon which generations are used.
    pub(super) fn tell(&mut self) -> Result<(), KernelError> {
        let levels = self.levels.mask();
        let first = if levels == 0 { 0 } else { levels.trailing_zeros() };
        let control = Control { levels, daemon: std::process::id(), first, generation: self.generation };
        if control == self.told {
            return Ok(());
        }
        self.maps
            .control
            .set(0, Wire(control), 0)
            .map_err(KernelError::map("tell the hooks where sessions are"))?;
        self.told = control;
        Ok(())
    }
}

/// A session's flags with what its policy says of shells.
fn flags(flags: u32, policy: &Compiled) -> u32 {
    if policy.shells { flags | SESSION_SHELLS } else { flags & !SESSION_SHELLS }
}

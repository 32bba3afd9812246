//! Going on with what a daemon left in the kernel that is gone: its hooks, its sessions, its policies and its ring.

use std::collections::{BTreeMap, BTreeSet};

use aya::maps::{IterableMap, Map};
use aya::programs::loaded_programs;
use gov_common::abi::{ABI_VERSION, Control, ReadKey, Session};
use gov_common::policy::{EdgeKey, LISTENING, Node, OWN};
use gov_common::repeated::{Refusal, RefusalKey};

use super::batch::each;
use super::enforcement::{Enforcement, HookStatus};
use super::error::KernelError;
use super::held::Content;
use super::hooks::{HOOKS, Kind};
use super::load::{Kernel, version};
use super::maps::{
    CONTROL, EDGES, GATES, NETS, READS, REFUSALS, RING, SESSIONS, STATES, TAKEN, TALLIES, VERSION, sessions,
};
use super::offsets::Types;
use super::pins::{self, Pins};
use super::policies::{NUMBER_BITS, Placed, Policies, say_unless_gone};
use super::ring::Ring;
use super::sessions::{Bound, Sessions, Slot};
use super::wire::Wire;
use crate::policy::NetEntry;

/// A session that stands in the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Adopted<S = Slot> {
    /// Its cgroup's id.
    pub cgroup_id: u64,
    /// Its number.
    pub number: u64,
    /// Its place.
    pub slot: S,
    /// 0, or the [`gov_common::verdict::Reason`] number for which everything is refused to it.
    pub cut: u32,
    /// When its time is over, nanoseconds of the boot clock.
    pub expires_boot_ns: u64,
}

/// What another daemon left, and what it takes to go on with it.
pub struct Left {
    /// The kernel's side.
    pub kernel: Kernel,
    /// Its ring, from the first record that was not given back.
    pub ring: Ring,
    /// The sessions that stand there.
    pub sessions: Vec<Adopted>,
}

impl Kernel {
    /// Goes on with what a daemon left, if it left sessions; `level` is that of the cgroup with an id.
    ///
    /// # Errors
    /// [`KernelError::OtherVersion`] if it is another version's, [`KernelError::Unhooked`] if hooks of it are gone.
    pub fn adopt(level: impl Fn(u64) -> Option<u32>) -> Result<Option<Left>, KernelError> {
        if !pins::has_map(VERSION) {
            return Ok(None);
        }
        let abi = pins::map(VERSION)?;
        let found = version(&abi)?;
        if found != ABI_VERSION {
            return Err(KernelError::OtherVersion { found, ours: ABI_VERSION });
        }
        let pins = Pins::take_over(HOOKS.iter().map(|hook| hook.name))?;
        let enforcement = enforcement(&pins)?;
        let ring = Ring::open(pins::map(RING)?)?;
        let others = vec![(VERSION, abi), (RING, ring.another_hold()?)];
        let mut sessions = sessions(open)?;
        let adopted = sessions.take_over(level)?;
        if adopted.is_empty() {
            return Ok(None);
        }
        let kernel = Self { object: None, sessions, enforcement, links: Vec::new(), pins, others };
        Ok(Some(Left { kernel, ring, sessions: adopted }))
    }

    /// Pins the maps that are not pinned: which those are. The version comes last: where it is, all are.
    pub(super) fn pin_maps(&self) -> Result<Vec<&'static str>, KernelError> {
        let (maps, policies, grants) = (&self.sessions.maps, &self.sessions.policies, &self.sessions.grants);
        let written = [
            (CONTROL, maps.control.map()),
            (SESSIONS, maps.sessions.map()),
            (STATES, maps.states.map()),
            (READS, maps.reads.map()),
            (REFUSALS, maps.refusals.map()),
            (TAKEN, maps.taken.map()),
            (EDGES, policies.edges.map()),
            (NETS, policies.nets.map()),
            (GATES, grants.gates.map()),
            (TALLIES, grants.tallies.map()),
        ];
        let others = self.others.iter().rev().map(|(name, map)| (*name, map));
        let missing = written.into_iter().chain(others).filter(|(name, _)| !pins::has_map(name));
        missing.map(|(name, map)| pins::pin_map(name, map).map(|()| name)).collect()
    }
}

/// A pinned map, as what it is.
fn open(name: &'static str) -> Result<Map, KernelError> {
    let data = pins::map(name)?;
    Ok(match name {
        EDGES | READS | REFUSALS | SESSIONS => Map::HashMap(data),
        NETS => Map::LpmTrie(data),
        _array => Map::Array(data),
    })
}

/// What is in force by the pins. A hook of this kernel's that is not would be a hole, and cannot be put back under
/// those who are governed already.
fn enforcement(pins: &Pins) -> Result<Enforcement, KernelError> {
    let types = Types::of_this_kernel()?;
    let tags: BTreeMap<u32, u64> =
        loaded_programs().filter_map(|program| program.ok().map(|it| (it.id(), it.tag()))).collect();
    let programs: BTreeMap<&str, Option<u32>> = pins.programs().collect();
    let mut missing = Vec::new();
    let mut hooks = Vec::new();
    for hook in HOOKS {
        let exists = hook.kind == Kind::Tracepoint || types.has_function(&format!("bpf_lsm_{}", hook.name));
        let program = programs.get(hook.name);
        if exists && program.is_none() {
            missing.push(hook.name);
        }
        let tag =
            program.and_then(|id| tags.get(&(*id)?)).map_or_else(String::new, |tag| format!("{tag:016x}"));
        hooks.push(HookStatus { name: hook.name.to_owned(), tag, attached: program.is_some() });
    }
    if !missing.is_empty() {
        return Err(KernelError::Unhooked { hooks: missing.join(", ") });
    }
    Ok(Enforcement::of(hooks, |name| HOOKS.iter().any(|hook| hook.name == name && hook.required)))
}

impl Sessions {
    /// Takes over the sessions that stand in the maps, and their policies.
    fn take_over(&mut self, level: impl Fn(u64) -> Option<u32>) -> Result<Vec<Adopted>, KernelError> {
        /// Just below gov's own: a cgroup that is gone has no level, and one too many costs the hooks a look.
        const GONE: u32 = 2;
        let mut found = Vec::new();
        each(&self.maps.sessions, "find the sessions of another daemon", |id: u64, session: Session| {
            found.push((id, session));
        })?;
        let mut own = self.policies.take_over(found.iter().map(|(_, session)| session))?;
        let Wire(control): Wire<Control> =
            self.maps.control.get(&0, 0).map_err(KernelError::map("read what the hooks are told"))?;
        self.generation = control.generation;
        for (cgroup_id, session) in &found {
            let level = level(*cgroup_id).unwrap_or(GONE);
            let placed = Placed { root: session.root, own: own.remove(&session.generation) };
            self.hold(Bound { cgroup_id: *cgroup_id, level, session: *session, placed });
        }
        self.forget_strangers()?;
        self.tell()?;
        Ok(found.iter().map(|(cgroup_id, session)| adopted(*cgroup_id, session)).collect())
    }
}

impl Sessions {
    /// Takes out what was counted of sessions that were being let go: the next one in such a place would have it.
    fn forget_strangers(&mut self) -> Result<(), KernelError> {
        const FIND: &str = "find the counts of another daemon's sessions";
        let (mut reads, mut refusals) = (Vec::new(), Vec::new());
        each(&self.maps.reads, FIND, |key: ReadKey, _count: u64| {
            if !self.bound.contains_key(&key.slot) {
                reads.push(Wire(key));
            }
        })?;
        each(&self.maps.refusals, FIND, |key: RefusalKey, _refusal: Refusal| {
            if !self.bound.contains_key(&key.slot) {
                refusals.push(Wire(key));
            }
        })?;
        for key in reads {
            say_unless_gone("count of reads", self.maps.reads.remove(&key));
        }
        for key in refusals {
            say_unless_gone("count of refusals", self.maps.refusals.remove(&key));
        }
        Ok(())
    }
}

fn adopted(cgroup_id: u64, session: &Session) -> Adopted {
    Adopted {
        cgroup_id,
        number: session.id,
        slot: Slot(session.slot),
        cut: session.cut,
        expires_boot_ns: session.expires_ns,
    }
}

impl Policies {
    /// Takes over these sessions' policies from what stands in the maps: the steps that are one session's own, by its
    /// generation. The nodes of one policy have numbers from its own up to the next one's.
    fn take_over<'a>(
        &mut self,
        sessions: impl Iterator<Item = &'a Session>,
    ) -> Result<BTreeMap<u32, Wire<EdgeKey>>, KernelError> {
        let mut held: BTreeMap<u32, (u32, Content)> = BTreeMap::new();
        let mut generations = BTreeSet::new();
        for session in sessions {
            let (count, _) = held.entry(session.root.id).or_default();
            *count = count.saturating_add(1);
            generations.insert(session.generation);
        }
        let mut last = held.keys().copied().max().unwrap_or(0);
        let (mut own, mut orphans) = (BTreeMap::new(), Vec::new());
        each(&self.edges, "find the policies of another daemon", |key: EdgeKey, node: Node| {
            last = last.max(node.id);
            if key.more == OWN {
                if generations.contains(&key.parent) {
                    own.insert(key.parent, Wire(key));
                } else {
                    orphans.push(Wire(key));
                }
            } else if let Some((number, (_, content))) = held.range_mut(..=key.parent).next_back() {
                let parent = key.parent.wrapping_sub(*number);
                let id = node.id.wrapping_sub(*number);
                content.edges.push((EdgeKey { parent, ..key }, Node { id, ..node }));
            } else {
                orphans.push(Wire(key));
            }
        })?;
        for key in orphans {
            // Of a session that was never begun.
            say_unless_gone("node", self.edges.remove(&key));
        }
        for entry in self.nets.iter() {
            let (key, Wire(rule)) = entry.map_err(KernelError::map("find the networks of another daemon"))?;
            let Wire(net) = key.data();
            let Some((_, content)) = held.get_mut(&(net.policy & !LISTENING)) else { continue };
            let bits = key.prefix_len().saturating_sub(NUMBER_BITS);
            let prefix_bits = u8::try_from(bits).unwrap_or(u8::MAX);
            let entry = NetEntry { prefix_bits, address: net.address, rule };
            let entries = if net.policy & LISTENING == 0 { &mut content.nets } else { &mut content.listens };
            entries.push(entry);
        }
        for (number, (count, content)) in held {
            self.held.take_over(number, content, count);
        }
        self.next = last.saturating_add(1);
        Ok(own)
    }
}

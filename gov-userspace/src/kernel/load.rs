//! Loads the kernel object and puts its hooks in force.

use std::fs;

use aya::maps::{Array, Map, MapData};
use aya::programs::links::FdLink;
use aya::{Btf, Ebpf, EbpfLoader};
use gov_common::abi::{ABI_VERSION, ReadKey, State};
use gov_common::repeated::{Refusal, RefusalKey};
use gov_common::verdict::Reason;

use super::accounts::Standing;
use super::attach::{failed, put_in_force, refusal};
use super::enforcement::Enforcement;
use super::error::{KernelError, causes};
use super::hooks::HOOKS;
use super::maps::{RING, VERSION, sessions};
use super::offsets::Types;
use super::pins::Pins;
use super::ring::Ring;
use super::sessions::{BindSpec, Sessions, Slot};
use super::wire::Wire;
use crate::policy::Compiled;

pub(super) static OBJECT: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/gov.bpf.o"));
const LSM_LIST: &str = "/sys/kernel/security/lsm";
/// The smallest ring: the longest event fits many times.
const LEAST_RING: u32 = 1 << 16;

/// How to load.
#[derive(Clone, Debug)]
pub struct LoadOptions {
    /// Bytes of the ring that decisions come through; rounded up to a power of two.
    pub ring_bytes: u32,
}

impl Default for LoadOptions {
    fn default() -> Self {
        Self { ring_bytes: 1 << 24 }
    }
}

/// The kernel's side, loaded and attached. Dropping it detaches every hook that is not pinned.
pub struct Kernel {
    /// `None` where the programs are another daemon's.
    pub(super) object: Option<Ebpf>,
    pub(super) sessions: Sessions,
    pub(super) enforcement: Enforcement,
    /// What keeps the hooks attached, until they are pinned.
    pub(super) links: Vec<(&'static str, FdLink)>,
    pub(super) pins: Pins,
    /// The maps that nobody here writes to, for their pins.
    pub(super) others: Vec<(&'static str, MapData)>,
}

impl Kernel {
    /// Loads the object for this kernel and attaches every hook that it has.
    ///
    /// # Errors
    /// The kernel cannot be asked, refuses, or lays its structures out in an unknown way; see [`KernelError`].
    pub fn load(options: &LoadOptions) -> Result<(Self, Ring), KernelError> {
        if OBJECT.is_empty() {
            return Err(KernelError::NoObject);
        }
        require_lsm()?;
        let types = Types::of_this_kernel()?;
        let offsets = types.offsets()?;
        let btf = Btf::from_sys_fs()
            .map_err(|error| KernelError::Btf { path: "/sys/kernel/btf/vmlinux", message: causes(&error) })?;
        let ring_bytes = options.ring_bytes.max(LEAST_RING).checked_next_power_of_two().unwrap_or(1 << 31);
        let mut object = EbpfLoader::new()
            .btf(Some(&btf))
            .override_global("OFFSETS", &Wire(offsets), true)
            .map_max_entries("RING", ring_bytes)
            .load(OBJECT)
            .map_err(|error| refusal(&error).unwrap_or(KernelError::Object { message: causes(&error) }))?;
        let version = data(take(&mut object, VERSION)?)?;
        require_version(&version)?;
        let ring = Ring::open(data(take(&mut object, RING)?)?)?;
        let others = vec![(VERSION, version), (RING, ring.another_hold()?)];
        let sessions = sessions(|name| take(&mut object, name))?;
        let mut hooks = Vec::with_capacity(HOOKS.len());
        let mut links = Vec::with_capacity(HOOKS.len());
        for hook in HOOKS {
            let (status, link) = put_in_force(&mut object, hook, &types, &btf)?;
            hooks.push(status);
            links.extend(link.map(|link| (hook.name, link)));
            // Asked after the first: a kernel that refuses programs may hide its symbols too, and then the refusal is
            // the cause.
            for (symbol, address) in
                [("rename_lock", offsets.rename_lock), ("mount_lock", offsets.mount_lock)]
            {
                if address == 0 {
                    return Err(KernelError::Symbol { symbol });
                }
            }
        }
        let required = |name: &str| HOOKS.iter().any(|hook| hook.name == name && hook.required);
        let enforcement = Enforcement::of(hooks, required);
        let object = Some(object);
        Ok((Self { object, sessions, enforcement, links, pins: Pins::default(), others }, ring))
    }

    /// Keeps the hooks in force whatever becomes of this process, until [`super::pins::clear`] removes the pins.
    ///
    /// # Errors
    /// The pins cannot be made, or stand already.
    pub fn pin(&mut self) -> Result<(), KernelError> {
        self.pins = Pins::make(std::mem::take(&mut self.links))?;
        self.pin_maps().map(drop)
    }

    /// Pins the maps again whose pins are gone: which those are; none where nothing was pinned.
    pub(super) fn repin_maps(&self) -> Result<Vec<&'static str>, KernelError> {
        if self.pins.is_empty() { Ok(Vec::new()) } else { self.pin_maps() }
    }

    /// What is in force.
    pub const fn enforcement(&self) -> &Enforcement {
        &self.enforcement
    }

    /// Binds a cgroup to a policy: when this returns, its tasks are governed.
    ///
    /// # Errors
    /// The cgroup is bound already or too deep, or a table is full.
    pub fn bind(&mut self, spec: &BindSpec<'_>) -> Result<Slot, KernelError> {
        self.sessions.bind(spec)
    }

    /// Gives a session another policy in one step.
    ///
    /// # Errors
    /// The slot is not bound, or a table is full; then the old policy stays in force.
    pub fn replace_policy(&mut self, slot: Slot, policy: &Compiled) -> Result<(), KernelError> {
        self.sessions.replace_policy(slot, policy)
    }

    /// Refuses everything to a session from now on.
    ///
    /// # Errors
    /// The slot is not bound.
    pub fn cut(&mut self, slot: Slot, reason: Reason) -> Result<(), KernelError> {
        self.sessions.cut(slot, reason)
    }

    /// The kernel's own account of a session.
    ///
    /// # Errors
    /// The slot is not bound.
    pub fn counters(&self, slot: Slot) -> Result<State, KernelError> {
        self.sessions.counters(slot)
    }

    /// How a session stands: whether everything is refused to it, and why.
    ///
    /// # Errors
    /// The slot is not bound.
    pub fn standing(&self, slot: Slot) -> Result<Standing, KernelError> {
        self.sessions.standing(slot)
    }

    /// How often a session has read in each directory.
    ///
    /// # Errors
    /// The slot is not bound.
    pub fn read_counts(&self, slot: Slot) -> Result<Vec<(ReadKey, u64)>, KernelError> {
        self.sessions.read_counts(slot)
    }

    /// The refusals of a session that are not recorded one by one.
    ///
    /// # Errors
    /// The slot is not bound.
    pub fn refusals(&self, slot: Slot) -> Result<Vec<(RefusalKey, Refusal)>, KernelError> {
        self.sessions.refusals(slot)
    }

    /// Tells the kernel that the records of a session up to these many bytes are written down, so that it may put more
    /// into the ring.
    ///
    /// # Errors
    /// The slot is not bound.
    pub fn note_taken(&mut self, slot: Slot, bytes: u64) -> Result<(), KernelError> {
        self.sessions.note_taken(slot, bytes)
    }

    /// How many of a session's reads were granted without a walk; they are in its counts like all others.
    ///
    /// # Errors
    /// The slot is not bound.
    pub fn remembered_reads(&self, slot: Slot) -> Result<u64, KernelError> {
        self.sessions.remembered_reads(slot)
    }

    /// Lets a session go and returns the kernel's final account of it. End its tasks first: from here on they
    /// are not governed.
    ///
    /// # Errors
    /// The slot is not bound.
    pub fn unbind(&mut self, slot: Slot) -> Result<State, KernelError> {
        self.sessions.unbind(slot)
    }

    /// How many instructions the verifier walked through for each program, by hook.
    ///
    /// # Errors
    /// The kernel does not tell.
    pub fn verifier_counts(&self) -> Result<Vec<(String, u64)>, KernelError> {
        let mut counts = Vec::new();
        for hook in HOOKS {
            let Some(program) = self.object.as_ref().and_then(|object| object.program(hook.name)) else {
                continue;
            };
            if program.fd().is_err() {
                // Not loaded: this kernel has no such hook.
                continue;
            }
            let info = program.info().map_err(|error| failed(hook, &error))?;
            counts.push((hook.name.to_owned(), u64::from(info.verified_instruction_count().unwrap_or(0))));
        }
        Ok(counts)
    }
}

impl std::fmt::Debug for Kernel {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Kernel").field("enforcement", &self.enforcement).finish_non_exhaustive()
    }
}

/// Refuses a kernel whose BPF LSM is off: programs would attach and never run. Where the list cannot be read
/// the self-test finds out.
fn require_lsm() -> Result<(), KernelError> {
    match fs::read_to_string(LSM_LIST) {
        Ok(active) if !active.trim().split(',').any(|name| name == "bpf") => {
            Err(KernelError::LsmOff { active: active.trim().to_owned() })
        }
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Refuses an object of another version of the boundary.
fn require_version(map: &MapData) -> Result<(), KernelError> {
    match version(map)? {
        ABI_VERSION => Ok(()),
        other => Err(KernelError::Version { object: other, daemon: ABI_VERSION }),
    }
}

/// The version of the boundary that an object speaks.
pub(super) fn version(map: &MapData) -> Result<u32, KernelError> {
    const READ: &str = "read the object's version";
    let id = map.info().map_err(KernelError::map(READ))?.id();
    let again = MapData::from_id(id).map_err(KernelError::map(READ))?;
    let map = Array::<_, u32>::try_from(Map::Array(again)).map_err(KernelError::map(READ))?;
    map.get(&0, 0).map_err(KernelError::map(READ))
}

/// A map of the object.
fn take(object: &mut Ebpf, name: &str) -> Result<Map, KernelError> {
    object.take_map(name).ok_or_else(|| KernelError::Object { message: format!("it holds no map `{name}`") })
}

/// A map that is read as it is.
fn data(map: Map) -> Result<MapData, KernelError> {
    match map {
        Map::Array(data) | Map::RingBuf(data) => Ok(data),
        _other => Err(KernelError::Object { message: "a map of it is of another kind".to_owned() }),
    }
}

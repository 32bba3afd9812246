//! The maps that kernel object and daemon share. Keys and values are those of `gov_common`.

use aya_ebpf::bindings::BPF_F_NO_PREALLOC;
use aya_ebpf::macros::map;
use aya_ebpf::maps::{Array, HashMap, LpmTrie, LruHashMap, RingBuf};
use core::cell::UnsafeCell;
use core::mem::MaybeUninit;
use gov_common::abi::{Control, MAX_SESSIONS, Maker, ReadKey, Session, State};
use gov_common::cached::{Gate, Granted, SETS, TALLIES as TALLY_COUNT, Tally, WAYS};
use gov_common::policy::{EdgeKey, NetKey, NetRule, Node};
use gov_common::repeated::{MAX_REFUSALS, Refusal, RefusalKey};

/// What every hook looks at first. The daemon writes it.
#[unsafe(link_section = ".bss.control")]
#[unsafe(no_mangle)]
pub static CONTROL: Shared<Control> = Shared::zeroed();

/// A session's cgroup to its policy. The daemon never reuses an element while a hook may still read it: it waits
/// for a grace period between taking one out, or replacing it, and putting the next in.
#[map]
pub static SESSIONS: HashMap<u64, Session> = HashMap::with_max_entries(MAX_SESSIONS, 0);

/// The kernel's account of each session.
#[map]
pub static STATES: Array<State> = Array::with_max_entries(MAX_SESSIONS, 0);

/// The policies' trees, each once however many sessions have it. Taken out a grace period after the last session
/// that led there, so that no hook can hold an element.
#[map]
pub static EDGES: HashMap<EdgeKey, Node> = HashMap::with_max_entries(1 << 20, BPF_F_NO_PREALLOC);

/// The policies' networks.
#[map]
pub static NETS: LpmTrie<NetKey, NetRule> = LpmTrie::with_max_entries(1 << 17, 0);

/// Who made the System V object at an address. What does not fit is an object of others.
#[map]
pub static IPC: LruHashMap<u64, Maker> = LruHashMap::with_max_entries(1 << 14, 0);

/// Reads by session and directory.
#[map]
pub static READS: HashMap<ReadKey, u64> = HashMap::with_max_entries(1 << 17, BPF_F_NO_PREALLOC);

/// Reads that were granted and may be again without a walk; the daemon has no part in it.
#[unsafe(link_section = ".bss.granted")]
#[unsafe(no_mangle)]
pub static GRANTED: Shared<[[Granted; WAYS]; SETS]> = Shared::zeroed();

/// Which of them hold, by the session's slot.
#[map]
pub static GATES: Array<Gate> = Array::with_max_entries(MAX_SESSIONS, 0);

/// Their counts, by session and directory.
#[map]
pub static TALLIES: Array<Tally> = Array::with_max_entries(TALLY_COUNT, 0);

/// Refusals that repeat, by session and what they are about.
#[map]
pub static REFUSALS: HashMap<RefusalKey, Refusal> =
    HashMap::with_max_entries(MAX_REFUSALS, BPF_F_NO_PREALLOC);

/// Bytes of each session's records that the daemon has taken from the ring, by slot.
#[map]
pub static TAKEN: Array<u64> = Array::with_max_entries(MAX_SESSIONS, 0);

/// The decisions, on their way to the daemon.
#[map]
pub static RING: RingBuf = RingBuf::with_byte_size(1 << 24, 0);

/// Memory of the object's own, a map of one element that hooks reach without a lookup. Any CPU may write to it at any
/// time, so whoever reads it does so through its address.
#[repr(transparent)]
pub struct Shared<T>(UnsafeCell<MaybeUninit<T>>);

// SAFETY: what is inside is reached by its address only, and the records are plain numbers.
unsafe impl<T: Copy> Sync for Shared<T> {}

impl<T: Copy> Shared<T> {
    const fn zeroed() -> Self {
        Self(UnsafeCell::new(MaybeUninit::zeroed()))
    }

    /// Where it stands.
    #[inline(always)]
    pub const fn at(&self) -> *mut T {
        self.0.get().cast()
    }
}

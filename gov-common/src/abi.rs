//! The records of the maps that kernel object and daemon share.

use crate::limits::{BUDGETS, Limits, Window};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// The version of every record in this crate. The kernel object carries it, the daemon refuses another.
pub const ABI_VERSION: u32 = 4;
/// Sessions that may lie above one task; a task below more is refused everything.
pub const MAX_NESTING: usize = 4;
/// Depth of the cgroup tree in which sessions are looked for.
pub const MAX_CGROUP_LEVELS: u32 = 32;
/// Sessions live at once: the length of `STATES`.
pub const MAX_SESSIONS: u32 = 16384;

/// One session's policy as the kernel reads it. Map `SESSIONS`: cgroup id (`u64`) to this. Only the daemon writes
/// it, and always replaces it whole, so that a hook sees the old policy or the new one and never a mixture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Session {
    /// The session's number, unique on this host since boot, never 0.
    pub id: u64,
    /// `CLOCK_BOOTTIME` in nanoseconds from which everything is refused; `u64::MAX` for never.
    pub expires_ns: u64,
    /// The capabilities that are granted: bit n is the kernel's number n.
    pub capabilities: u64,
    /// Where the session's [`State`] stands in `STATES`.
    pub slot: u32,
    /// The node of `/`: where the walk down the policy's tree starts, with the rights of a grant of `/` itself.
    pub root: crate::policy::Node,
    /// The number of the policy in `NETS`.
    pub net: u32,
    /// 0, or a [`crate::verdict::Reason`] number for which everything is refused from now on.
    pub cut: u32,
    /// Bits `SESSION_*`.
    pub flags: u32,
    /// The number of this binding of a policy to a session: no other has had it. Never 0. In `EDGES` it
    /// is the parent of the step that is the session's own.
    pub generation: u32,
    /// Bits of the [`crate::doors::Door`]s that are granted.
    pub doors: u32,
    /// How much it may do.
    pub limits: Limits,
}

/// `shell:arbitrary`: any shell may be executed where `code:execute` holds.
pub const SESSION_SHELLS: u32 = 1;
/// Each read is recorded, not counted by directory.
pub const SESSION_RECORD_READS: u32 = 2;
/// A decision that cannot be recorded is counted and let through (`on_full = count`); otherwise it is refused.
pub const SESSION_COUNT_ON_FULL: u32 = 4;
/// Enforcement starts at the next execve of a task of the session, not at once.
pub const SESSION_ARM_AT_EXEC: u32 = 8;
/// Everything is recorded and nothing is refused (record mode).
pub const SESSION_RECORD_ONLY: u32 = 16;

/// What kinds of decision are counted apart. The numbers index [`State::counters`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// Opening for reading only.
    Read = 0,
    /// Opening for writing, and every change of the tree.
    Write = 1,
    /// Executing, and mapping code.
    Execute = 2,
    /// Connecting and sending to an address.
    Connect = 3,
    /// Everything else that is mediated.
    Other = 4,
}

impl Kind {
    /// Every kind, in the order of its number.
    pub const ALL: [Self; 5] = [Self::Read, Self::Write, Self::Execute, Self::Connect, Self::Other];

    /// The name in receipts.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Execute => "execute",
            Self::Connect => "connect",
            Self::Other => "other",
        }
    }
}

/// The kernel's own account of a session. Map `STATES`: slot to this. The kernel object writes it (all counters
/// by atomic addition); the daemon zeroes it before the slot is given to a session, and reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct State {
    /// Events numbered so far: the next event's sequence number. The first is 0.
    pub sequence: u64,
    /// Numbered events that the ring had no room for.
    pub lost: u64,
    /// Decisions by [`Kind`]: granted.
    pub granted: [u64; 5],
    /// Decisions by [`Kind`]: refused.
    pub refused: [u64; 5],
    /// Granted reads that were counted in `READS` and not recorded one by one.
    pub counted_reads: u64,
    /// `CLOCK_BOOTTIME` in nanoseconds at which enforcement began; 0 while it has not.
    pub armed_ns: u64,
    /// Inode number of the mount namespace that the session was armed in.
    pub mount_namespace: u32,
    /// Zero.
    pub reserved: u32,
    /// What is used of each [`crate::limits::Budget`].
    pub used: [u64; BUDGETS],
    /// Granted capabilities that were used: the first use of each is recorded.
    pub capabilities_used: u64,
    /// Capabilities that were asked for with the kernel's own request for silence, and refused: no decision.
    pub probes: u64,
    /// The refusals that the circuit breaker counts.
    pub window: Window,
    /// `CLOCK_BOOTTIME` in nanoseconds until which the circuit is open; `u64::MAX` for good, also when refusals are spent.
    /// 0 if it never was.
    pub open_until_ns: u64,
    /// Different refusals so far, up to [`crate::repeated::MAX_DISTINCT`] and beyond.
    pub distinct_refusals: u64,
    /// Refusals that were counted in `REFUSALS` and not recorded one by one.
    pub counted_refusals: u64,
    /// Bytes of the ring that the session's records have taken up so far. Map `TAKEN`, by slot, holds how many of them the
    /// daemon has taken and written down.
    pub produced: u64,
}

/// Where reads are counted. Map `READS`: this to a `u64` count. The first read in a directory is recorded with
/// its path ([`crate::event::Action::ReadDirectory`]); the later ones only count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct ReadKey {
    /// The directory's inode number.
    pub inode: u64,
    /// The directory's device, as the kernel encodes it (`dev_t`: major << 20 | minor).
    pub device: u32,
    /// The session's slot.
    pub slot: u32,
}

/// Who made a System V object. Map `IPC`: the object's address to this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Maker {
    /// The object's address once more. It stands first, and is read last: an element that was given to another object
    /// in the meantime shows that one's.
    pub object: u64,
    /// The number of the innermost session above the task that made it ([`Session::id`]).
    pub session: u64,
}

/// The bit of a count in `READS` that says that the directory's path is not recorded yet.
pub const READS_EARLY: u64 = 1 << 63;

/// Map `.bss.control`, one element: what every hook looks at first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Control {
    /// Bit n is set while a session's cgroup may lie at level n of the cgroup tree; 0: no session at all.
    pub levels: u32,
    /// The daemon's process group leader's thread-group id, which governed tasks may not touch; 0 for none.
    pub daemon: u32,
    /// The outermost of `levels`, as a number; 0 without any.
    pub first: u32,
    /// The last [`Session::generation`] that was given, for the daemon that goes on after this one.
    pub generation: u32,
}

const _: () = assert!(size_of::<Session>() == 96);
const _: () = assert!(size_of::<State>() == 216);
const _: () = assert!(size_of::<ReadKey>() == 16);
const _: () = assert!(size_of::<Control>() == 16);

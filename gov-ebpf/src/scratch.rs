//! The room that one decision is worked out in, claimed from a small pool.
//!
//! A hook's stack has 512 bytes, a path has 4096. Hooks run with migration disabled but may be preempted by
//! another task's hook on the same CPU, so a plain per-CPU buffer could be overwritten in the middle of a
//! decision: each CPU has a pool, and a claim is one atomic operation on its bitmap.

use crate::atomic;
use aya_ebpf::macros::map;
use aya_ebpf::maps::PerCpuArray;
use gov_common::abi::{MAX_NESTING, ReadKey, Session};
use gov_common::event::{Action, Header};
use gov_common::hidden::Hidden;
use gov_common::repeated::RefusalKey;
use gov_common::rights::Rights;
use gov_common::walk::Walk;

/// Decisions that may be under way on one CPU at once.
const POOL: u32 = 8;
/// Room for an event's tail: two parts, each bounded by a mask of [`PART`].
pub const TAIL: usize = 2 * (PART + 1);
/// Bounds the length of one part of a tail.
pub const PART: usize = 8191;

#[map]
static SCRATCH: PerCpuArray<Scratch> = PerCpuArray::with_max_entries(POOL, 0);

#[map]
static CLAIMED: PerCpuArray<u64> = PerCpuArray::with_max_entries(1, 0);

/// What a hook asks to be judged. All zero when the hook gets it.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Case {
    /// The objects' dentries, 0 where there is none.
    pub dentry: [u64; 2],
    /// The `struct mount` that each object is reached through.
    pub mount: [u64; 2],
    /// Address of what the event's second part is taken from, by `extra`.
    pub extra_at: u64,
    /// Its length, where it has one.
    pub extra_len: u64,
    /// Levels of the cgroup tree that hold the task's sessions.
    pub mask: u32,
    pub extra: Extra,
    /// [`gov_common::event::Action`] number.
    pub action: u8,
    /// [`gov_common::abi::Kind`] number: the counter that the decision adds to.
    pub kind: u8,
    /// Rights wanted on each object.
    pub wanted: u8,
    /// A reason for which the act is refused whatever the policy says, or 0.
    pub given: u8,
    /// What is judged.
    pub judge: Judge,
    /// The [`gov_common::limits::Budget`] that the act is charged to, or [`NO_BUDGET`].
    pub budget: u8,
    /// IP protocol, family, port and address of a connection or message.
    pub protocol: u8,
    pub family: u16,
    pub port: u16,
    pub address: [u8; 16],
    /// What the event says of the act where no object is, and of the other process.
    pub detail: u32,
    pub target: u32,
}

impl Case {
    /// An act of a task that the sessions at `mask` govern, of which nothing is known yet.
    #[inline(always)]
    pub const fn new(mask: u32, action: Action) -> Self {
        Self {
            dentry: [0; 2],
            mount: [0; 2],
            extra_at: 0,
            extra_len: 0,
            mask,
            extra: Extra::None,
            action: action as u8,
            kind: action.kind() as u8,
            wanted: 0,
            given: 0,
            judge: Judge::Standing,
            budget: NO_BUDGET,
            protocol: 0,
            family: 0,
            port: 0,
            address: [0; 16],
            detail: 0,
            target: 0,
        }
    }

    /// An act that takes a right to the object at `dentry`, on `mount`; 0 where the hook is not told the mount.
    #[inline(always)]
    pub const fn on_object(mask: u32, action: Action, wanted: Rights, dentry: u64, mount: u64) -> Self {
        Self {
            dentry: [dentry, 0],
            mount: [mount, 0],
            judge: Judge::Objects,
            wanted: wanted.bits(),
            ..Self::new(mask, action)
        }
    }
}

/// What an event's second part is.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Extra {
    None = 0,
    /// The second object's path.
    SecondPath = 1,
    /// A string of the kernel's at `extra_at`.
    KernelString = 2,
    /// `extra_len` bytes of the task's own memory at `extra_at`.
    UserBytes = 3,
}

/// What is judged.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Judge {
    /// Nothing but whether the session stands: the hook has established that no scope speaks of the act.
    Standing = 0,
    /// The rights on each object.
    Objects = 1,
    /// The address and port that are reached.
    Address = 2,
    /// The own address and port that are listened on.
    Listening = 3,
    /// The door whose number is the detail.
    Door = 4,
    /// The capability whose number is the detail.
    Capability = 5,
}

/// No budget is charged.
pub const NO_BUDGET: u8 = u8::MAX;

/// What was found out about an object.
#[repr(C)]
pub struct Object {
    pub walk: Walk,
    /// [`gov_common::verdict::Reason`] number of the climb.
    pub reason: Hidden<u32>,
    /// Inode number of the mount namespace that the object's mount belongs to; 0 for a mount of the kernel's own.
    pub namespace: Hidden<u32>,
    /// Bits `OBJECT_*`.
    pub flags: Hidden<u32>,
    /// The sequences of `rename_lock` and `mount_lock` before the climb.
    pub renames: Hidden<u32>,
    pub mounts: Hidden<u32>,
    pub reserved: u32,
}

/// The object lies on a mount of the kernel's own: a pipe, a memfd.
pub const OBJECT_INTERNAL: u32 = 1;
/// The object's name was taken away.
pub const OBJECT_UNLINKED: u32 = 2;

/// What one session says.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Level {
    pub session: Session,
    pub scope: u16,
    pub reason: u8,
    /// The level of the cgroup tree that the session lies at.
    pub at: u8,
    pub reserved: u32,
}

/// What has to be told of the sessions besides the decision: of each, the levels of the cgroup tree.
#[repr(C)]
pub struct Told {
    /// The act's budget has come to four fifths.
    pub warned: Hidden<u32>,
    /// The act's budget has come to its end.
    pub spent: Hidden<u32>,
    /// Refusals have come to four fifths of what is suffered.
    pub refusals_warned: Hidden<u32>,
    /// Refusals have come to their end.
    pub refusals_spent: Hidden<u32>,
    /// The circuit has opened.
    pub broken: Hidden<u32>,
    pub reserved: u32,
}

/// The room of one decision.
#[repr(C)]
pub struct Scratch {
    pub case: Case,
    pub levels: [Level; MAX_NESTING],
    pub told: Told,
    /// The session that refused; 0 while none has.
    pub decider: Hidden<u64>,
    /// The mount that is tried.
    pub mount: Hidden<u64>,
    /// How many of `levels` mean something.
    pub count: Hidden<u32>,
    /// The event's header and tail stand ready.
    pub prepared: Hidden<u32>,
    /// Lengths of the two parts of the tail.
    pub object_len: Hidden<u32>,
    pub extra_len: Hidden<u32>,
    /// The directory that a counted read is counted in.
    pub directory: ReadKey,
    /// The directory is the object itself and not the one that the object lies in.
    pub directory_is_object: Hidden<u32>,
    /// The refusal's key stands in `REFUSALS`, and its record is to be told there.
    pub refusal_stands: Hidden<u32>,
    pub refusal: RefusalKey,
    pub objects: [Object; 2],
    pub header: Header,
    pub tail: [u8; TAIL],
}

/// The room with a number; `None` never happens for a number that [`claim`] gave.
#[inline(always)]
pub fn room(number: u32) -> Option<&'static mut Scratch> {
    let room = SCRATCH.get_ptr_mut(number)?;
    // SAFETY: the claim makes the room this task's alone until it is released, and the daemon never touches it.
    Some(unsafe { &mut *room })
}

/// This CPU's bitmap of claimed rooms.
#[inline(always)]
fn claimed() -> Option<*mut u64> {
    CLAIMED.get_ptr_mut(0)
}

/// Claims a room; `None` when all are in use, and then the caller refuses.
#[inline(always)]
pub fn claim() -> Option<u32> {
    let bits = claimed()?;
    let mut number = 0;
    while number < POOL {
        let bit = 1_u64 << number;
        // SAFETY: a map value, aligned to 8 bytes.
        if unsafe { atomic::fetch_or(bits, bit) } & bit == 0 {
            return Some(number);
        }
        number += 1;
    }
    None
}

/// Gives a room back.
#[inline(always)]
pub fn release(number: u32) {
    if let Some(bits) = claimed() {
        // SAFETY: a map value, aligned to 8 bytes.
        unsafe { atomic::fetch_and(bits, !(1_u64 << (number & 63))) };
    }
}

//! One decision, as the kernel writes it into the ring: a fixed [`Header`] and a variable tail.
//!
//! The tail is `object_len` bytes of the object's path, then `extra_len` bytes that depend on the action: the
//! other path of a rename or link, or an execution's arguments, each ended by a NUL.

pub use crate::action::Action;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// The fixed part of an event. All numbers in host order; the record never leaves the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Header {
    /// [`crate::abi::ABI_VERSION`].
    pub abi: u32,
    /// Bytes of the whole record, header included.
    pub length: u32,
    /// The session that this event belongs to ([`crate::abi::Session::id`]).
    pub session: u64,
    /// Its number in that session, from 0, without a gap unless the ring was full.
    pub sequence: u64,
    /// `CLOCK_BOOTTIME` in nanoseconds.
    pub time_ns: u64,
    /// The session that refused: this one or one nested in or around it; this one when it was granted.
    pub decider: u64,
    /// The object's inode number, 0 where it has none.
    pub inode: u64,
    /// Bytes of the ring that the session's records have taken up, this one with them.
    pub produced: u64,
    /// When the acting task's thread group started, `CLOCK_BOOTTIME` nanoseconds: with `pid`, names it for ever.
    pub start_ns: u64,
    /// Thread-group id in the initial PID namespace.
    pub pid: u32,
    /// Thread id in the initial PID namespace.
    pub tid: u32,
    /// Thread-group id of the parent.
    pub parent: u32,
    /// The task's real user id in the initial user namespace.
    pub uid: u32,
    /// The task's real group id in the initial user namespace.
    pub gid: u32,
    /// The object's device (`dev_t`: major << 20 | minor), 0 where it has none.
    pub device: u32,
    /// [`Action`] number.
    pub action: u8,
    /// [`crate::verdict::Reason`] number; 0 is granted.
    pub reason: u8,
    /// [`crate::rights::Rights`] bits wanted on the object; 0 where rights say nothing.
    pub wanted: u8,
    /// IP protocol number (6 TCP, 17 UDP) of a connection or message, else 0.
    pub protocol: u8,
    /// Index of the scope that granted it, or [`crate::policy::NO_SCOPE`].
    pub scope: u16,
    /// Address family (`AF_INET` 2, `AF_INET6` 10, ...) of a connection or message, else 0.
    pub family: u16,
    /// Port, host order.
    pub port: u16,
    /// Bits `EVENT_*`.
    pub flags: u16,
    /// Bytes of the object's path in the tail.
    pub object_len: u16,
    /// Bytes of the second part of the tail.
    pub extra_len: u16,
    /// What the act is about where no object is: see [`Action`], and [`crate::doors::Door`] for acts on the ground and
    /// on other processes.
    pub detail: u32,
    /// Thread-group id of the process acted on, 0 where there is none; other numbers as [`Action`] says.
    pub target: u32,
    /// Address in network order, IPv4 as IPv4-mapped IPv6.
    pub address: [u8; 16],
    /// The acting thread's name, zero-padded.
    pub comm: [u8; 16],
}

/// The object's path is incomplete: it could not be resolved to its end. The bytes are what was read.
pub const EVENT_OBJECT_CUT: u16 = 1;
/// The second part of the tail was cut at its limit.
pub const EVENT_EXTRA_CUT: u16 = 2;
/// The object is an anonymous or deleted file; the path is the kernel's name for it.
pub const EVENT_OBJECT_UNLINKED: u16 = 4;
/// The session records only: the act went on although this event says that it would be refused.
pub const EVENT_NOT_ENFORCED: u16 = 8;

/// The longest path in a tail.
pub const MAX_OBJECT: usize = 4096;
/// The longest second part of a tail.
pub const MAX_EXTRA: usize = 4096;

const _: () = assert!(size_of::<Header>() == 144);

//! What the object's `walk_files` program says of each open file: a fixed part, then the path.
//!
//! It runs the hooks' own walk where the kernel refuses LSM programs, so that the walk can be tested on real files
//! and timed on real hardware.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// The fixed part of one file's record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Walked {
    /// Nanoseconds of [`TURNS`] climbs and descents.
    pub time_ns: u64,
    /// Thread-group id in the initial PID namespace.
    pub pid: u32,
    /// The descriptor.
    pub fd: u32,
    /// [`crate::verdict::Reason`] number of the climb.
    pub reason: u32,
    /// Bytes of the path that follows.
    pub length: u32,
}

/// How often each file is walked.
pub const TURNS: u32 = 8;

const _: () = assert!(size_of::<Walked>() == 24);

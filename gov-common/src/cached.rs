//! The memory of granted reads: what lets a read be granted again without a walk.
//!
//! A read's verdict follows from the object's path and the policy, and the path from the directory entry and the mount
//! that the file was opened through. So a grant that was walked to once holds again while nothing of that has changed
//! ([`Granted::is_for`], [`Granted::holds_at`]): the same entry on the same mount, no rename and no change of mounts anywhere since before the
//! walk, the same policy in force. Only grants are remembered, and only what is judged by nothing else.

use crate::hidden::Hidden;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Sets of remembered grants, as a power of two.
const SET_BITS: u32 = 13;
/// Sets of remembered grants.
pub const SETS: usize = 1 << SET_BITS;
/// Grants in a set, so that sessions that read the same files do not drive each other out.
pub const WAYS: usize = 4;
/// Directories whose remembered reads are counted at once, as a power of two.
const TALLY_BITS: u32 = 16;
/// Directories whose remembered reads are counted at once: the length of map `TALLIES`.
pub const TALLIES: u32 = 1 << TALLY_BITS;
/// Places of `TALLIES` where a directory's count may stand.
pub const TALLY_PLACES: u32 = 4;
/// Nanoseconds after which a grant is walked to again, long before a sequence of 31 bits can come round.
pub const MAX_AGE_NS: u64 = 1 << 36;

/// One granted read. In `GRANTED`: [`WAYS`] of these for each of [`SETS`], at the directory entry's [`set`] and the
/// session's [`way`]. Only the kernel object reads and writes it.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Granted {
    /// Odd while the grant is being written: whoever sees it odd, or another one afterwards, has read nothing.
    pub version: Hidden<u64>,
    /// Address of the directory entry; 0: no grant.
    pub dentry: Hidden<u64>,
    /// Address of the `struct vfsmount`.
    pub mount: Hidden<u64>,
    /// `CLOCK_BOOTTIME` in nanoseconds from which the grant holds no longer.
    pub until_ns: Hidden<u64>,
    /// The sequence of `rename_lock` before the walk.
    pub renames: Hidden<u32>,
    /// The sequence of `mount_lock` before the walk.
    pub mounts: Hidden<u32>,
    /// The policy that granted it, as the session had it: [`crate::abi::Session::generation`].
    pub generation: Hidden<u32>,
    /// The session's slot.
    pub slot: Hidden<u32>,
    /// Where in `TALLIES` the read is counted.
    pub tally: Hidden<u32>,
    /// Zero.
    pub reserved: u32,
}

/// What is read.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    /// Address of the directory entry.
    pub dentry: u64,
    /// Address of the `struct vfsmount`.
    pub mount: u64,
    /// The [`crate::abi::Session::generation`] in force for the task; 0 for none.
    pub generation: u32,
}

/// When it is read.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// The sequence of `rename_lock`.
    pub renames: u32,
    /// The sequence of `mount_lock`.
    pub mounts: u32,
    /// `CLOCK_BOOTTIME` in nanoseconds.
    pub time_ns: u64,
}

impl Granted {
    /// Whether this was granted for what is asked. The rule is this and [`Granted::holds_at`].
    ///
    /// The entry lives on as the one that was walked from: an address that another entry gets is forgotten before that
    /// one can be opened. A generation is in force for one session, in the mount namespace that the walk has found the mount
    /// in, and its number dies with it.
    #[inline(always)]
    pub fn is_for(&self, asked: &Asked) -> bool {
        asked.dentry != 0
            && self.dentry.get() == asked.dentry
            && self.mount.get() == asked.mount
            && asked.generation != 0
            && self.generation.get() == asked.generation
    }

    /// Whether nothing has changed since. While an entry lives its parents do, so without a rename it has the same path
    /// on its file system, and without a change of mounts its mount stands where it stood.
    #[inline(always)]
    pub fn holds_at(&self, moment: &Moment) -> bool {
        self.renames.get() == moment.renames
            && self.mounts.get() == moment.mounts
            && moment.time_ns < self.until_ns.get()
    }
}

/// When a grant that is walked to at `now_ns` for a session that expires at `expires_ns` must be walked to again.
#[inline(always)]
pub const fn until(now_ns: u64, expires_ns: u64) -> u64 {
    let oldest = now_ns.saturating_add(MAX_AGE_NS);
    if oldest < expires_ns { oldest } else { expires_ns }
}

/// The set of a directory entry, by the low half of its address: dentries lie on lines of 64 bytes.
#[inline(always)]
pub const fn set(address: u32) -> usize {
    const GOLDEN: u32 = 0x9e37_79b1;
    const UNUSED: u32 = u32::BITS - SET_BITS;
    ((address >> 6).wrapping_mul(GOLDEN) >> UNUSED) as usize
}

/// The way of a session, by its cgroup's id: ids count up.
#[inline(always)]
pub const fn way(cgroup: u64) -> usize {
    cgroup as usize & (WAYS - 1)
}

/// Which policy's remembered grants hold for a session. Map `GATES`: the session's slot to this. Only the daemon writes
/// it, and changes `generation` alone while it is not 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Gate {
    /// The session's cgroup id.
    pub cgroup: u64,
    /// The [`crate::abi::Session::generation`] in force; 0 when no remembered grant holds: no session, or a session
    /// that was cut off.
    pub generation: u32,
    /// Zero.
    pub reserved: u32,
}

/// The count of one directory's remembered reads, beside the count in `READS` of those that were walked to. Map
/// `TALLIES`. The kernel object claims an element for a directory, the daemon frees it when the session is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Tally {
    /// [`FREE`], [`CLAIMED`] or [`TAKEN`].
    pub state: u64,
    /// The session's number.
    pub session: u64,
    /// The directory's inode number.
    pub inode: u64,
    /// The directory's device, as in [`crate::abi::ReadKey`].
    pub device: u32,
    /// Zero.
    pub reserved: u32,
    /// The reads.
    pub count: u64,
}

/// No directory's.
pub const FREE: u64 = 0;
/// A directory's whose name is being written.
pub const CLAIMED: u64 = 1;
/// A directory's.
pub const TAKEN: u64 = 2;

impl Tally {
    /// Whether this counts the reads of a session in a directory.
    #[inline(always)]
    pub const fn is_of(&self, session: u64, inode: u64, device: u32) -> bool {
        self.state == TAKEN && self.session == session && self.inode == inode && self.device == device
    }
}

/// The first of the [`TALLY_PLACES`] where a directory's count may stand; the others follow, round the end.
#[inline(always)]
pub const fn tally(session: u64, inode: u64, device: u32) -> u32 {
    const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
    const UNUSED: u32 = u64::BITS - TALLY_BITS;
    let mixed = inode.wrapping_mul(GOLDEN) ^ session.rotate_left(32) ^ device as u64;
    (mixed.wrapping_mul(GOLDEN) >> UNUSED) as u32
}

const _: () = assert!(size_of::<Granted>() == 56);
const _: () = assert!(size_of::<Gate>() == 16);
const _: () = assert!(size_of::<Tally>() == 40);
const _: () = assert!(WAYS.is_power_of_two());

#[cfg(test)]
mod tests {
    use super::{Asked, Granted, MAX_AGE_NS, Moment, SETS, TAKEN, TALLIES, Tally, set, tally, until, way};
    use crate::hidden::Hidden;

    const ASKED: Asked = Asked { dentry: 0x1000, mount: 0x2000, generation: 8 };
    const MOMENT: Moment = Moment { renames: 4, mounts: 6, time_ns: 99 };

    fn granted() -> Granted {
        Granted {
            version: Hidden::new(2),
            dentry: Hidden::new(ASKED.dentry),
            mount: Hidden::new(ASKED.mount),
            until_ns: Hidden::new(MOMENT.time_ns + 1),
            renames: Hidden::new(MOMENT.renames),
            mounts: Hidden::new(MOMENT.mounts),
            generation: Hidden::new(ASKED.generation),
            ..Granted::default()
        }
    }

    #[test]
    fn a_grant_is_for_what_it_was_given_for_and_for_nothing_else() {
        assert!(granted().is_for(&ASKED));
        for other in [
            Asked { dentry: 0x1040, ..ASKED },
            Asked { dentry: 0, ..ASKED },
            Asked { mount: 0x2040, ..ASKED },
            Asked { generation: 9, ..ASKED },
            Asked { generation: 0, ..ASKED },
        ] {
            assert!(!granted().is_for(&other), "{other:?}");
        }
    }

    #[test]
    fn a_grant_holds_until_its_time_is_over_or_a_name_or_mount_has_changed() {
        assert!(granted().holds_at(&MOMENT));
        for other in [
            Moment { renames: 5, ..MOMENT },
            Moment { renames: 2, ..MOMENT },
            Moment { mounts: 7, ..MOMENT },
            Moment { mounts: 8, ..MOMENT },
            Moment { time_ns: 100, ..MOMENT },
        ] {
            assert!(!granted().holds_at(&other), "{other:?}");
        }
    }

    #[test]
    fn an_empty_grant_is_for_nothing() {
        assert!(!Granted::default().is_for(&Asked { dentry: 0, mount: 0, generation: 0 }));
        assert!(!Granted { generation: Hidden::new(1), ..Granted::default() }.is_for(&Asked {
            dentry: 0,
            mount: 0,
            generation: 1
        }));
        assert!(!Granted { dentry: Hidden::new(1), ..Granted::default() }.is_for(&Asked {
            dentry: 1,
            mount: 0,
            generation: 0
        }));
    }

    #[test]
    fn a_grant_ends_with_its_session_and_grows_old() {
        assert_eq!(until(5, 7), 7);
        assert_eq!(until(5, u64::MAX), 5 + MAX_AGE_NS);
        assert_eq!(until(u64::MAX, u64::MAX), u64::MAX);
    }

    #[test]
    fn sets_ways_and_tallies_stay_in_their_maps_and_spread() {
        let sets: std::collections::BTreeSet<usize> =
            (0..SETS as u32).map(|number| set(0x8040_0000_u32.wrapping_add(number * 192))).collect();
        assert!(sets.iter().all(|set| *set < SETS));
        assert!(sets.len() > SETS / 2, "{}", sets.len());
        let tallies: std::collections::BTreeSet<u32> =
            (0..TALLIES).map(|inode| tally(7, u64::from(inode), 0x10_0001)).collect();
        assert!(tallies.iter().all(|tally| *tally < TALLIES));
        assert!(tallies.len() as u32 > TALLIES / 2, "{}", tallies.len());
        assert_ne!(way(5), way(6));
    }

    #[test]
    fn a_tally_is_one_sessions_in_one_directory() {
        let tally = Tally { state: TAKEN, session: 1, inode: 2, device: 3, ..Tally::default() };
        assert!(tally.is_of(1, 2, 3));
        assert!(!tally.is_of(9, 2, 3) && !tally.is_of(1, 9, 3) && !tally.is_of(1, 2, 9));
        assert!(!Tally { state: 1, ..tally }.is_of(1, 2, 3));
    }
}

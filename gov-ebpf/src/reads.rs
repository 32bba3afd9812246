//! Counting reads: a granted read is not an event of its own, it adds to its directory's count, and the first one
//! in a directory is recorded with the directory's path.

use crate::atomic;
use crate::emit::add;
use crate::kernel;
use crate::maps::READS;
use crate::scratch;
use aya_ebpf::bindings::BPF_NOEXIST;
use gov_common::abi::{MAX_NESTING, READS_EARLY, ReadKey};

/// What became of a read that was to be counted.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Counted {
    /// It is counted, in a directory whose path is recorded.
    Yes = 0,
    /// There is no room to count it in: record it as any other act.
    RecordIt = 1,
    /// It is the first of its directory: record the directory, then say so with [`gov_counted_first`].
    First = 2,
    /// It is counted, in a directory whose path is being recorded.
    Early = 3,
}

/// Counts a granted read for the room's session `level`: a [`Counted`] number.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn gov_count_read(number: u32, level: u32) -> u32 {
    let Some(room) = scratch::room(number) else { return Counted::RecordIt as u32 };
    let slot = room.levels[level as usize & (MAX_NESTING - 1)].session.slot;
    let dentry = room.case.dentry[0];
    let (_, last) = room.objects[0].walk.last();
    let Some(mut identity) = kernel::identity(dentry) else { return Counted::RecordIt as u32 };
    let itself = identity.directory || last == 0;
    if !itself {
        let Some(parent) = kernel::parent(dentry) else { return Counted::RecordIt as u32 };
        let Some(directory) = kernel::identity(parent) else { return Counted::RecordIt as u32 };
        identity = directory;
    }
    let key = ReadKey { inode: identity.inode, device: identity.device, slot };
    room.directory = key;
    let before = match READS.get_ptr_mut(key) {
        Some(count) => add_one(count),
        None if READS.insert(key, READS_EARLY + 1, BPF_NOEXIST as u64).is_ok() => {
            room.directory_is_object.set(itself as u32);
            return Counted::First as u32;
        }
        // Another task was first, or the map is full.
        None => match READS.get_ptr_mut(key) {
            Some(count) => add_one(count),
            None => return Counted::RecordIt as u32,
        },
    };
    add(slot, |state| unsafe { &raw mut (*state).counted_reads });
    if before & READS_EARLY == 0 { Counted::Yes as u32 } else { Counted::Early as u32 }
}

/// Ends the count of a directory's first read, whose record is in the ring or was `lost`: whether it is lost.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn gov_counted_first(number: u32, level: u32, lost: u32) -> u32 {
    let Some(room) = scratch::room(number) else { return 1 };
    if lost != 0 {
        // Without the directory's path its count says nothing: the next read tries again.
        let _ = READS.remove(room.directory);
        return 1;
    }
    if let Some(count) = READS.get_ptr_mut(room.directory) {
        // SAFETY: the pointer is to a map value, aligned; everyone changes it atomically.
        unsafe { atomic::fetch_and(count, !READS_EARLY) };
    }
    let slot = room.levels[level as usize & (MAX_NESTING - 1)].session.slot;
    add(slot, |state| unsafe { &raw mut (*state).counted_reads });
    0
}

/// Adds one to a directory's count and returns what it was.
#[inline(always)]
fn add_one(count: *mut u64) -> u64 {
    // SAFETY: the pointer is to a map value, aligned; everyone changes it atomically.
    unsafe { atomic::fetch_add(count, 1) }
}

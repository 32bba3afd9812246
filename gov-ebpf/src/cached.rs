//! Granting a read again without a walk, by the rule of [`gov_common::cached`].

use crate::atomic;
use crate::kernel::{self, Sequences};
use crate::maps::{GATES, GRANTED, STATES, TALLIES};
use crate::scratch::{self, Level, Scratch};
use crate::subject::{self, Levels};
use aya_ebpf::helpers::bpf_ktime_get_boot_ns;
use core::ptr::{read_volatile, write_volatile};
use gov_common::abi::{Kind, MAX_NESTING, ReadKey, SESSION_RECORD_ONLY, State};
use gov_common::cached::{
    Asked, CLAIMED, FREE, Granted, Moment, TAKEN, TALLIES as TALLY_COUNT, TALLY_PLACES, Tally, WAYS, set,
    tally, until, way,
};
use gov_common::rights::Rights;

/// Whether opening the `file`, a hook's own argument, is a read that was granted to the task's only session and is
/// still: then it is counted, too. Everything else is for the guard.
#[inline(always)]
pub fn grants(levels: Levels, file: u64) -> bool {
    let Some(cgroup) = subject::only(levels) else { return false };
    let opened = kernel::opened(file);
    let granted = place(opened.dentry, cgroup);
    // Loads keep their order on x86-64.
    let version = granted.version.get();
    let (slot, tally) = (granted.slot.get(), granted.tally.get());
    let generation = generation(slot, cgroup);
    if !opened.only_reads()
        || !granted.is_for(&Asked { dentry: opened.dentry, mount: opened.vfsmount, generation })
    {
        return false;
    }
    let Some(Sequences { renames, mounts }) = kernel::sequences() else { return false };
    // SAFETY: the helper has no preconditions.
    let time_ns = unsafe { bpf_ktime_get_boot_ns() };
    granted.holds_at(&Moment { renames, mounts, time_ns })
        && version & 1 == 0
        && granted.version.get() == version
        && count(slot, tally)
}

/// The generation whose grants hold for the session at a slot, if it is that of the cgroup; otherwise 0, whose hold for
/// none.
#[inline(always)]
fn generation(slot: u32, cgroup: u64) -> u32 {
    let Some(gate) = GATES.get_ptr(slot) else { return 0 };
    // SAFETY: the element is aligned; volatile, because the daemon changes it at any time.
    unsafe {
        let of = read_volatile(&raw const (*gate).cgroup);
        if of == cgroup { read_volatile(&raw const (*gate).generation) } else { 0 }
    }
}

/// Counts a read that a grant holds for; false, and nothing is counted, if it cannot be.
#[inline(always)]
fn count(slot: u32, tally: u32) -> bool {
    let Some(state) = STATES.get_ptr_mut(slot) else { return false };
    // SAFETY: the element is aligned; volatile, because other CPUs set it.
    if unsafe { read_volatile(&raw const (*state).open_until_ns) } != 0 {
        // Its circuit is open, or has been: whether it still stands the guard decides.
        return false;
    }
    let Some(tally) = TALLIES.get_ptr_mut(tally) else { return false };
    // SAFETY: the counters lie in maps' elements, aligned, and everyone adds to them atomically.
    unsafe {
        atomic::fetch_add(&raw mut (*tally).count, 1);
        atomic::fetch_add(granted_reads(state), 1);
        atomic::fetch_add(&raw mut (*state).counted_reads, 1);
    }
    true
}

/// The counter of granted reads.
#[inline(always)]
fn granted_reads(state: *mut State) -> *mut u64 {
    // SAFETY: the field lies in the state.
    unsafe { (&raw mut (*state).granted).cast::<u64>().wrapping_add(Kind::Read as usize) }
}

/// Where a session's grant for a dentry stands.
#[inline(always)]
fn place(dentry: u64, cgroup: u64) -> &'static mut Granted {
    let ways = ways(dentry).wrapping_add(way(cgroup));
    // SAFETY: set and way are within the table; all of a grant's fields are loaded and stored one by one.
    unsafe { &mut *ways }
}

/// The first of the grants for a dentry.
#[inline(always)]
fn ways(dentry: u64) -> *mut Granted {
    GRANTED.at().cast::<[Granted; WAYS]>().wrapping_add(set(kernel::low(dentry))).cast()
}

/// Remembers the read of the room's only session, which was granted after a walk and counted in its directory.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn gov_remember(number: u32, level: u32) -> u32 {
    let Some(room) = scratch::room(number) else { return 0 };
    let this = &room.levels[level as usize & (MAX_NESTING - 1)];
    if !is_judged_by_path_alone(room, this) {
        return 0;
    }
    let Some(levels) = subject::levels() else { return 0 };
    let Some(cgroup) = subject::only(levels) else { return 0 };
    let Some(tally) = gov_claim_tally(number, level).checked_sub(1) else { return 0 };
    let granted = place(room.case.dentry[0], cgroup);
    let version = granted.version.get();
    // SAFETY: a word of the object's own memory, aligned.
    let alone = unsafe { atomic::replace((&raw mut granted.version).cast(), version & !1, version | 1) };
    if !alone {
        // Another CPU is at it.
        return 0;
    }
    let found = &room.objects[0];
    granted.dentry.set(room.case.dentry[0]);
    granted.mount.set(kernel::vfsmount(room.case.mount[0]));
    // SAFETY: the helper has no preconditions.
    granted.until_ns.set(until(unsafe { bpf_ktime_get_boot_ns() }, this.session.expires_ns));
    granted.renames.set(found.renames.get());
    granted.mounts.set(found.mounts.get());
    granted.generation.set(this.session.generation);
    granted.slot.set(this.session.slot);
    granted.tally.set(tally);
    // SAFETY: a word of the object's own memory, aligned; an odd version has kept others off until here.
    unsafe { atomic::fetch_add((&raw mut granted.version).cast(), 1) };
    1
}

/// Whether the read was judged by one session, and by nothing but the path of an object that has one.
#[inline(always)]
fn is_judged_by_path_alone(room: &Scratch, this: &Level) -> bool {
    room.count.get() == 1
        && room.case.wanted == Rights::READ.bits()
        && room.case.mask & room.case.mask.wrapping_sub(1) == 0
        && room.objects[0].flags.get() == 0
        && this.session.flags & SESSION_RECORD_ONLY == 0
}

/// Forgets what was granted for a dentry, a hook's own argument: at its address there is another entry from now on.
///
/// Who writes a grant at the same time writes that of yet another entry: this one cannot be open before the hook is over,
/// and whoever has the last one open keeps its address from being used again.
#[inline(always)]
pub fn forget(dentry: u64) {
    let ways = ways(dentry);
    let mut way = 0;
    while way < WAYS {
        // SAFETY: within the table; all of a grant's fields are loaded and stored one by one.
        let granted = unsafe { &mut *ways.wrapping_add(way) };
        if granted.dentry.get() == dentry {
            granted.dentry.set(0);
        }
        way += 1;
    }
}

/// Finds or claims the count of the room's directory for its session `level`: its index and one, 0 where there is no
/// room.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn gov_claim_tally(number: u32, level: u32) -> u32 {
    let Some(room) = scratch::room(number) else { return 0 };
    let session = room.levels[level as usize & (MAX_NESTING - 1)].session.id;
    let ReadKey { inode, device, .. } = room.directory;
    let first = tally(session, inode, device);
    let mut turn = 0;
    while turn < TALLY_PLACES {
        let index = first.wrapping_add(turn) & (TALLY_COUNT - 1);
        let Some(place) = TALLIES.get_ptr_mut(index) else { return 0 };
        if claim(place, session, inode, device) {
            return index + 1;
        }
        turn += 1;
    }
    0
}

/// Whether an element counts, or does from now on, a session's reads in a directory.
#[inline(always)]
fn claim(place: *mut Tally, session: u64, inode: u64, device: u32) -> bool {
    // SAFETY: a map's element, always there and aligned; whoever replaces the state is alone with it.
    unsafe {
        let state = &raw mut (*place).state;
        if atomic::replace(state, FREE, CLAIMED) {
            write_volatile(&raw mut (*place).session, session);
            write_volatile(&raw mut (*place).inode, inode);
            write_volatile(&raw mut (*place).device, device);
            atomic::fetch_add(state, TAKEN - CLAIMED);
            return true;
        }
        read_volatile(place).is_of(session, inode, device)
    }
}

//! Counting refusals that repeat: see [`gov_common::repeated`].

use crate::atomic;
use crate::emit::add;
use crate::kernel;
use crate::maps::REFUSALS;
use crate::scratch::{self, Extra, Scratch};
use aya_ebpf::bindings::BPF_NOEXIST;
use gov_common::abi::MAX_NESTING;
use gov_common::repeated::{FEW, MAX_DISTINCT, Refusal, RefusalKey};

/// Counts the room's refusal in its session `level`: 1 if that is all, 0 if it is to be recorded, and told to
/// [`gov_refusal_recorded`] then.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn gov_count_refusal(number: u32, level: u32, reason: u32) -> u32 {
    let Some(room) = scratch::room(number) else { return 0 };
    let slot = room.levels[level as usize & (MAX_NESTING - 1)].session.slot;
    room.refusal_stands.set(1);
    let told_apart = describe(room, slot, reason);
    if told_apart && let Some(refusal) = REFUSALS.get_ptr_mut(&room.refusal) {
        return again(refusal, slot);
    }
    if add(slot, |state| unsafe { &raw mut (*state).distinct_refusals }) < MAX_DISTINCT {
        if told_apart {
            begin(room);
        } else {
            room.refusal_stands.set(0);
        }
        return 0;
    }
    room.refusal = RefusalKey::of_any_object(slot, room.case.action, reason as u8);
    if let Some(refusal) = REFUSALS.get_ptr_mut(&room.refusal) {
        return again(refusal, slot);
    }
    begin(room);
    0
}

/// Notes that the room's refusal has a record of its own.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn gov_refusal_recorded(number: u32) -> u32 {
    let Some(room) = scratch::room(number) else { return 0 };
    if room.refusal_stands.get() != 0
        && let Some(refusal) = REFUSALS.get_ptr_mut(&room.refusal)
    {
        // SAFETY: the pointer is to a map value, aligned; of two that are last at once either will do.
        unsafe {
            core::ptr::write_volatile(&raw mut (*refusal).last, room.header.sequence);
            atomic::fetch_add(&raw mut (*refusal).recorded, 1);
        }
    }
    0
}

/// Makes a place for the room's refusal. Where another task was first, or the map is full, there is nothing to do: what
/// is not counted is recorded.
#[inline(always)]
fn begin(room: &Scratch) {
    let _ = REFUSALS.insert(&room.refusal, Refusal::default(), BPF_NOEXIST as u64);
}

/// Counts a refusal that is known, if enough of them are recorded: 1 if so.
#[inline(always)]
fn again(refusal: *mut Refusal, slot: u32) -> u32 {
    // SAFETY: the pointer is to a map value, aligned; volatile, because other CPUs change it.
    if unsafe { core::ptr::read_volatile(&raw const (*refusal).recorded) } < FEW {
        return 0;
    }
    // SAFETY: as above; everyone changes it atomically.
    unsafe { atomic::fetch_add(&raw mut (*refusal).counted, 1) };
    add(slot, |state| unsafe { &raw mut (*state).counted_refusals });
    1
}

/// Lays out what the room's refusal is about; false if that cannot be told by numbers alone.
#[inline(always)]
fn describe(room: &mut Scratch, slot: u32, reason: u32) -> bool {
    let case = room.case;
    let key = &mut room.refusal;
    *key = RefusalKey::of_any_object(slot, case.action, reason as u8);
    (key.wanted, key.protocol) = (case.wanted, case.protocol);
    (key.port, key.family) = (case.port, case.family);
    (key.detail, key.target) = (case.detail, case.target);
    (key.mount, key.address) = (case.mount[0], case.address);
    let Some((inode, name, device)) = object(case.dentry[0]) else { return false };
    (key.inode[0], key.name[0], key.device) = (inode, name, device);
    let Some((inode, name, _)) = object(case.dentry[1]) else { return false };
    (key.inode[1], key.name[1]) = (inode, name);
    // An abstract socket is its name, which is text.
    case.dentry[0] != 0 || case.extra == Extra::None
}

/// Inode number, name and device of what is at a dentry; zeros without one.
#[inline(always)]
fn object(dentry: u64) -> Option<(u64, u64, u32)> {
    if dentry == 0 {
        return Some((0, 0, 0));
    }
    let name = kernel::name(dentry)?;
    let mut identity = kernel::identity(dentry)?;
    if identity.inode == 0 {
        identity = kernel::identity(kernel::parent(dentry)?)?;
    }
    Some((identity.inode, name, identity.device))
}

//! Recording: a decision becomes an event in the ring, numbered in its session, and a count in the session's
//! state.

use crate::atomic;
use crate::bounds::masked;
use crate::kernel;
use crate::maps::{RING, STATES, TAKEN};
use crate::scratch::{self, Extra, Judge, OBJECT_INTERNAL, OBJECT_UNLINKED, PART, Scratch};
use aya_ebpf::bindings::{BPF_RB_AVAIL_DATA, BPF_RB_RING_SIZE};
use aya_ebpf::helpers::generated::bpf_get_current_comm;
use aya_ebpf::helpers::{bpf_get_current_pid_tgid, bpf_get_current_uid_gid, bpf_ktime_get_boot_ns};
use gov_common::abi::{ABI_VERSION, MAX_NESTING, State};
use gov_common::event::{
    Action, EVENT_EXTRA_CUT, EVENT_NOT_ENFORCED, EVENT_OBJECT_CUT, EVENT_OBJECT_UNLINKED, Header, MAX_EXTRA,
    MAX_OBJECT,
};
use gov_common::repeated::{self, room_of};
use gov_common::verdict::Reason;
use gov_common::walk::TEXT;

/// For [`gov_unrecorded`]: what is lost is no decision.
pub const NO_DECISION: u32 = 5;
const HEADER: usize = size_of::<Header>();

/// Adds one to a counter of a session's state and returns what it was.
#[inline(always)]
pub fn add(slot: u32, counter: impl FnOnce(*mut State) -> *mut u64) -> u64 {
    add_to(slot, 1, counter)
}

/// Adds to a counter of a session's state and returns what it was.
#[inline(always)]
fn add_to(slot: u32, more: u64, counter: impl FnOnce(*mut State) -> *mut u64) -> u64 {
    match STATES.get_ptr_mut(slot) {
        // SAFETY: the counter lies in the map's element, aligned, and everyone adds to it atomically.
        Some(state) => unsafe { atomic::fetch_add(counter(state), more) },
        None => 0,
    }
}

/// Counts one decision of a kind as granted or refused.
#[inline(always)]
pub fn count(slot: u32, kind: usize, refused: bool) {
    let kind = if kind < 5 { kind } else { 4 };
    // SAFETY: the index is below the array's length.
    add(slot, |state| unsafe {
        if refused {
            (&raw mut (*state).refused).cast::<u64>().add(kind)
        } else {
            (&raw mut (*state).granted).cast::<u64>().add(kind)
        }
    });
}

/// Fills in what the events of all levels share: who, what, and the tail. Once for each act.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn gov_prepare(number: u32) -> u32 {
    let Some(room) = scratch::room(number) else { return 0 };
    if room.prepared.get() != 0 {
        return 1;
    }
    let header = &mut room.header;
    header.abi = ABI_VERSION;
    header.inode = 0;
    header.device = 0;
    // SAFETY: the helpers have no preconditions.
    let (time, ids, owner) =
        unsafe { (bpf_ktime_get_boot_ns(), bpf_get_current_pid_tgid(), bpf_get_current_uid_gid()) };
    header.time_ns = time;
    header.pid = (ids >> 32) as u32;
    header.tid = ids as u32;
    header.gid = (owner >> 32) as u32;
    header.uid = owner as u32;
    // An actor that cannot be read keeps zeros: its pid and name still say who it was.
    let actor = kernel::actor().unwrap_or_default();
    header.start_ns = actor.start_ns;
    header.parent = actor.parent;
    // SAFETY: the name is an array of the length given.
    unsafe { bpf_get_current_comm(header.comm.as_mut_ptr().cast(), header.comm.len() as u32) };
    header.wanted = room.case.wanted;
    header.protocol = room.case.protocol;
    header.family = room.case.family;
    header.port = room.case.port;
    header.address = room.case.address;
    header.detail = room.case.detail;
    header.target = room.case.target;
    if room.case.dentry[0] != 0 {
        let identity = kernel::identity(room.case.dentry[0]).unwrap_or_default();
        room.header.inode = identity.inode;
        room.header.device = identity.device;
    }
    room.object_len.set(0);
    room.extra_len.set(0);
    tail(room);
    room.prepared.set(1);
    1
}

/// Fills in the tail: the object's path, and what the action adds to it.
#[inline(always)]
fn tail(room: &mut Scratch) {
    let base = room.tail.as_mut_ptr();
    let mut flags = 0;
    if room.case.dentry[0] != 0 {
        let (length, marks) = object(room, 0, 0);
        room.object_len.set(length);
        flags |= marks;
    }
    let at = masked::<{ PART as u32 }>(room.object_len.get() as usize);
    let to = base.wrapping_add(at);
    match room.case.extra {
        Extra::None => {}
        Extra::SecondPath => {
            let (length, marks) = object(room, 1, at);
            room.extra_len.set(length);
            if marks & EVENT_OBJECT_CUT != 0 {
                flags |= EVENT_EXTRA_CUT;
            }
        }
        Extra::KernelString => {
            // SAFETY: `at` and the length are each bounded by PART, and the tail holds two parts.
            let copied = unsafe { kernel::copy_string(to, MAX_EXTRA as u32, room.case.extra_at) };
            if copied > 0 && copied <= MAX_EXTRA as i64 {
                room.extra_len.set(copied as u32 - 1);
            } else {
                flags |= EVENT_EXTRA_CUT;
            }
        }
        Extra::UserBytes => {
            let mut length = room.case.extra_len;
            if length > MAX_EXTRA as u64 {
                length = MAX_EXTRA as u64;
                flags |= EVENT_EXTRA_CUT;
            }
            room.extra_len.set(length as u32);
            let bounded = masked::<{ PART as u32 }>(length as usize) as u32;
            // SAFETY: `at` and the length are each bounded by PART, and the tail holds two parts.
            if !unsafe { kernel::copy_user(to, bounded, room.case.extra_at) } {
                room.extra_len.set(0);
                flags |= EVENT_EXTRA_CUT;
            }
        }
    }
    room.header.flags = flags;
}

/// Copies the path of object `which` to `tail[at..]`: its length, and bits `EVENT_*`.
#[inline(always)]
fn object(room: &mut Scratch, which: usize, at: usize) -> (u32, u16) {
    let to = room.tail.as_mut_ptr().wrapping_add(masked::<{ PART as u32 }>(at));
    let found = &room.objects[which];
    let mut marks = 0;
    if found.reason.get() != Reason::Granted as u32 {
        marks |= EVENT_OBJECT_CUT;
    }
    let flags = found.flags.get();
    if flags & (OBJECT_INTERNAL | OBJECT_UNLINKED) != 0 {
        marks |= EVENT_OBJECT_UNLINKED;
    }
    let start = masked::<{ 2 * TEXT as u32 - 1 }>(found.walk.start());
    let length = if start < TEXT { TEXT - start } else { 0 };
    if length == 0 {
        if flags & OBJECT_INTERNAL != 0 {
            return (0, marks);
        }
        // SAFETY: `at` is bounded by PART, and the tail is longer.
        unsafe { to.write(b'/') };
        return (1, marks);
    }
    let from = found.walk.text().as_ptr().wrapping_add(start);
    // SAFETY: `at` and the length are each bounded by PART, and the tail holds two parts.
    if !unsafe { kernel::copy(to, masked::<{ PART as u32 }>(length) as u32, from) } {
        return (0, marks | EVENT_OBJECT_CUT);
    }
    (length as u32, marks)
}

/// Puts one event into the ring for the room's session `level`: 1 when it is there, 0 when there is no room for it
/// there, and then the loss is counted. `reason` and `decider` are those of the whole decision.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn gov_record(number: u32, level: u32, action: u32, reason: u32, decider: u64) -> u32 {
    let Some(room) = scratch::room(number) else { return 0 };
    let place = &room.levels[level as usize & (MAX_NESTING - 1)];
    let slot = place.session.slot;
    let own = place.reason as u32;
    room.header.session = place.session.id;
    room.header.action = action as u8;
    room.header.decider = if decider == 0 { place.session.id } else { decider };
    let enforced = reason != 0 || own == 0;
    room.header.reason = if enforced { reason as u8 } else { own as u8 };
    let flags = room.header.flags & !EVENT_NOT_ENFORCED;
    room.header.flags = if enforced { flags } else { flags | EVENT_NOT_ENFORCED };
    room.header.scope = if reason == 0 { place.scope } else { gov_common::policy::NO_SCOPE };
    let mut object_len = room.object_len.get();
    let mut extra_len = room.extra_len.get();
    if action == Action::ReadDirectory as u32 {
        room.header.inode = room.directory.inode;
        room.header.device = room.directory.device;
        extra_len = 0;
        object_len = directory_length(room, object_len);
    }
    if object_len > MAX_OBJECT as u32 {
        object_len = MAX_OBJECT as u32;
    }
    if extra_len > MAX_EXTRA as u32 {
        extra_len = MAX_EXTRA as u32;
    }
    room.header.object_len = object_len as u16;
    room.header.extra_len = extra_len as u16;
    room.header.length = HEADER as u32 + object_len + extra_len;
    room.header.sequence = add(slot, |state| unsafe { &raw mut (*state).sequence });
    let takes = room_of(room.header.length);
    let produced = add_to(slot, takes, |state| unsafe { &raw mut (*state).produced }).wrapping_add(takes);
    room.header.produced = produced;
    let length = masked::<{ 2 * PART as u32 + 1 }>(room.header.length as usize);
    let from = (&raw const room.header).cast::<u8>();
    // SAFETY: header and tail are neighbours, and the length is bounded by the tail's alone.
    let record = unsafe { core::slice::from_raw_parts(from, length) };
    if has_share(slot, produced) && RING.output::<[u8]>(record, 0).is_ok() {
        return 1;
    }
    // Adding the negative takes it away.
    add_to(slot, takes.wrapping_neg(), |state| unsafe { &raw mut (*state).produced });
    add(slot, |state| unsafe { &raw mut (*state).lost });
    0
}

/// Whether a session that has produced so much, a record that is not in the ring yet with it, has room for that there.
#[inline(always)]
fn has_share(slot: u32, produced: u64) -> bool {
    let taken = match TAKEN.get_ptr(slot) {
        // SAFETY: the element is aligned; volatile, because the daemon changes it.
        Some(taken) => unsafe { core::ptr::read_volatile(taken) },
        // Fail closed: a slot that is out of range has no share.
        None => return false,
    };
    let used = RING.query(BPF_RB_AVAIL_DATA as u64);
    repeated::has_share(produced, taken, used, RING.query(BPF_RB_RING_SIZE as u64))
}

/// How much of the object's path is its directory's: all of it when the object is a directory.
#[inline(always)]
fn directory_length(room: &Scratch, whole: u32) -> u32 {
    let (_, last) = room.objects[0].walk.last();
    if room.directory_is_object.get() != 0 || last == 0 {
        return whole;
    }
    let rest = whole.saturating_sub(last as u32 + 1);
    if rest == 0 { 1 } else { rest }
}

/// Counts an act that was refused because no room could be claimed for it: a numbered event that is lost, in
/// every session above the task.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn gov_unrecorded(mask: u32, kind: u32) -> u32 {
    let mut level = 0;
    while level < gov_common::abi::MAX_CGROUP_LEVELS {
        if mask & (1 << level) != 0
            && let Some(session) = crate::subject::at(level)
        {
            let slot = session.slot;
            add(slot, |state| unsafe { &raw mut (*state).sequence });
            add(slot, |state| unsafe { &raw mut (*state).lost });
            if kind < NO_DECISION {
                count(slot, kind as usize, true);
            }
        }
        level += 1;
    }
    0
}

/// Whether an act is judged by its objects and one of them has a path.
#[inline(always)]
pub fn has_path(room: &Scratch) -> bool {
    room.case.judge == Judge::Objects && room.objects[0].flags.get() & OBJECT_INTERNAL == 0
}

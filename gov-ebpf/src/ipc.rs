//! System V objects: which session made which. The kernel keeps no cgroup with them, so it is noted when they are made.
//!
//! They are shared within one session only: not with those in it, nor with those around it. The names of POSIX message
//! queues are the host's: they lie in a file system that no path leads to.

use crate::guard::judge_door;
use crate::kernel;
use crate::maps::IPC;
use crate::subject::{governed, innermost};
use gov_common::abi::Maker;
use gov_common::doors::Door;
use gov_common::event::Action;

const MQUEUE_MAGIC: u64 = 0x1980_0202;

/// Notes whose the new object at an address is. What stood there before is gone, so an object of nobody's forgets it.
#[inline(always)]
pub fn made(object: u64) -> i32 {
    let maker = governed().and_then(innermost).map(|session| Maker { object, session: session.id });
    // What cannot be noted is an object of others to its own maker.
    if maker.is_none_or(|maker| IPC.insert(object, maker, 0).is_err()) {
        let _ = IPC.remove(object);
    }
    0
}

/// Judges the use of the object at an address: one that was made in the task's own session is free and not recorded.
#[inline(always)]
pub fn judge_use(mask: u32, object: u64) -> i32 {
    let own = innermost(mask).is_some_and(|session| is_made_in(object, session.id));
    if own { 0 } else { judge_door(mask, Action::Ipc, Door::Ipc) }
}

/// Judges making or removing the name at a dentry, if it is a message queue's.
#[inline(always)]
pub fn judge_queue_name(mask: u32, dentry: u64) -> i32 {
    // Fail closed: a name in a file system that cannot be told is a queue's.
    if kernel::magic(dentry).unwrap_or(MQUEUE_MAGIC) == MQUEUE_MAGIC {
        judge_door(mask, Action::Ipc, Door::Ipc)
    } else {
        0
    }
}

/// Whether the object at an address was made in a session.
#[inline(always)]
fn is_made_in(object: u64, session: u64) -> bool {
    let Some(maker) = IPC.get_ptr(object) else { return false };
    // SAFETY: an element of the map stays readable; volatile and in this order, because it may be given to another
    // object meanwhile.
    unsafe {
        core::ptr::read_volatile(&raw const (*maker).session) == session
            && core::ptr::read_volatile(&raw const (*maker).object) == object
    }
}

//! Seeking: the mount of an object whose hook is told only its dentry.
//!
//! The object is judged through a mount of its file system that lies in the session's mount namespace. If one of
//! them shows it at a place where the act is granted, the task could have done it there anyway.

use crate::kernel::{self, Belongs};
use crate::scratch;
use crate::subject;
use crate::weigh::{gov_resolve, gov_weigh_all};
use gov_common::verdict::Reason;

/// Mounts of one file system that are looked at.
const MOUNTS: u32 = 16;
const GRANTED: u32 = Reason::Granted as u32;

/// Resolves the room's first object through the first mount that grants the act; through another of the session's
/// if none does. Without any the object is foreign.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn gov_seek(number: u32) -> u32 {
    let Some(room) = scratch::room(number) else { return 0 };
    room.objects[0].flags.set(0);
    room.objects[0].namespace.set(0);
    room.objects[0].walk.reset();
    // Fail closed: what stands nowhere in the session's namespace is foreign.
    room.objects[0].reason.set(Reason::ForeignMount as u32);
    let dentry = room.case.dentry[0];
    let namespace = subject::armed_namespace(&room.levels[0].session);
    room.mount.set(kernel::first_mount(dentry).unwrap_or(0));
    let mut turn = 0;
    while turn < MOUNTS {
        let mount = room.mount.get();
        if mount == 0 {
            return 0;
        }
        if kernel::belongs(mount, dentry) == Some(Belongs::Namespace(namespace)) {
            room.case.mount[0] = mount;
            if gov_resolve(number, 0) == GRANTED && gov_weigh_all(number) == GRANTED {
                return 0;
            }
            room.decider.set(0);
        }
        room.mount.set(kernel::next_mount(mount, dentry).unwrap_or(0));
        turn += 1;
    }
    0
}

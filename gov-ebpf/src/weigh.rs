//! Weighing: what each of the task's sessions says to the act, from what was found out about its objects.

use crate::kernel::{self, Belongs, Live};
use crate::maps::NETS;
use crate::named::{gov_is_shell, gov_moves_link};
use crate::scratch::{self, Judge, OBJECT_INTERNAL, OBJECT_UNLINKED, Scratch};
use crate::subject;
use aya_ebpf::maps::lpm_trie::Key;
use gov_common::abi::{MAX_CGROUP_LEVELS, MAX_NESTING, SESSION_RECORD_ONLY, SESSION_SHELLS};
use gov_common::decide::{self, Verdict};
use gov_common::doors;
use gov_common::policy::{LISTENING, NO_SCOPE, NetKey};
use gov_common::rights::Rights;
use gov_common::verdict::Reason;
use gov_common::walk;

const GRANTED: u32 = Reason::Granted as u32;
const UNREADABLE: u32 = Reason::Unreadable as u32;

/// Attempts at a walk that a rename or a change of mounts disturbs.
const ATTEMPTS: u32 = 8;

/// Copies the armed sessions above the task into the room, outermost first; how many there are, which may be
/// more than there is room for.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn gov_gather(number: u32) -> u32 {
    let Some(room) = scratch::room(number) else { return 0 };
    let mask = room.case.mask;
    room.count.set(0);
    let mut level = 0;
    while level < MAX_CGROUP_LEVELS {
        if mask & (1 << level) != 0 {
            gov_gather_one(number, level);
        }
        level += 1;
    }
    room.count.get()
}

/// Copies the session at one level into the room, if there is one and it is armed.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn gov_gather_one(number: u32, level: u32) -> u32 {
    let Some(room) = scratch::room(number) else { return 0 };
    let Some(session) = subject::at(level & (MAX_CGROUP_LEVELS - 1)) else { return 0 };
    if !subject::is_armed(session) {
        return 0;
    }
    let count = room.count.get();
    if (count as usize) < MAX_NESTING {
        let place = &mut room.levels[count as usize & (MAX_NESTING - 1)];
        place.session = *session;
        place.at = level as u8;
    }
    room.count.set(count + 1);
    1
}

/// Finds out about the room's object `which`: where its mount belongs, whether it still has a name, and its path.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn gov_resolve(number: u32, which: u32) -> u32 {
    let Some(room) = scratch::room(number) else { return UNREADABLE };
    let which = which as usize & 1;
    let dentry = room.case.dentry[which];
    let object = &mut room.objects[which];
    object.flags.set(0);
    object.namespace.set(0);
    object.reason.set(UNREADABLE);
    // Fail closed: an object that cannot be read stays Unreadable.
    let Some(unlinked) = kernel::is_unlinked(dentry) else { return UNREADABLE };
    object.flags.set(if unlinked { OBJECT_UNLINKED } else { 0 });
    let mut attempt = 0;
    while attempt < ATTEMPTS {
        let Some(before) = kernel::sequences() else { return UNREADABLE };
        if before.are_still() {
            let reason = gov_place(number, which as u32);
            if kernel::sequences() == Some(before) {
                object.renames.set(before.renames);
                object.mounts.set(before.mounts);
                return reason;
            }
        }
        attempt += 1;
    }
    // Fail closed: a path that was being changed at every attempt is no path.
    set_reason(number, which as u32, Reason::RenameRace);
    Reason::RenameRace as u32
}

/// Where the room's object `which` lies at this moment: what its mount belongs to, and its path.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn gov_place(number: u32, which: u32) -> u32 {
    let Some(room) = scratch::room(number) else { return UNREADABLE };
    let which = which as usize & 1;
    let (dentry, mount) = (room.case.dentry[which], room.case.mount[which]);
    let object = &mut room.objects[which];
    let flags = object.flags.get() & OBJECT_UNLINKED;
    object.flags.set(flags);
    object.namespace.set(0);
    object.reason.set(UNREADABLE);
    // Fail closed: a mount that cannot be read leaves the object Unreadable.
    let Some(belongs) = kernel::belongs(mount, dentry) else { return UNREADABLE };
    match belongs {
        Belongs::Internal => {
            object.flags.set(flags | OBJECT_INTERNAL);
            object.walk.stay(&Live, dentry);
            object.reason.set(GRANTED);
            return GRANTED;
        }
        Belongs::Namespace(inode) => object.namespace.set(inode),
        // Judged as foreign: its namespace is 0, which no session is armed in.
        Belongs::Layer | Belongs::Nowhere => {}
    }
    gov_climb(number, which as u32)
}

/// Writes what an object's walk came to.
#[inline(always)]
fn set_reason(number: u32, which: u32, reason: Reason) {
    if let Some(room) = scratch::room(number) {
        room.objects[which as usize & 1].reason.set(reason as u32);
    }
}

/// One climb from the room's object `which` to the root.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn gov_climb(number: u32, which: u32) -> u32 {
    let Some(room) = scratch::room(number) else { return UNREADABLE };
    let which = which as usize & 1;
    let (dentry, mount) = (room.case.dentry[which], room.case.mount[which]);
    let object = &mut room.objects[which];
    let reason = walk::climb(&Live, &mut object.walk, dentry, mount) as u32;
    object.reason.set(reason);
    reason
}

/// One turn of the descent: 1 while it goes on. A function of its own, so that the verifier walks it once.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn gov_descend_one(number: u32, which: u32, turn: u32) -> u32 {
    let Some(room) = scratch::room(number) else { return 0 };
    walk::descend_one(&Live, &mut room.objects[which as usize & 1].walk, turn as usize) as u32
}

/// What the room's session `level` says, left in its [`scratch::Level`]; the reason that binds the task, which
/// is [`Reason::Granted`] for a session that only records.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn gov_weigh(number: u32, level: u32) -> u32 {
    let Some(room) = scratch::room(number) else { return UNREADABLE };
    let packed = weigh(room, number, level);
    let place = &mut room.levels[level as usize & (MAX_NESTING - 1)];
    place.scope = (packed >> 16) as u16;
    place.reason = packed as u8;
    if place.session.flags & SESSION_RECORD_ONLY != 0 { GRANTED } else { packed & 0xff }
}

/// Weighs at every level: the reason that binds the task, the outermost refusal's; whose it is stays in the room.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn gov_weigh_all(number: u32) -> u32 {
    let Some(room) = scratch::room(number) else { return UNREADABLE };
    let mut reason = GRANTED;
    let mut level = 0;
    while level < MAX_NESTING as u32 {
        if level < room.count.get() {
            let answer = gov_weigh(number, level);
            if reason == GRANTED && answer != GRANTED {
                reason = answer;
                room.decider.set(room.levels[level as usize & (MAX_NESTING - 1)].session.id);
            }
        }
        level += 1;
    }
    reason
}

/// A verdict as one number: its reason, and above 16 bits its scope.
#[inline(always)]
const fn packed(verdict: Verdict) -> u32 {
    verdict.reason as u32 | (verdict.scope as u32) << 16
}

/// Refused for a reason, as one number.
#[inline(always)]
const fn refused(reason: Reason) -> u32 {
    packed(Verdict::refused(reason))
}

/// One session's verdict, packed.
#[inline(always)]
fn weigh(room: &Scratch, number: u32, level: u32) -> u32 {
    let session = &room.levels[level as usize & (MAX_NESTING - 1)].session;
    let standing = subject::standing(session);
    if standing as u32 != GRANTED {
        return refused(standing);
    }
    if room.case.given != 0 {
        return refused(given(room.case.given));
    }
    match room.case.judge {
        Judge::Standing => packed(Verdict::granted(NO_SCOPE)),
        Judge::Address | Judge::Listening => gov_weigh_address(number, level),
        Judge::Door => packed(decide::door(session, doors::bit(room.case.detail))),
        Judge::Capability => packed(decide::capability(session, room.case.detail)),
        Judge::Objects => {
            let first = gov_weigh_object(number, level, 0);
            if first & 0xff != GRANTED || room.case.dentry[1] == 0 {
                return first;
            }
            let second = gov_weigh_object(number, level, 1);
            if second & 0xff != GRANTED { second } else { first }
        }
    }
}

/// One session's verdict on the act's object `which`, packed.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn gov_weigh_object(number: u32, level: u32, which: u32) -> u32 {
    let Some(room) = scratch::room(number) else { return refused(Reason::Unreadable) };
    let wanted = Rights::from_bits(room.case.wanted);
    let executes = wanted.covers(Rights::EXECUTE);
    let session = &room.levels[level as usize & (MAX_NESTING - 1)].session;
    let found = &mut room.objects[which as usize & 1];
    let reason = found.reason.get();
    if reason != GRANTED {
        // Fail closed: no path, no right.
        return refused(given(reason as u8));
    }
    let flags = found.flags.get();
    if executes && flags != 0 {
        // Fail closed: what has no path in the tree cannot be granted by one.
        return refused(Reason::AnonymousExecution);
    }
    if flags & OBJECT_INTERNAL != 0 {
        // Reached through a descriptor that the task already holds, and nowhere in the tree.
        return packed(Verdict::granted(NO_SCOPE));
    }
    let namespace = found.namespace.get();
    if namespace == 0 || namespace != subject::armed_namespace(session) {
        return refused(Reason::ForeignMount);
    }
    found.walk.enter(session.root, session.generation);
    walk::descend_by(|turn| gov_descend_one(number, which, turn as u32) != 0);
    let shell = executes && gov_is_shell(number, which) != 0;
    let (node, exact) = room.objects[which as usize & 1].walk.reached();
    if exact && gov_moves_link(number) != 0 {
        // Scopes are resolved when a session begins: a link where one stands would lead the next session elsewhere.
        return refused(Reason::Ground);
    }
    let shells = room.levels[level as usize & (MAX_NESTING - 1)].session.flags & SESSION_SHELLS != 0;
    packed(decide::file(&node, exact, wanted, shell, shells))
}

/// One session's verdict on the act's address, packed.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn gov_weigh_address(number: u32, level: u32) -> u32 {
    let Some(room) = scratch::room(number) else { return refused(Reason::Unreadable) };
    let session = &room.levels[level as usize & (MAX_NESTING - 1)].session;
    let listens = room.case.judge == Judge::Listening;
    let address = if listens { room.case.address } else { decide::reached_address(room.case.address) };
    let policy = if listens { session.net | LISTENING } else { session.net };
    let key = Key::new(32 + 128, NetKey { policy, address });
    match NETS.get(&key) {
        Some(rule) => packed(decide::net(rule, room.case.port)),
        None => refused(Reason::OutOfScope),
    }
}

/// The reason with a number. Fail closed: a number that is none is [`Reason::Unreadable`].
#[inline(always)]
pub fn given(number: u8) -> Reason {
    Reason::from_number(number).unwrap_or(Reason::Unreadable)
}

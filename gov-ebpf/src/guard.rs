//! The guard: one act, judged by every session above the task, recorded in each, answered once.

use crate::address::gov_address;
use crate::cached::gov_remember;
use crate::emit::{NO_DECISION, count, gov_prepare, gov_record, gov_unrecorded, has_path};
use crate::kernel;
use crate::limits::{gov_charge, gov_suffer, gov_tell};
use crate::reads::{Counted, gov_count_read, gov_counted_first};
use crate::repeated::{gov_count_refusal, gov_refusal_recorded};
use crate::scratch::{self, Case, Judge, Level, NO_BUDGET, Scratch};
use crate::seek::gov_seek;
use crate::subject;
use crate::weigh::{given, gov_gather, gov_resolve, gov_weigh_all};
use gov_common::abi::{
    MAX_CGROUP_LEVELS, MAX_NESTING, SESSION_COUNT_ON_FULL, SESSION_RECORD_ONLY, SESSION_RECORD_READS,
};
use gov_common::doors::Door;
use gov_common::event::Action;
use gov_common::policy::NO_SCOPE;
use gov_common::rights::Rights;
use gov_common::verdict::Reason;

const GRANTED: u32 = Reason::Granted as u32;
const NO_ROOM: u32 = Reason::NoRoomToRecord as u32;

/// Judges an act and records it: what the hook returns.
#[inline(always)]
pub fn judge(case: Case) -> i32 {
    let Some(number) = scratch::claim() else {
        // Fail closed: no room to work the decision out in, so none to record it.
        gov_unrecorded(case.mask, case.kind as u32);
        return answer(NO_ROOM);
    };
    let reason = match scratch::room(number) {
        Some(room) => {
            room.case = case;
            let reason = gov_judge(number);
            // Here and not in the judging: 6.1 allows all frames together 512 bytes.
            gov_tell(number);
            reason
        }
        None => NO_ROOM,
    };
    scratch::release(number);
    answer(reason)
}

/// Records what is no decision, in every session above the task.
#[inline(always)]
pub fn note(case: Case) {
    let Some(number) = scratch::claim() else {
        gov_unrecorded(case.mask, NO_DECISION);
        return;
    };
    if let Some(room) = scratch::room(number) {
        room.case = case;
        gov_note(number);
    }
    scratch::release(number);
}

/// Judges the mapping of a file's code.
#[inline(always)]
pub fn map_code(mask: u32, file: u64) -> i32 {
    let (dentry, mount) = kernel::outer_place(file);
    judge(Case::on_object(mask, Action::MapCode, Rights::EXECUTE, dentry, mount))
}

/// Refuses an act that needs no scope when one of the sessions does not stand any more; otherwise the act is
/// free and not recorded.
#[inline(always)]
pub fn judge_standing(mask: u32, action: Action) -> i32 {
    if gov_standing(mask) == GRANTED {
        return 0;
    }
    judge(Case::new(mask, action))
}

/// Judges an act on the ground that enforcement stands on: it takes that its door is open.
#[inline(always)]
pub fn judge_door(mask: u32, action: Action, door: Door) -> i32 {
    judge(Case { judge: Judge::Door, detail: door as u32, ..Case::new(mask, action) })
}

/// Judges an act on a task: outside of a session above the current one it takes that its door is open. Within, the
/// act is free and not recorded.
#[inline(always)]
pub fn judge_other(mask: u32, task: u64, action: Action, door: Door) -> i32 {
    if subject::holds(mask, task) {
        return 0;
    }
    let target = kernel::task_group(task).unwrap_or(0);
    judge(Case { judge: Judge::Door, detail: door as u32, target, ..Case::new(mask, action) })
}

/// Whether every session above the task stands: [`Reason::Granted`], or why one does not.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn gov_standing(mask: u32) -> u32 {
    let mut reason = GRANTED;
    let mut level = 0;
    while level < MAX_CGROUP_LEVELS {
        if mask & (1 << level) != 0
            && let Some(session) = subject::at(level)
            && session.flags & SESSION_RECORD_ONLY == 0
            && subject::is_armed(session)
        {
            let standing = subject::standing(session) as u32;
            if standing != GRANTED {
                reason = standing;
            }
        }
        level += 1;
    }
    reason
}

/// The return value of a hook for a reason: 0, or a negative errno that the verifier can bound.
#[inline(always)]
pub fn answer(reason: u32) -> i32 {
    if reason == GRANTED {
        return 0;
    }
    // Every errno is below 2048: the mask changes nothing but what the verifier knows.
    -given(reason as u8).errno() | -2048
}

/// The act in the room: the reason that binds the task.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn gov_judge(number: u32) -> u32 {
    let Some(room) = scratch::room(number) else { return NO_ROOM };
    room.prepared.set(0);
    // Before anything returns: the room may have been another decision's, and what it told is told whatever comes.
    room.told.warned.set(0);
    room.told.spent.set(0);
    room.told.refusals_warned.set(0);
    room.told.refusals_spent.set(0);
    room.told.broken.set(0);
    let count = gov_gather(number);
    if count == 0 {
        // Every session above the task waits for its first execution.
        return GRANTED;
    }
    if count > MAX_NESTING as u32 {
        // Fail closed: sessions that are not judged could have refused.
        room.case.given = Reason::TooNested as u8;
        room.count.set(MAX_NESTING as u32);
    }
    room.decider.set(0);
    if room.case.dentry[0] != 0 && room.case.mount[0] == 0 {
        gov_seek(number);
    } else if room.case.dentry[0] != 0 {
        gov_resolve(number, 0);
    }
    if room.case.dentry[1] != 0 {
        gov_resolve(number, 1);
    }
    if matches!(room.case.judge, Judge::Address | Judge::Listening) {
        gov_address(number);
    }
    let mut reason = gov_weigh_all(number);
    if reason == GRANTED && room.case.budget != NO_BUDGET {
        reason = gov_charge(number);
    }
    let decider = room.decider.get();
    if reason != GRANTED
        && room.case.action == Action::Read as u8
        && room.case.wanted == Rights::EXECUTE.bits()
    {
        // An execution that ends where its file is opened.
        room.case.action = Action::Execute as u8;
        room.case.kind = Action::Execute.kind() as u8;
    }
    let mut level = 0;
    while level < MAX_NESTING as u32 {
        if level < room.count.get() {
            reason = gov_settle(number, level, reason, decider);
        }
        level += 1;
    }
    reason
}

/// What is no decision: recorded in each session.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn gov_note(number: u32) -> u32 {
    let Some(room) = scratch::room(number) else { return 0 };
    room.prepared.set(0);
    gov_gather(number);
    if room.case.dentry[0] != 0 {
        gov_resolve(number, 0);
    }
    let action = room.case.action as u32;
    gov_prepare(number);
    let mut level = 0;
    while level < MAX_NESTING as u32 {
        if level < room.count.get() {
            let place = &mut room.levels[level as usize & (MAX_NESTING - 1)];
            place.reason = 0;
            place.scope = NO_SCOPE;
            gov_record(number, level, action, GRANTED, 0);
        }
        level += 1;
    }
    0
}

/// Records and counts the decision in the room's session `level`: the reason that binds from here on, which
/// becomes [`Reason::NoRoomToRecord`] when it cannot be recorded and must be.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn gov_settle(number: u32, level: u32, reason: u32, decider: u64) -> u32 {
    let Some(room) = scratch::room(number) else { return NO_ROOM };
    let action = room.case.action;
    let place = room.levels[level as usize & (MAX_NESTING - 1)];
    let (flags, slot) = (place.session.flags, place.session.slot);
    let kind = room.case.kind as usize;
    let refused = reason != GRANTED;
    if refused && gov_count_refusal(number, level, reason) != 0 {
        count(slot, kind, true);
        gov_suffer(number, level, reason);
        return reason;
    }
    let mut counted = Counted::RecordIt as u32;
    if is_counted(room, &place, action, reason) {
        counted = gov_count_read(number, level);
        if counted == Counted::Yes as u32 {
            gov_remember(number, level);
        }
    }
    let mut lost = false;
    if counted != Counted::Yes as u32 && counted != Counted::Early as u32 {
        gov_prepare(number);
        let first = counted == Counted::First as u32;
        let action = if first { Action::ReadDirectory as u32 } else { action as u32 };
        lost = gov_record(number, level, action, reason, decider) == 0;
        if first {
            lost = gov_counted_first(number, level, lost as u32) != 0;
        }
    }
    if refused && !lost {
        gov_refusal_recorded(number);
    }
    let lenient = flags & (SESSION_COUNT_ON_FULL | SESSION_RECORD_ONLY) != 0;
    if lost && !refused && !lenient {
        // No receipt, no action.
        count(slot, kind, true);
        return NO_ROOM;
    }
    count(slot, kind, refused || place.reason != 0);
    if refused {
        gov_suffer(number, level, reason);
    }
    reason
}

/// Whether this is a read that is counted by directory and not recorded.
#[inline(always)]
fn is_counted(room: &Scratch, place: &Level, action: u8, reason: u32) -> bool {
    action == Action::Read as u8
        && reason == GRANTED
        && place.reason == 0
        && place.session.flags & SESSION_RECORD_READS == 0
        && has_path(room)
}

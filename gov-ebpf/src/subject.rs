//! Which sessions govern the current task.

use crate::bounds::masked;
use crate::kernel;
use crate::maps::{CONTROL, SESSIONS, STATES};
use aya_ebpf::helpers::{bpf_get_current_ancestor_cgroup_id, bpf_ktime_get_boot_ns};
use core::ptr::read_volatile;
use gov_common::abi::{MAX_CGROUP_LEVELS, SESSION_ARM_AT_EXEC, Session};
use gov_common::decide;
use gov_common::limits::{Budget, UNLIMITED};
use gov_common::verdict::Reason;

/// The levels of the cgroup tree that may hold a session; never none.
#[derive(Clone, Copy)]
pub struct Levels {
    /// A bit for each.
    mask: u32,
    /// The outermost, as a number.
    first: u32,
}

/// The levels that may hold a session; `None` while no session lives, and then the hook leaves.
#[inline(always)]
pub fn levels() -> Option<Levels> {
    let control = CONTROL.at();
    // SAFETY: it is always there and aligned; volatile, because the daemon changes it at any time.
    let (mask, first) =
        unsafe { (read_volatile(&raw const (*control).levels), read_volatile(&raw const (*control).first)) };
    if mask == 0 { None } else { Some(Levels { mask, first }) }
}

/// The levels of the cgroup tree at which a session lies above the current task; `None` for a task that no
/// session governs, and then the hook leaves.
#[inline(always)]
pub fn governed() -> Option<u32> {
    governed_at(levels()?)
}

/// The same, where the kernel does not act for another in the current task: the hooks that it passes on its way to the
/// layers of a stacked file system leave then.
#[inline(always)]
pub fn governed_itself() -> Option<u32> {
    governed().filter(|_| !kernel::acts_for_another())
}

/// Of the levels that may hold a session, those that hold one of the current task's.
#[inline(always)]
pub fn governed_at(levels: Levels) -> Option<u32> {
    let mask = gov_levels(levels.mask);
    if mask == 0 { None } else { Some(mask) }
}

/// Of the levels that may hold a session, those that hold one of the current task's.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn gov_levels(levels: u32) -> u32 {
    let mut mask = 0;
    let mut level = 0;
    while level < MAX_CGROUP_LEVELS {
        if levels >> level == 0 {
            break;
        }
        if levels & (1 << level) != 0 && at(level).is_some() {
            mask |= 1 << level;
        }
        level += 1;
    }
    mask
}

/// The id of the only cgroup above the current task that may be a session's; `None` if sessions lie at several levels.
#[inline(always)]
pub fn only(levels: Levels) -> Option<u64> {
    if levels.mask & levels.mask.wrapping_sub(1) != 0 {
        return None;
    }
    // SAFETY: the helper has no preconditions; 0 means that the task's cgroup is not that deep.
    let id = unsafe { bpf_get_current_ancestor_cgroup_id(levels.first as i32) };
    if id == 0 { None } else { Some(id) }
}

/// The session whose cgroup is the current task's ancestor at a level.
#[inline(always)]
pub fn at(level: u32) -> Option<&'static Session> {
    // SAFETY: the helper has no preconditions; 0 means that the task's cgroup is not that deep.
    let id = unsafe { bpf_get_current_ancestor_cgroup_id(level as i32) };
    if id == 0 {
        return None;
    }
    // SAFETY: the daemon does not reuse an element before a grace period is over.
    unsafe { SESSIONS.get(id) }
}

/// The innermost of the sessions at `mask`.
#[inline(always)]
pub fn innermost(mask: u32) -> Option<&'static Session> {
    if mask == 0 { None } else { at(31 - mask.leading_zeros()) }
}

/// Whether a session's enforcement has begun.
#[inline(always)]
pub fn is_armed(session: &Session) -> bool {
    if session.flags & SESSION_ARM_AT_EXEC == 0 {
        return true;
    }
    match STATES.get_ptr(session.slot) {
        // SAFETY: the element is aligned; volatile, because another CPU sets it.
        Some(state) => unsafe { read_volatile(&raw const (*state).armed_ns) != 0 },
        // Fail closed: a slot that is out of range is a session that judges.
        None => true,
    }
}

/// The mount namespace that a session was armed in; 0, which no namespace is, where it is not known.
#[inline(always)]
pub fn armed_namespace(session: &Session) -> u32 {
    match STATES.get_ptr(session.slot) {
        // SAFETY: the element is aligned; volatile, because another CPU sets it.
        Some(state) => unsafe { read_volatile(&raw const (*state).mount_namespace) },
        None => 0,
    }
}

/// Whether a session stands now: [`Reason::Granted`], or why it refuses everything.
#[inline(always)]
pub fn standing(session: &Session) -> Reason {
    // Fail closed: a slot that is out of range is a session that suffers nothing more.
    let Some(state) = STATES.get_ptr(session.slot) else { return Reason::CutOff };
    // SAFETY: the element is aligned; volatile, because other CPUs set it.
    let (refusals, open_until_ns) = unsafe {
        let used = (&raw const (*state).used).cast::<u64>();
        let refusals = core::ptr::read_volatile(used.add(Budget::Refusals as usize));
        (refusals, core::ptr::read_volatile(&raw const (*state).open_until_ns))
    };
    // SAFETY: the helper has no preconditions.
    decide::standing(session, refusals, open_until_ns, unsafe { bpf_ktime_get_boot_ns() })
}

/// Whether one of the sessions at `mask` limits a budget.
#[inline(always)]
pub fn limits(mask: u32, budget: Budget) -> bool {
    gov_limits(mask, budget as u32) != 0
}

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn gov_limits(mask: u32, budget: u32) -> u32 {
    let mut level = 0;
    while level < MAX_CGROUP_LEVELS {
        if mask & (1 << level) != 0
            && let Some(session) = at(level)
            && session.limits.most(masked::<7>(budget as usize)) != UNLIMITED
        {
            return 1;
        }
        level += 1;
    }
    0
}

/// Whether another task lies in every session at `mask`. Fail closed: not if that cannot be read.
#[inline(always)]
pub fn holds(mask: u32, task: u64) -> bool {
    kernel::cgroup(task).is_some_and(|cgroup| gov_holds(mask, cgroup) != 0)
}

/// Whether the object at a dentry is what /proc shows of a task in every session at `mask`.
#[inline(always)]
pub fn shows_own(mask: u32, dentry: u64) -> bool {
    kernel::task_shown(dentry).is_some_and(|task| task != 0 && holds(mask, task))
}

/// Whether a socket was made in every session at `mask`. Fail closed: not if that cannot be read.
#[inline(always)]
pub fn made(mask: u32, sock: u64) -> bool {
    kernel::sock_cgroup(sock).is_some_and(|cgroup| gov_holds(mask, cgroup) != 0)
}

/// Whether a cgroup lies in every session at `mask`.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn gov_holds(mask: u32, cgroup: u64) -> u32 {
    let mut level = 0;
    while level < MAX_CGROUP_LEVELS {
        if mask & (1 << level) != 0 {
            // SAFETY: the helper has no preconditions.
            let ours = unsafe { bpf_get_current_ancestor_cgroup_id(level as i32) };
            if kernel::ancestor(cgroup, level) != Some(ours) {
                return 0;
            }
        }
        level += 1;
    }
    1
}

//! Capabilities: those that a task holds are used only if every session above it grants them.
//!
//! The first use of each that is granted is recorded, and every refusal; but where the kernel itself only tries whether
//! a task could, and asks for silence, a refusal is counted and not recorded.

use crate::atomic;
use crate::emit::add;
use crate::guard::judge;
use crate::maps::STATES;
use crate::scratch::{Case, Judge};
use crate::subject;
use gov_common::abi::{MAX_CGROUP_LEVELS, SESSION_RECORD_ONLY};
use gov_common::decide;
use gov_common::event::Action;
use gov_common::verdict::{EACCES, Reason};

/// `CAP_OPT_NOAUDIT` (include/linux/security.h).
const SILENT: u32 = 2;

/// What the sessions above the task know of a capability.
const KNOWN: u32 = 0;
const NEW: u32 = 1;
const REFUSED: u32 = 2;

/// Judges the use of a capability, by its number.
#[inline(always)]
pub fn judge_capability(mask: u32, number: u32, options: u32) -> i32 {
    let known = gov_known(mask, number);
    if known == KNOWN {
        return 0;
    }
    if known == REFUSED && options & SILENT != 0 {
        gov_probed(mask);
        return -EACCES;
    }
    let answer =
        judge(Case { judge: Judge::Capability, detail: number, ..Case::new(mask, Action::Capability) });
    if answer == 0 {
        gov_used(mask, number);
    }
    answer
}

/// Whether every session grants a capability, and has recorded its use.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn gov_known(mask: u32, number: u32) -> u32 {
    let mut known = KNOWN;
    let mut level = 0;
    while level < MAX_CGROUP_LEVELS {
        if mask & (1 << level) != 0
            && let Some(session) = subject::at(level)
            && subject::is_armed(session)
        {
            if decide::capability(session, number).reason as u32 != Reason::Granted as u32 {
                if session.flags & SESSION_RECORD_ONLY == 0 {
                    return REFUSED;
                }
                known = NEW;
            } else if !is_used(session.slot, number) {
                known = NEW;
            }
        }
        level += 1;
    }
    known
}

/// Whether a session has recorded a capability's use.
#[inline(always)]
fn is_used(slot: u32, number: u32) -> bool {
    match STATES.get_ptr(slot) {
        // SAFETY: the element is aligned; volatile, because other CPUs set it.
        Some(state) => unsafe {
            core::ptr::read_volatile(&raw const (*state).capabilities_used) & (1 << (number & 63)) != 0
        },
        None => false,
    }
}

/// Notes that a capability's use is recorded.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn gov_used(mask: u32, number: u32) -> u32 {
    let mut level = 0;
    while level < MAX_CGROUP_LEVELS {
        if mask & (1 << level) != 0
            && let Some(session) = subject::at(level)
            && let Some(state) = STATES.get_ptr_mut(session.slot)
        {
            // SAFETY: an aligned word of the map value.
            unsafe { atomic::fetch_or(&raw mut (*state).capabilities_used, 1 << (number & 63)) };
        }
        level += 1;
    }
    0
}

/// Counts a refusal that is not recorded.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn gov_probed(mask: u32) -> u32 {
    let mut level = 0;
    while level < MAX_CGROUP_LEVELS {
        if mask & (1 << level) != 0
            && let Some(session) = subject::at(level)
        {
            add(session.slot, |state| unsafe { &raw mut (*state).probes });
        }
        level += 1;
    }
    0
}

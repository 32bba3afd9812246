//! Arming: a session that waits for its first execution begins to judge, in the mount namespace that it happens in.

use crate::atomic;
use crate::guard;
use crate::kernel;
use crate::maps::STATES;
use crate::scratch::Case;
use crate::subject;
use aya_ebpf::helpers::bpf_ktime_get_boot_ns;
use gov_common::abi::{MAX_CGROUP_LEVELS, SESSION_ARM_AT_EXEC};
use gov_common::event::Action;

/// Arms every session at `mask` that waits, and records that in each.
#[inline(always)]
pub fn arm(mask: u32) {
    let armed = gov_arm(mask);
    if armed != 0 {
        guard::note(Case::new(armed, Action::Armed));
    }
}

/// Arms the sessions that wait: the levels of those that this call armed.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn gov_arm(mask: u32) -> u32 {
    let mut armed = 0;
    let mut level = 0;
    while level < MAX_CGROUP_LEVELS {
        if mask & (1 << level) != 0
            && let Some(session) = subject::at(level)
            && session.flags & SESSION_ARM_AT_EXEC != 0
            && arm_one(session.slot)
        {
            armed |= 1 << level;
        }
        level += 1;
    }
    armed
}

/// Arms one session; whether it was this call that did.
#[inline(always)]
fn arm_one(slot: u32) -> bool {
    let Some(state) = STATES.get_ptr_mut(slot) else { return false };
    // SAFETY: the element is aligned; volatile, because another CPU sets it.
    if unsafe { core::ptr::read_volatile(&raw const (*state).armed_ns) } != 0 {
        return false;
    }
    // Fail closed: a namespace that cannot be read is 0, which no mount belongs to.
    let namespace = kernel::mount_namespace().unwrap_or(0) as u64;
    // The namespace stands first: whoever sees the session armed sees where.
    // SAFETY: namespace and the reserved word behind it are one aligned word of the map value.
    unsafe { atomic::replace((&raw mut (*state).mount_namespace).cast(), 0, namespace) };
    // SAFETY: the helper has no preconditions.
    let now = unsafe { bpf_ktime_get_boot_ns() };
    // SAFETY: an aligned word of the map value.
    unsafe { atomic::replace(&raw mut (*state).armed_ns, 0, now) }
}

//! Waiting until no hook can still be reading what was taken out of a map.
//!
//! The kernel reuses a deleted element at once, while a hook on another CPU may still hold its address. So the
//! daemon waits for a grace period between taking a session's element out, or replacing it, and putting the next one
//! in. Only that element leads a hook to the session's policy and counts: these are taken out after the wait, when no
//! hook can hold them, and may be reused at once.

use std::time::Duration;

/// Longer than any hook runs, where the kernel cannot be asked.
const LONG_ENOUGH: Duration = Duration::from_secs(1);

/// Returns when every hook that was running at the call has left.
pub(super) fn wait() {
    // `MEMBARRIER_CMD_GLOBAL` is `synchronize_rcu`, and hooks run inside an RCU read-side section.
    const MEMBARRIER_CMD_GLOBAL: libc::c_long = 1;
    // SAFETY: the system call takes three numbers and touches no memory of ours.
    let answer = unsafe { libc::syscall(libc::SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) };
    if answer != 0 {
        // A kernel with nohz_full CPUs does not offer it.
        std::thread::sleep(LONG_ENOUGH);
    }
}

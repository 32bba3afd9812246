//! Tasks: their own and others.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use super::check;

/// From now on SIGTERM does nothing.
pub(in crate::act) fn stay_when_asked_to_end() -> io::Result<()> {
    // SAFETY: SIG_IGN is no function of ours that a signal could interrupt.
    let before = unsafe { libc::signal(libc::SIGTERM, libc::SIG_IGN) };
    if before == libc::SIG_ERR { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Attaches to a process without stopping it, and lets go again at exit.
pub(in crate::act) fn trace(pid: i32) -> io::Result<i64> {
    // SAFETY: PTRACE_SEIZE takes a process and two numbers.
    check(unsafe { libc::ptrace(libc::PTRACE_SEIZE, pid, 0, 0) })
}

/// Has a process signalled whenever a file is ready, as fcntl(2) does it.
pub(in crate::act) fn set_owner(file: &OwnedFd, pid: i32) -> io::Result<()> {
    // SAFETY: F_SETOWN takes a number.
    check(unsafe { libc::fcntl(file.as_raw_fd(), libc::F_SETOWN, pid) }.into()).map(drop)
}

/// Starts a child that waits for ever, and ends it with a signal.
pub(in crate::act) fn kill_child() -> io::Result<()> {
    let child = fork(|| {
        // SAFETY: takes nothing; a signal ends the child in it.
        unsafe { libc::pause() };
    })?;
    // SAFETY: kill takes two numbers. Where it is refused the child waits for ever; nobody waits for it.
    check(unsafe { libc::kill(child, libc::SIGKILL) }.into())?;
    wait(child).map(drop)
}

/// Starts a child that does one thing and ends. Only for programs of one thread.
pub(in crate::act) fn fork(act: impl FnOnce()) -> io::Result<i32> {
    // SAFETY: a fork: the child has its own copy of everything. One thread runs.
    let child = check(unsafe { libc::fork() }.into())? as i32;
    if child == 0 {
        act();
        // SAFETY: ends the child without running anything of the parent's.
        unsafe { libc::_exit(0) }
    }
    Ok(child)
}

/// Waits until a child ends; its status, as wait(2) packs it.
pub(in crate::act) fn wait(child: i32) -> io::Result<i32> {
    let mut status = 0;
    // SAFETY: the status is valid for writing and lives through the call.
    check(unsafe { libc::waitpid(child, &raw mut status, 0) }.into())?;
    Ok(status)
}

/// Starts a child straight into another cgroup; the child ends at once.
pub(in crate::act) fn clone_into_cgroup(folder: &File) -> io::Result<()> {
    // struct clone_args: flags first, exit_signal fifth, cgroup eleventh; the rest is zero.
    let mut arguments = [0u64; 11];
    arguments[0] = 0x2_0000_0000; // CLONE_INTO_CGROUP
    arguments[4] = libc::SIGCHLD as u64;
    arguments[10] = folder.as_raw_fd() as u64;
    // SAFETY: without CLONE_VM this is a fork: the child has its own copy of everything. One thread runs.
    let child =
        check(unsafe { libc::syscall(libc::SYS_clone3, arguments.as_ptr(), size_of_val(&arguments)) })?;
    if child == 0 {
        // SAFETY: ends the child without running anything of the parent's.
        unsafe { libc::_exit(0) }
    }
    wait(child as i32).map(drop)
}

//! Tasks: their own and others.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use super::memory::STAY_AT;
use super::{call, check, owned};

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

/// Reads one byte of another process's memory, or writes it.
pub(in crate::act) fn others_memory(pid: i32, writes: bool) -> io::Result<()> {
    let mut byte = b's';
    let ours = libc::iovec { iov_base: (&raw mut byte).cast(), iov_len: 1 };
    let theirs = libc::iovec { iov_base: STAY_AT as *mut libc::c_void, iov_len: 1 };
    let number = if writes { libc::SYS_process_vm_writev } else { libc::SYS_process_vm_readv };
    let words = [pid as usize, &raw const ours as usize, 1, &raw const theirs as usize, 1, 0];
    // SAFETY: both lists have one element and live through the call, as does our byte; theirs is not ours to lose.
    unsafe { call(number, words) }.map(drop)
}

/// Takes a copy of another process's descriptor 0.
pub(in crate::act) fn take_descriptor(pid: i32) -> io::Result<OwnedFd> {
    // SAFETY: takes plain numbers.
    let process = owned(unsafe { call(libc::SYS_pidfd_open, [pid as usize, 0]) }?);
    // SAFETY: takes plain numbers.
    unsafe { call(libc::SYS_pidfd_getfd, [process.as_raw_fd() as usize, 0, 0]) }.map(owned)
}

/// Asks whether another process has the same memory as this one.
pub(in crate::act) fn compare(pid: i32) -> io::Result<i64> {
    const KCMP_VM: usize = 1;
    // SAFETY: takes plain numbers.
    unsafe { call(libc::SYS_kcmp, [std::process::id() as usize, pid as usize, KCMP_VM, 0, 0]) }
}

/// Asks where a page of another process's memory lies.
pub(in crate::act) fn find_page(pid: i32) -> io::Result<i64> {
    let pages = [STAY_AT];
    let mut status = [0_i32];
    let words = [pid as usize, 1, pages.as_ptr() as usize, 0, status.as_mut_ptr() as usize, 0];
    // SAFETY: both lists have one element and live through the call.
    unsafe { call(libc::SYS_move_pages, words) }
}

/// Sets which CPUs another process may run on: all.
pub(in crate::act) fn set_cpus(pid: i32) -> io::Result<i64> {
    let all = [u64::MAX];
    // SAFETY: the mask is valid for the length given and lives through the call.
    unsafe { call(libc::SYS_sched_setaffinity, [pid as usize, 8, all.as_ptr() as usize]) }
}

/// Sets how urgent another process's input and output are: as they are without being set.
pub(in crate::act) fn set_io_priority(pid: i32) -> io::Result<i64> {
    const BEST_EFFORT: usize = 2 << 13 | 4;
    // SAFETY: takes plain numbers.
    unsafe { call(libc::SYS_ioprio_set, [1, pid as usize, BEST_EFFORT]) }
}

/// Sends a signal that few notice to every process that can be sent one.
pub(in crate::act) fn signal_everyone() -> io::Result<()> {
    // SAFETY: kill takes two numbers.
    check(unsafe { libc::kill(-1, libc::SIGURG) }.into()).map(drop)
}

/// Gives up one of the namespaces that the process shares.
pub(in crate::act) fn unshare(flags: i32) -> io::Result<()> {
    // SAFETY: unshare takes plain flags; this program has one thread.
    check(unsafe { libc::unshare(flags) }.into()).map(drop)
}

/// Enters a namespace that another process has.
pub(in crate::act) fn enter(namespace: i32) -> io::Result<()> {
    // SAFETY: setns takes plain numbers; this program has one thread.
    check(unsafe { libc::setns(namespace, 0) }.into()).map(drop)
}

/// Begins a session of its own, which no terminal reaches.
pub(in crate::act) fn new_session() -> io::Result<()> {
    // SAFETY: takes nothing.
    check(unsafe { libc::setsid() }.into()).map(drop)
}

/// Becomes another user, for good.
pub(in crate::act) fn become_user(id: u32) -> io::Result<()> {
    // SAFETY: takes plain numbers.
    check(unsafe { libc::setresuid(id, id, id) }.into()).map(drop)
}

/// Becomes a member of another group.
pub(in crate::act) fn become_group(id: u32) -> io::Result<()> {
    // SAFETY: takes plain numbers.
    check(unsafe { libc::setresgid(id, id, id) }.into()).map(drop)
}

/// Executes the program that a descriptor leads to; returns only if that failed.
pub(in crate::act) fn execute(program: &impl AsRawFd) -> io::Error {
    let (words, environment) = ([c"act".as_ptr(), std::ptr::null()], [std::ptr::null::<libc::c_char>()]);
    let program = program.as_raw_fd() as usize;
    let nothing = c"".as_ptr() as usize;
    let at = [program, nothing, words.as_ptr() as usize, environment.as_ptr() as usize, 0x1000];
    // SAFETY: both lists end with a null pointer, and all strings live through the call (0x1000: AT_EMPTY_PATH).
    match unsafe { call(libc::SYS_execveat, at) } {
        Err(error) => error,
        Ok(_) => io::Error::other("execveat returned"),
    }
}

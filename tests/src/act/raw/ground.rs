//! The ground that enforcement stands on.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

use super::{c, check};

/// Mounts a temporary file system over a folder, in a mount namespace of its own.
pub(in crate::act) fn mount(folder: &str) -> io::Result<i64> {
    let folder = c(folder)?;
    // SAFETY: unshare takes plain flags; this program has one thread.
    check(unsafe { libc::unshare(libc::CLONE_NEWNS) }.into())?;
    let private = libc::MS_REC | libc::MS_PRIVATE;
    // SAFETY: every string is NUL-terminated and lives through the call.
    let made =
        unsafe { libc::mount(c"none".as_ptr(), c"/".as_ptr(), std::ptr::null(), private, std::ptr::null()) };
    check(made.into())?;
    // SAFETY: every string is NUL-terminated and lives through the call.
    let made =
        unsafe { libc::mount(c"none".as_ptr(), folder.as_ptr(), c"tmpfs".as_ptr(), 0, std::ptr::null()) };
    check(made.into())
}

/// Asks bpf(2) to create an array map of one element.
pub(in crate::act) fn bpf() -> io::Result<i64> {
    // BPF_MAP_CREATE's attributes: map type (2, array), key size, value size, entries.
    let attributes: [u32; 32] = std::array::from_fn(|at| [2, 4, 4, 1].get(at).copied().unwrap_or(0));
    // SAFETY: the attributes are valid for the length given and live through the call.
    check(unsafe { libc::syscall(libc::SYS_bpf, 0, attributes.as_ptr(), size_of_val(&attributes)) })
}

/// Types a letter into a terminal of its own, as one that is shared with a person's shell would be typed into.
pub(in crate::act) fn type_into_terminal() -> io::Result<()> {
    let terminal = File::options().read(true).write(true).open("/dev/ptmx")?;
    // SAFETY: TIOCSTI reads one byte, which lives through the call.
    check(unsafe { libc::ioctl(terminal.as_raw_fd(), libc::TIOCSTI, c"x".as_ptr()) }.into()).map(drop)
}

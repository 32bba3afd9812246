//! Files and the tree.

use std::io;

use super::{c, check};

pub(in crate::act) fn truncate(path: &str) -> io::Result<i64> {
    let path = c(path)?;
    // SAFETY: the path is NUL-terminated and lives through the call.
    check(unsafe { libc::truncate(path.as_ptr(), 0) }.into())
}

pub(in crate::act) fn mknod(path: &str) -> io::Result<i64> {
    let path = c(path)?;
    // SAFETY: the path is NUL-terminated and lives through the call.
    check(unsafe { libc::mknod(path.as_ptr(), libc::S_IFIFO | 0o600, 0) }.into())
}

pub(in crate::act) fn chroot(path: &str) -> io::Result<i64> {
    let path = c(path)?;
    // SAFETY: the path is NUL-terminated and lives through the call.
    check(unsafe { libc::chroot(path.as_ptr()) }.into())
}

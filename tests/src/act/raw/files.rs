//! Files and the tree.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use super::{c, call, check, owned};

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

/// Sets a file's flags, by file_setattr(2), to none.
pub(in crate::act) fn set_attributes(path: &str) -> io::Result<()> {
    const FILE_SETATTR: libc::c_long = 469;
    // struct file_attr: flags, extent size, extents, project, size of copied extents.
    let (path, attributes) = (c(path)?, [0_u64; 3]);
    let here = libc::AT_FDCWD as usize;
    let words = [here, path.as_ptr() as usize, attributes.as_ptr() as usize, size_of_val(&attributes), 0];
    // SAFETY: the path is NUL-terminated, the attributes have the size given, and both live through the call.
    unsafe { call(FILE_SETATTR, words) }.map(drop)
}

/// Opens a file by its handle, which needs no name.
pub(in crate::act) fn open_by_handle(path: &str) -> io::Result<OwnedFd> {
    // struct file_handle: the size of the handle that follows, its type, the handle.
    let mut handle = [0_u32; 34];
    handle[0] = 128;
    let mut mount = 0_i32;
    let path = c(path)?;
    let place = handle.as_mut_ptr() as usize;
    let here = libc::AT_FDCWD as usize;
    let words = [here, path.as_ptr() as usize, place, &raw mut mount as usize, 0];
    // SAFETY: the path is NUL-terminated; handle and mount are valid for writing; all live through the call.
    unsafe { call(libc::SYS_name_to_handle_at, words) }?;
    // SAFETY: the handle was just made and lives through the call.
    unsafe { call(libc::SYS_open_by_handle_at, [here, place, libc::O_RDONLY as usize]) }.map(owned)
}

/// Has the kernel tell of every file that is opened on a path's file system.
pub(in crate::act) fn watch_everything(path: &str) -> io::Result<()> {
    const OPENED: usize = 0x20; // FAN_OPEN
    const ADD_FILE_SYSTEM: usize = 0x101; // FAN_MARK_ADD | FAN_MARK_FILESYSTEM
    // SAFETY: fanotify_init takes plain numbers.
    let group = unsafe { call(libc::SYS_fanotify_init, [0, libc::O_RDONLY as usize]) }.map(owned)?;
    let path = c(path)?;
    let here = libc::AT_FDCWD as usize;
    let words = [group.as_raw_fd() as usize, ADD_FILE_SYSTEM, OPENED, here, path.as_ptr() as usize];
    // SAFETY: the path is NUL-terminated and lives through the call.
    unsafe { call(libc::SYS_fanotify_mark, words) }.map(drop)
}

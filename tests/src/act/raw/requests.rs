//! Requests to open files, by fcntl(2) and ioctl(2).

use std::io;
use std::os::fd::{AsFd, AsRawFd};

use super::call;

/// One command to a file with a number.
pub(in crate::act) fn fcntl(file: &impl AsFd, command: i32, argument: usize) -> io::Result<()> {
    let file = file.as_fd().as_raw_fd();
    // SAFETY: every command that the suite has takes a number, or what `argument` was made from and lives in the caller.
    unsafe { call(libc::SYS_fcntl, [file as usize, command as usize, argument]) }.map(drop)
}

/// One command to a file, with what is read from a place and may be written there.
pub(in crate::act) fn ioctl<T>(file: &impl AsFd, command: u32, place: &mut T) -> io::Result<()> {
    let file = file.as_fd().as_raw_fd() as usize;
    // SAFETY: every command that the suite has takes no more than its `T`, which lives through the call.
    unsafe { call(libc::SYS_ioctl, [file, command as usize, std::ptr::from_mut(place) as usize]) }.map(drop)
}

//! The system calls that no safe library makes: the fence around this package's unsafe code, by theme.

pub(super) mod files;
pub(super) mod ground;
pub(super) mod ipc;
pub(super) mod maps;
pub(crate) mod memory;
pub(super) mod requests;
pub(super) mod sockets;
pub(super) mod tasks;
pub(super) mod terminal;
pub(super) mod uring;

use std::ffi::CString;
use std::io;
use std::os::fd::{FromRawFd, OwnedFd};

fn check(result: i64) -> io::Result<i64> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

fn c(path: &str) -> io::Result<CString> {
    Ok(CString::new(path)?)
}

/// One system call by its number; the arguments that it does not take are 0.
///
/// # Safety
/// Whatever the arguments point to is as large as the call takes it to be and lives through it.
unsafe fn call<const N: usize>(number: libc::c_long, arguments: [usize; N]) -> io::Result<i64> {
    let at = |place: usize| arguments.get(place).copied().unwrap_or(0);
    // SAFETY: the caller vouches for what is pointed to.
    check(unsafe { libc::syscall(number, at(0), at(1), at(2), at(3), at(4), at(5)) })
}

/// Takes a descriptor that the kernel just returned.
fn owned(descriptor: i64) -> OwnedFd {
    // SAFETY: only calls that return a new descriptor are followed by this one, and nothing else owns it.
    unsafe { OwnedFd::from_raw_fd(descriptor as i32) }
}

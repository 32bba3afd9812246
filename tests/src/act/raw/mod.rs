//! The system calls that no safe library makes: the fence around this package's unsafe code, by theme.

pub(super) mod files;
pub(super) mod ground;
pub(crate) mod memory;
pub(super) mod sockets;
pub(super) mod tasks;
pub(super) mod uring;

use std::ffi::CString;
use std::io;

fn check(result: i64) -> io::Result<i64> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

fn c(path: &str) -> io::Result<CString> {
    Ok(CString::new(path)?)
}

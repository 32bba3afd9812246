//! Acts by io_uring, which needs no system call of its own for each.

use std::ffi::CString;
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

use super::raw::sockets::{Address, with_message};
use super::raw::uring::{Entry, Ring, SQPOLL, entry};
use super::{Outcome, ok};

const SENDMSG: u8 = 9;
const CONNECT: u8 = 16;
const OPENAT: u8 = 18;
const RENAMEAT: u8 = 35;
const UNLINKAT: u8 = 36;
const URING_CMD: u8 = 46;
/// The word of an entry that holds the flags of open(2).
const OPEN_FLAGS: usize = 7;

pub(super) fn perform(words: &[&str]) -> Option<Outcome> {
    Some(match *words {
        ["uring-read", path] => ok(open(0, path)),
        ["uring-append", path] => ok(with_path(0, path, |path| {
            let mut entry = entry(OPENAT, libc::AT_FDCWD, path, 0, 0);
            entry[OPEN_FLAGS] = (libc::O_WRONLY | libc::O_APPEND) as u32;
            entry
        })),
        ["uring-poll-read", path] => ok(open(SQPOLL, path)),
        ["uring-rename", old, new] => ok(rename(old, new)),
        ["uring-unlink", path] => ok(with_path(0, path, |path| entry(UNLINKAT, libc::AT_FDCWD, path, 0, 0))),
        ["uring-connect", address] => ok(connect(address)),
        ["uring-send", address] => ok(send(address)),
        ["uring-poll"] => ok(Ring::new(SQPOLL)),
        ["uring-borrow", path] => ok(borrow(path)),
        ["uring-command", path] => ok(command(path)),
        _ => return None,
    })
}

fn with_path(flags: u32, path: &str, entry: impl FnOnce(usize) -> Entry) -> io::Result<i32> {
    let path = CString::new(path)?;
    Ring::new(flags)?.submit(entry(path.as_ptr() as usize))
}

fn open(flags: u32, path: &str) -> io::Result<i32> {
    with_path(flags, path, |path| entry(OPENAT, libc::AT_FDCWD, path, 0, 0))
}

fn rename(old: &str, new: &str) -> io::Result<i32> {
    let (old, new) = (CString::new(old)?, CString::new(new)?);
    let here = libc::AT_FDCWD;
    Ring::new(0)?.submit(entry(RENAMEAT, here, old.as_ptr() as usize, new.as_ptr() as u64, here as u32))
}

fn connect(address: &str) -> io::Result<i32> {
    let (to, _) = Address::parse(address)?;
    let socket = to.socket(libc::SOCK_STREAM)?;
    let (place, length) = to.place();
    Ring::new(0)?.submit(entry(CONNECT, socket.as_raw_fd(), place, length.into(), 0))
}

fn send(address: &str) -> io::Result<i32> {
    let (to, _) = Address::parse(address)?;
    let socket = to.socket(libc::SOCK_DGRAM)?;
    with_message(&to, &[], |header| Ring::new(0)?.submit(entry(SENDMSG, socket.as_raw_fd(), header, 0, 1)))
}

/// Opens with credentials that were registered with the ring.
fn borrow(path: &str) -> io::Result<i32> {
    let path = CString::new(path)?;
    let mut ring = Ring::new(0)?;
    let mut entry = entry(OPENAT, libc::AT_FDCWD, path.as_ptr() as usize, 0, 0);
    // The credentials' number is the upper half of word 10.
    entry[10] = ring.register_personality()? << 16;
    ring.submit(entry)
}

/// Gives a driver a command: that of /dev/null does nothing.
fn command(path: &str) -> io::Result<i32> {
    let device = File::open(path)?;
    Ring::new(0)?.submit(entry(URING_CMD, device.as_raw_fd(), 0, 0, 0))
}

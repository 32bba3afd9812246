//! Acts that ask an open file for what reading and writing are not: signals, and a hold that
//! others wait for.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;

use super::raw::requests::{fcntl, ioctl};
use super::raw::sockets::socket;
use super::{Outcome, ok};

const F_SETFL: i32 = 4;
const F_SETSIG: i32 = 10;
const F_SETOWN_EX: i32 = 15;
const F_SETLEASE: i32 = 1024;
const F_NOTIFY: i32 = 1026;
/// Tell of new names, once.
const DN_CREATE: usize = 4;
const F_SETDELEG: i32 = 1040;
const FIOASYNC: u32 = 0x5452;
const SIOCSPGRP: u32 = 0x8902;

pub(super) fn perform(words: &[&str]) -> Option<Outcome> {
    Some(match *words {
        ["lease", path] => ok(File::open(path).and_then(|file| fcntl(&file, F_SETLEASE, 0))),
        ["hold-folder", path] => ok(File::open(path).and_then(|folder| hold_folder(&folder))),
        ["notify", path] => ok(File::open(path).and_then(|folder| fcntl(&folder, F_NOTIFY, DN_CREATE))),
        ["ask-for-signals"] => ok(pipe().and_then(|pipe| fcntl(&pipe, F_SETFL, libc::O_ASYNC as usize))),
        ["ask-for-signals-ioctl"] => ok(pipe().and_then(|pipe| ioctl(&pipe, FIOASYNC, &mut 1_i32))),
        ["choose-signal"] => ok(pipe().and_then(|pipe| fcntl(&pipe, F_SETSIG, libc::SIGURG as usize))),
        ["own-file-exactly", pid] => ok(number(pid).and_then(own_exactly)),
        ["own-socket", pid] => ok(number(pid).and_then(own_socket)),
        _ => return None,
    })
}

/// The end of a pipe that is read from.
fn pipe() -> io::Result<OwnedFd> {
    Ok(rustix::pipe::pipe()?.0)
}

/// Keeps everyone waiting who would change a folder's names: `struct delegation`, for reading.
fn hold_folder(folder: &File) -> io::Result<()> {
    let delegation = [0_u64; 1];
    fcntl(folder, F_SETDELEG, delegation.as_ptr() as usize)
}

/// Has a process signalled whenever a pipe is ready: `struct f_owner_ex`, of a process.
fn own_exactly(pid: i32) -> io::Result<()> {
    let owner = [1, pid];
    fcntl(&pipe()?, F_SETOWN_EX, owner.as_ptr() as usize)
}

/// The same of a socket, by the name that this has there.
fn own_socket(mut pid: i32) -> io::Result<()> {
    ioctl(&socket(libc::AF_UNIX, libc::SOCK_STREAM, 0)?, SIOCSPGRP, &mut pid)
}

fn number(text: &str) -> io::Result<i32> {
    text.parse().map_err(io::Error::other)
}

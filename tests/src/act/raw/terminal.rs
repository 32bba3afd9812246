//! Terminals.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd};

use super::requests::ioctl;
use super::tasks::{fork, new_session, wait};
use super::{call, owned};

/// One command to a file, with a number.
pub(in crate::act) fn ioctl_number(file: &impl AsFd, command: u32, number: usize) -> io::Result<()> {
    let file = file.as_fd().as_raw_fd() as usize;
    // SAFETY: every command that the suite has takes a plain number.
    unsafe { call(libc::SYS_ioctl, [file, command as usize, number]) }.map(drop)
}

/// A new terminal: the side that types, and the one that a program has.
pub(in crate::act) fn terminal() -> io::Result<(File, File)> {
    let master = File::options().read(true).write(true).open("/dev/ptmx")?;
    ioctl(&master, libc::TIOCSPTLCK as u32, &mut 0_i32)?;
    let words =
        [master.as_raw_fd() as usize, libc::TIOCGPTPEER as usize, (libc::O_RDWR | libc::O_NOCTTY) as usize];
    // SAFETY: TIOCGPTPEER takes the flags that the new descriptor is opened with.
    let slave = owned(unsafe { call(libc::SYS_ioctl, words) }?);
    Ok((master, slave.into()))
}

/// Makes a terminal that of a session, and takes it from there for another.
pub(in crate::act) fn steal() -> io::Result<()> {
    let (_master, slave) = terminal()?;
    in_new_session(|| {
        ioctl_number(&slave, TAKE, 0)?;
        in_new_session(|| ioctl_number(&slave, TAKE, 1))
    })
}

/// Makes a terminal that of a session, and says who of that is its foreground.
pub(in crate::act) fn take_foreground() -> io::Result<()> {
    let (_master, slave) = terminal()?;
    in_new_session(|| {
        ioctl_number(&slave, TAKE, 0)?;
        ioctl(&slave, libc::TIOCSPGRP as u32, &mut std::process::id())
    })
}

const TAKE: u32 = libc::TIOCSCTTY as u32;

/// Has a child do it as the first of a new session.
fn in_new_session(act: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    let (mut answer, into) = io::pipe()?;
    let child = fork(|| {
        let done = new_session().and_then(|()| act());
        let errno = done.err().map_or(0, |error| error.raw_os_error().unwrap_or(libc::EIO));
        // What cannot be told is missed by the parent.
        let _told = (&into).write_all(&errno.to_ne_bytes());
    })?;
    drop(into);
    let mut errno = [0; 4];
    answer.read_exact(&mut errno)?;
    wait(child)?;
    match i32::from_ne_bytes(errno) {
        0 => Ok(()),
        errno => Err(io::Error::from_raw_os_error(errno)),
    }
}

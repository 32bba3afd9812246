//! Requests to files (ioctl, fcntl) that reach beyond the file: a signal to a process that the file is told to, and
//! keystrokes for whoever reads a terminal.

use crate::guard::judge_ground;
use gov_common::event::Action;

/// fcntl(2): who is signalled when a file is ready, and with F_SETSIG by any signal.
const F_SETOWN: u32 = 8;
const F_SETOWN_EX: u32 = 15;
/// The same by ioctl(2) (include/uapi/asm-generic/sockios.h).
const FIOSETOWN: u32 = 0x8901;
const SIOCSPGRP: u32 = 0x8902;
/// A character typed for whoever reads the terminal next, and the console's paste (include/uapi/asm-generic/ioctls.h).
const TIOCSTI: u32 = 0x5412;
const TIOCLINUX: u32 = 0x541c;

/// Judges an fcntl(2) command.
#[inline(always)]
pub fn fcntl(mask: u32, command: u32) -> i32 {
    match command {
        // Whom it names is looked up after the hook, and signalled when nobody can judge it.
        F_SETOWN | F_SETOWN_EX => judge_ground(mask, Action::Signal),
        _ => 0,
    }
}

/// Judges an ioctl(2) command.
#[inline(always)]
pub fn ioctl(mask: u32, command: u32) -> i32 {
    match command {
        FIOSETOWN | SIOCSPGRP => judge_ground(mask, Action::Signal),
        TIOCSTI | TIOCLINUX => judge_ground(mask, Action::Type),
        _ => 0,
    }
}

//! Requests to files (ioctl, fcntl) that reach beyond what the file was opened for: a signal to a process that the file
//! is told to, keystrokes for whoever reads a terminal, a terminal that is another one to all who have it, another file
//! system's state, the network's set-up.

use crate::guard::judge_door;
use gov_common::doors::Door;
use gov_common::event::Action;
use gov_common::request::{Request, ioctl};

/// fcntl(2): who is signalled when a file is ready, and with F_SETSIG by any signal.
const F_SETOWN: u32 = 8;
const F_SETOWN_EX: u32 = 15;
/// fcntl(2): the open file's flags, of which one asks for signals, to whoever the file itself chooses.
const F_SETFL: u32 = 4;
const FASYNC: u64 = 0o20000;
/// fcntl(2): a hold on a file, or a directory, that keeps everyone else waiting who opens it.
const F_SETLEASE: u32 = 1024;
const F_SETDELEG: u32 = 1040;

/// Judges an fcntl(2) command.
#[inline(always)]
pub fn judge_fcntl(mask: u32, command: u32, argument: u64) -> i32 {
    match command {
        // Whom it names is looked up after the hook, and signalled when nobody can judge it.
        F_SETOWN | F_SETOWN_EX => judge_door(mask, Action::Signal, Door::Signal),
        F_SETFL if argument & FASYNC != 0 => judge_door(mask, Action::Signal, Door::Signal),
        F_SETLEASE | F_SETDELEG => judge_door(mask, Action::Limit, Door::Never),
        _ => 0,
    }
}

/// Judges an ioctl(2) command.
#[inline(always)]
pub fn judge_ioctl(mask: u32, command: u32) -> i32 {
    match ioctl(command) {
        Request::Harmless => 0,
        Request::Signal => judge_door(mask, Action::Signal, Door::Signal),
        Request::Type => judge_door(mask, Action::Type, Door::Never),
        Request::Ground => judge_door(mask, Action::Ground, Door::Never),
    }
}

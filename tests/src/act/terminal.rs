//! Acts that change a terminal which others have too.

use std::fs::File;
use std::io;
use std::os::unix::fs::OpenOptionsExt;

use super::raw::requests::ioctl;
use super::raw::terminal::{ioctl_number, steal, take_foreground, terminal};
use super::{Outcome, ok};

const TIOCEXCL: u32 = 0x540c;
const TIOCSWINSZ: u32 = 0x5414;
const TIOCLINUX: u32 = 0x541c;
const TIOCCONS: u32 = 0x541d;
const TIOCSETD: u32 = 0x5423;
const TIOCVHANGUP: u32 = 0x5437;
const TIOCSLCKTRMIOS: u32 = 0x5457;
const KDGKBENT: u32 = 0x4b46;
const KDSKBENT: u32 = 0x4b47;
const VT_UNLOCKSWITCH: u32 = 0x560c;
/// A command to [`TIOCLINUX`]: types what is selected, which is nothing.
const TIOCL_PASTESEL: u8 = 3;

pub(super) fn perform(words: &[&str]) -> Option<Outcome> {
    Some(match *words {
        ["terminal", what] => ok(terminal().and_then(|(_master, slave)| ask(&slave, what))),
        ["terminal-at", path, what] => ok(open(path).and_then(|terminal| ask(&terminal, what))),
        ["steal-terminal"] => ok(steal()),
        ["take-foreground"] => ok(take_foreground()),
        _ => return None,
    })
}

fn open(path: &str) -> io::Result<File> {
    File::options().read(true).write(true).custom_flags(libc::O_NOCTTY).open(path)
}

fn ask(terminal: &File, what: &str) -> io::Result<()> {
    match what {
        "lock" => ioctl_number(terminal, TIOCEXCL, 0),
        "lock-settings" => ioctl(terminal, TIOCSLCKTRMIOS, &mut [0_u64; 8]),
        "set-size" => ioctl(terminal, TIOCSWINSZ, &mut [24_u16, 80, 0, 0]),
        "set-discipline" => ioctl(terminal, TIOCSETD, &mut 0_i32),
        "hang-up" => ioctl_number(terminal, TIOCVHANGUP, 0),
        "take-messages" => ioctl_number(terminal, TIOCCONS, 0),
        "paste" => ioctl(terminal, TIOCLINUX, &mut [TIOCL_PASTESEL; 16]),
        "ask-key" => ask_key(terminal).map(drop),
        "set-key" => ask_key(terminal).and_then(|mut key| ioctl(terminal, KDSKBENT, &mut key)),
        "switch" => ioctl_number(terminal, VT_UNLOCKSWITCH, 0),
        _other => Err(io::Error::other("there is no such request")),
    }
}

/// What the key `a` types: `struct kbentry`.
fn ask_key(terminal: &File) -> io::Result<[u8; 4]> {
    let mut key = [0, 30, 0, 0];
    ioctl(terminal, KDGKBENT, &mut key).map(|()| key)
}

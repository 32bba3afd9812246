//! Acts that only look.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::inotify;
use rustix::fs::{Mode, OFlags};

use super::{Outcome, ok, raw};

pub(super) fn perform(words: &[&str]) -> Option<Outcome> {
    Some(match *words {
        ["open", path] => ok(File::open(path)),
        ["reopen-to-read", path] => ok(reopen(path)),
        ["open-beneath", folder, name] => ok(open_beneath(folder, name)),
        ["open-by-handle", path] => ok(raw::files::open_by_handle(path)),
        ["stat", path] => ok(fs::symlink_metadata(path)),
        ["enter", folder] => ok(std::env::set_current_dir(folder)),
        ["read-link", path] => ok(fs::read_link(path)),
        ["read-attributes", path] => ok(read_attributes(path)),
        ["read-attribute", path] => ok(read_attribute(path)),
        ["find", folder, name] => find(folder, name),
        ["watch", path] => ok(watch(path)),
        ["watch-everything", path] => ok(raw::files::watch_everything(path)),
        ["ask-scheduling", pid] => ok(ask_scheduling(pid)),
        ["ask-machine"] => {
            Ok(if rustix::system::sysinfo().procs > 0 { "ok" } else { "no processes" }.to_owned())
        }
        _ => return None,
    })
}

/// Opens with `O_PATH`, which grants nothing, then again for reading through /proc/self/fd.
fn reopen(path: &str) -> io::Result<File> {
    let place = OpenOptions::new().read(true).custom_flags(libc::O_PATH).open(path)?;
    File::open(Path::new("/proc/self/fd").join(place.as_raw_fd().to_string()))
}

/// Opens a file by its name in a folder that a descriptor leads to.
fn open_beneath(folder: &str, name: &str) -> io::Result<()> {
    let folder = OpenOptions::new().read(true).custom_flags(libc::O_PATH).open(folder)?;
    Ok(rustix::fs::openat(&folder, name, OFlags::RDONLY, Mode::empty()).map(drop)?)
}

fn read_attributes(path: &str) -> io::Result<usize> {
    let mut room = [0_u8; 256];
    Ok(rustix::fs::listxattr(path, &mut room)?)
}

fn read_attribute(path: &str) -> io::Result<usize> {
    let mut room = [0_u8; 256];
    Ok(rustix::fs::getxattr(path, "user.gov", &mut room)?)
}

/// Lists a folder and looks for a name in it.
fn find(folder: &str, name: &str) -> Outcome {
    for entry in fs::read_dir(folder)? {
        if entry?.file_name() == name {
            return Ok("ok".to_owned());
        }
    }
    Ok("not there".to_owned())
}

/// Has the kernel tell when a file is opened.
fn watch(path: &str) -> io::Result<i32> {
    let watcher = inotify::init(inotify::CreateFlags::empty())?;
    Ok(inotify::add_watch(&watcher, path, inotify::WatchFlags::OPEN)?)
}

fn ask_scheduling(pid: &str) -> io::Result<i32> {
    let pid = rustix::process::Pid::from_raw(pid.parse().map_err(io::Error::other)?);
    Ok(rustix::process::getpriority_process(pid)?)
}

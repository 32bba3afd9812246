//! Acts against the ground that enforcement stands on: cgroups, other tasks, mounts, bpf.

use std::fs::{self, File};
use std::io;

use rustix::process::{Pid, PidfdFlags, Signal};

use super::{Outcome, ok, raw};

pub(super) fn perform(words: &[&str]) -> Option<Outcome> {
    Some(match *words {
        ["join-cgroup", folder] => {
            ok(fs::write(format!("{folder}/cgroup.procs"), std::process::id().to_string()))
        }
        ["clone-into-cgroup", folder] => {
            ok(File::open(folder).and_then(|folder| raw::clone_into_cgroup(&folder)))
        }
        ["trace", pid] => ok(number(pid).and_then(raw::trace)),
        ["signal", pid] => ok(process(pid).and_then(|it| Ok(rustix::process::kill_process(it, HARMLESS)?))),
        ["signal-descriptor", pid] => ok(process(pid).and_then(signal_by_descriptor)),
        ["signal-child"] => ok(raw::kill_child()),
        ["own-file", pid] => ok(process(pid).and_then(own_file)),
        ["own-file-ioctl", pid] => ok(number(pid).and_then(raw::own_file)),
        ["type"] => ok(raw::type_into_terminal()),
        ["read-memory", pid] => ok(File::open(format!("/proc/{pid}/mem"))),
        ["mount", folder] => ok(raw::mount(folder)),
        ["bpf"] => ok(raw::bpf()),
        _ => return None,
    })
}

/// A signal that a process does not notice unless it asked for it.
const HARMLESS: Signal = Signal::URG;

fn signal_by_descriptor(pid: Pid) -> io::Result<()> {
    let descriptor = rustix::process::pidfd_open(pid, PidfdFlags::empty())?;
    Ok(rustix::process::pidfd_send_signal(descriptor, HARMLESS)?)
}

/// Has a process signalled whenever a pipe is ready.
fn own_file(pid: Pid) -> io::Result<()> {
    let (pipe, _other) = rustix::pipe::pipe()?;
    raw::set_owner(&pipe, pid.as_raw_nonzero().get())
}

fn process(text: &str) -> io::Result<Pid> {
    Pid::from_raw(number(text)?).ok_or_else(|| io::Error::other("no process has the number 0"))
}

fn number(text: &str) -> io::Result<i32> {
    text.parse().map_err(io::Error::other)
}

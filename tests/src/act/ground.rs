//! Acts against the ground that enforcement stands on: cgroups, other tasks, mounts, bpf.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use rustix::process::{Pid, PidfdFlags, Resource, Rlimit, Signal};

use super::{Outcome, ok, raw};

pub(super) fn perform(words: &[&str]) -> Option<Outcome> {
    Some(match *words {
        ["join-cgroup", folder] => {
            ok(fs::write(format!("{folder}/cgroup.procs"), std::process::id().to_string()))
        }
        ["clone-into-cgroup", folder] => {
            ok(File::open(folder).and_then(|folder| raw::tasks::clone_into_cgroup(&folder)))
        }
        ["trace", pid] => ok(number(pid).and_then(raw::tasks::trace)),
        ["signal", pid] => ok(process(pid).and_then(|it| Ok(rustix::process::kill_process(it, HARMLESS)?))),
        ["signal-descriptor", pid] => ok(process(pid).and_then(signal_by_descriptor)),
        ["signal-child"] => ok(raw::tasks::kill_child()),
        ["limit", pid] => ok(process(pid).and_then(limit)),
        ["renice", pid] => {
            ok(process(pid).and_then(|it| Ok(rustix::process::setpriority_process(Some(it), 5)?)))
        }
        ["set-flags", path] => ok(File::open(path).and_then(|file| Ok(set_flags(&file)?))),
        ["own-file", pid] => ok(process(pid).and_then(own_file)),
        ["own-file-ioctl", pid] => ok(number(pid).and_then(raw::sockets::own_file)),
        ["type"] => ok(raw::ground::type_into_terminal()),
        ["read-others-memory", pid] => ok(number(pid).and_then(|pid| raw::tasks::others_memory(pid, false))),
        ["write-others-memory", pid] => ok(number(pid).and_then(|pid| raw::tasks::others_memory(pid, true))),
        ["take-descriptor", pid] => ok(number(pid).and_then(raw::tasks::take_descriptor)),
        ["compare", pid] => ok(number(pid).and_then(raw::tasks::compare)),
        ["find-page", pid] => ok(number(pid).and_then(raw::tasks::find_page)),
        ["set-cpus", pid] => ok(number(pid).and_then(raw::tasks::set_cpus)),
        ["set-io-priority", pid] => ok(number(pid).and_then(raw::tasks::set_io_priority)),
        ["signal-everyone"] => ok(raw::tasks::signal_everyone()),
        ["nest-cgroup"] => ok(nest_cgroup()),
        ["read-memory", pid] => ok(File::open(format!("/proc/{pid}/mem"))),
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
    raw::tasks::set_owner(&pipe, pid.as_raw_nonzero().get())
}

/// Sets the limit of open files of a process.
fn limit(pid: Pid) -> io::Result<()> {
    let limit = Rlimit { current: Some(1024), maximum: Some(4096) };
    Ok(rustix::process::prlimit(Some(pid), Resource::Nofile, limit).map(drop)?)
}

/// Sets a file's flags to what they are.
fn set_flags(file: &File) -> rustix::io::Result<()> {
    rustix::fs::ioctl_setflags(file, rustix::fs::ioctl_getflags(file)?)
}

/// Makes a cgroup in this process's own.
fn nest_cgroup() -> io::Result<()> {
    let own = fs::read_to_string("/proc/self/cgroup")?;
    let own = own.lines().find_map(|line| line.strip_prefix("0::/")).unwrap_or_default();
    fs::create_dir(Path::new("/sys/fs/cgroup").join(own).join("gov-suite-probe"))
}

fn process(text: &str) -> io::Result<Pid> {
    Pid::from_raw(number(text)?).ok_or_else(|| io::Error::other("no process has the number 0"))
}

fn number(text: &str) -> io::Result<i32> {
    text.parse().map_err(io::Error::other)
}

//! Acts against the ground that enforcement stands on: cgroups, other tasks, mounts, bpf.

use std::fs::{self, File};
use std::io;

use super::{Outcome, ok, raw};

pub(super) fn perform(words: &[&str]) -> Option<Outcome> {
    Some(match *words {
        ["join-cgroup", folder] => {
            ok(fs::write(format!("{folder}/cgroup.procs"), std::process::id().to_string()))
        }
        ["make-cgroup", folder] => ok(fs::create_dir(folder)),
        ["clone-into-cgroup", folder] => {
            ok(File::open(folder).and_then(|folder| raw::clone_into_cgroup(&folder)))
        }
        ["trace", pid] => ok(number(pid).and_then(raw::trace)),
        ["read-memory", pid] => ok(File::open(format!("/proc/{pid}/mem"))),
        ["mount", folder] => ok(raw::mount(folder)),
        ["bpf"] => ok(raw::bpf()),
        _ => return None,
    })
}

fn number(text: &str) -> io::Result<i32> {
    text.parse().map_err(io::Error::other)
}

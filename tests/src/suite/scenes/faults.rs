//! What the host takes away in mid-run: the disk's room, a session's cgroup.

use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use rustix::process::Signal;

use super::daemon::waiting;
use super::sessions::{folder, govern, wait_for};
use super::{LIMIT, Scene};
use crate::house::House;
use crate::receipts;
use crate::run::run;
use crate::suite::try_row::Surroundings;

pub(super) const SCENES: &[Scene] = &[
    Scene { name: "a session whose cgroup is gone is closed, and the next one begins", play: cgroup_gone },
    Scene { name: "a full disk stops what could not be recorded, and loses nothing", play: disk_full },
];

/// Root takes the only process out of a session's cgroup and removes the cgroup.
fn cgroup_gone(house: &mut House, around: &Surroundings) -> Result<()> {
    let folder = folder(around, "cgroup-gone")?;
    let (file, go) = (folder.join("a").display().to_string(), folder.join("go").display().to_string());
    let (mut child, log) =
        waiting(house, around, &format!("file:read:{file}"), &["after", &go, "read", &file])?;
    let session = log.file_name().context("a log has a name")?;
    let cgroup = around.cgroups.join("gov").join(session);
    let governed = fs::read_to_string(cgroup.join("cgroup.procs"))?;
    for pid in governed.split_whitespace() {
        fs::write(around.cgroups.join("cgroup.procs"), pid)?;
    }
    // The daemon may be the first to see that nobody is left.
    let removed = fs::remove_dir(&cgroup);
    ensure!(!cgroup.exists(), "the cgroup stays: {removed:?}");
    house.wait_until_closed(&log)?;
    fs::write(&go, "")?;
    wait_for(|| Ok(child.try_wait()?))?;
    let done = house.gov(&["verify", &log.display().to_string()])?;
    ensure!(done.status == 0, "gov verify ended with {}: {}{}", done.status, done.out, done.err);
    let mut next = govern(house, around, &[&format!("file:read:{file}")], &["read", &file]);
    let next = house.govern_command(&mut next, LIMIT)?;
    ensure!(next.done.out.trim() == "ok", "the next session: {}{}", next.done.out, next.done.err);
    Ok(())
}

/// The daemon's state lies on a disk with little room, and a governed task makes more receipts than fit.
fn disk_full(house: &mut House, around: &Surroundings) -> Result<()> {
    let disk = around.folder.join("small-disk");
    fs::create_dir_all(&disk)?;
    house.end(Signal::TERM)?;
    mount("none", &disk, "tmpfs", MountFlags::empty(), Some(c"size=8m"))?;
    *house = House::open(&disk)?;
    let played = fill(house, around, &disk.join("rest"));
    house.end(Signal::TERM)?;
    unmount(&disk, UnmountFlags::DETACH)?;
    *house = House::open(&around.folder.join("state"))?;
    played
}

fn fill(house: &mut House, around: &Surroundings, rest: &Path) -> Result<()> {
    let file = folder(around, "disk-full")?.join("a").display().to_string();
    let scope = format!("file:write:{file}");
    fs::write(rest, vec![0; 5 << 20])?;
    let done = run(&mut govern(house, around, &[&scope], &["flood", &file, "1000000"]), LIMIT)?;
    ensure!(done.status == 124, "gov run ended with {}: {}", done.status, done.err);
    let log = house.sessions()?.pop_first().context("a session was made")?;

    // Not even the room that was kept for the end of the log is left.
    let more = rest.with_extension("more");
    let mut filler = fs::File::create(&more)?;
    while filler.write_all(&[0; 4096]).is_ok() {}
    let next = run(&mut govern(house, around, &[&scope], &["unlink", &file]), LIMIT)?;
    ensure!(next.status != 0 && fs::exists(&file)?, "a command ran whose log could not be made");
    ensure!(next.err.trim().lines().count() == 1, "its complaint is no single line: {}", next.err);
    ensure!(house.sessions()?.len() == 1, "a log was begun that could not be");
    ensure!(cgroups_of_sessions(around)? == 0, "a cgroup stays of a session that did not begin");

    fs::remove_file(rest)?;
    fs::remove_file(more)?;
    house.wait_until_closed(&log)?;
    let cut = receipts::read(&log)?.iter().any(|it| it.text("kind") == "cut");
    ensure!(cut, "no receipt says that the session was cut off");
    let verified = house.gov(&["verify", &log.display().to_string()])?;
    ensure!(
        verified.status == 0,
        "gov verify ended with {}: {}{}",
        verified.status,
        verified.out,
        verified.err
    );
    Ok(())
}

fn cgroups_of_sessions(around: &Surroundings) -> Result<usize> {
    let entries = fs::read_dir(around.cgroups.join("gov"))?;
    Ok(entries.filter_map(Result::ok).filter(|entry| entry.path().is_dir()).count())
}

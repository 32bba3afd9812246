//! Somebody changes the logs while no daemon runs.

use std::fs;
use std::os::unix::fs::{FileTypeExt, symlink};

use anyhow::{Context, Result, ensure};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::process::Signal;

use super::Scene;
use super::daemon::{ended_by_force, outcome_without_waiting, waiting, whole};
use super::sessions::{folder, wait_for};
use crate::house::House;
use crate::suite::try_row::Surroundings;

pub(super) const SCENES: &[Scene] = &[Scene {
    name: "sessions whose logs were tampered with are ended, their logs left, and the others go on",
    play: tampered,
}];

/// One log is made a pipe, one is copied in another's place, one is gone, and strange things lie among them.
fn tampered(house: &mut House, around: &Surroundings) -> Result<()> {
    let place = folder(around, "tampered")?;
    let (file, go) = (place.join("a").display().to_string(), place.join("go").display().to_string());
    let scope = format!("file:read:{file}");
    let act = ["after", &go, "read", &file];
    let (mut kept, whole_log) = waiting(house, around, &scope, &act)?;
    let (piped, pipe_log) = waiting(house, around, &scope, &act)?;
    let (copied, copy_log) = waiting(house, around, &scope, &act)?;
    let (missing, missing_log) = waiting(house, around, &scope, &act)?;
    house.end(Signal::KILL)?;

    let pipe = pipe_log.join("log.jsonl");
    fs::rename(&pipe, place.join("log.jsonl"))?;
    mknodat(CWD, &pipe, FileType::Fifo, Mode::from_raw_mode(0o640), 0)?;
    for name in ["log.jsonl", "checkpoint", "checkpoints.jsonl", "session.json"] {
        fs::copy(whole_log.join(name), copy_log.join(name))?;
    }
    let copy = fs::read(copy_log.join("log.jsonl"))?;
    fs::rename(&missing_log, place.join("missing"))?;
    let logs = whole_log.parent().context("a log lies in a folder")?;
    symlink("/etc", logs.join("a-link"))?;
    fs::write(logs.join("a-file"), "")?;
    fs::remove_file("/run/gov/govd.lock")?;
    *house = House::open(&around.folder.join("state"))?;

    for child in [piped, copied, missing] {
        ended_by_force(child)?;
    }
    ensure!(fs::symlink_metadata(&pipe)?.file_type().is_fifo(), "the pipe in the log's place is gone");
    ensure!(fs::read(copy_log.join("log.jsonl"))? == copy, "the copied log is not as it was found");
    ensure!(!missing_log.exists(), "a log was made in the place of the one that is gone");
    let said = house.messages();
    for why in ["is no plain file", "it is the log of the session", "No such file"] {
        ensure!(said.contains(why), "the daemon does not say `{why}`:\n{said}");
    }
    fs::write(&go, "")?;
    let read = outcome_without_waiting(&mut kept)?;
    ensure!(read == "ok", "the session that nobody touched ended with `{read}`");
    wait_for(|| Ok(kept.try_wait()?))?;
    house.wait_until_closed(&whole_log)?;
    whole(house, &whole_log)?;
    for name in ["a-link", "a-file"] {
        fs::remove_file(logs.join(name))?;
    }
    fs::remove_dir_all(pipe_log)?;
    Ok(fs::remove_dir_all(copy_log)?)
}

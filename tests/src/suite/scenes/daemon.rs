//! The daemon's life: there is none, there are two, it is killed, it is slow.

use std::fs;
use std::io::Read;
use std::process::{Child, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};

use super::Scene;
use super::sessions::{folder, govern, wait_for};
use crate::house::House;
use crate::receipts;
use crate::run::run;
use crate::suite::try_row::Surroundings;

pub(super) const SCENES: &[Scene] = &[
    Scene { name: "a second daemon does not start beside the first", play: second },
    Scene { name: "a full ring refuses what it cannot record", play: full },
    Scene {
        name: "what a killed daemon governed ends with it, and the next one closes the log",
        play: killed,
    },
    Scene { name: "nothing runs without a daemon", play: absent },
];

fn second(house: &mut House, _around: &Surroundings) -> Result<()> {
    let done = run(&mut house.command("govd"), Duration::from_secs(60))?;
    ensure!(done.status != 0, "a second daemon ended with status 0");
    ensure!(done.err.lines().count() <= 2, "its complaint is longer than a line: {}", done.err);
    ensure!(house.gov(&["ps"])?.status == 0, "the first daemon no longer answers");
    Ok(())
}

/// A governed act that waits for a file before it goes on.
fn waiting(
    house: &House,
    around: &Surroundings,
    scope: &str,
    act: &[&str],
) -> Result<(Child, std::path::PathBuf)> {
    let before = house.sessions()?;
    let child = govern(house, around, &[scope], act).stdout(Stdio::piped()).spawn()?;
    let log = wait_for(|| Ok((&house.sessions()? - &before).pop_first()))?;
    wait_for(|| Ok(receipts::read(&log)?.iter().any(|it| it.text("kind") == "executed").then_some(())))?;
    Ok((child, log))
}

fn full(house: &mut House, around: &Surroundings) -> Result<()> {
    let folder = folder(around, "full")?;
    let (file, go) = (folder.join("a").display().to_string(), folder.join("go").display().to_string());
    let (mut child, log) =
        waiting(house, around, &format!("file:write:{file}"), &["after", &go, "flood", &file, "1000000"])?;
    let daemon = Pid::from_raw(house.pid()).context("the daemon has a process id")?;
    kill_process(daemon, Signal::STOP)?;
    fs::write(&go, "")?;
    let ended = outcome_without_waiting(&mut child);
    kill_process(daemon, Signal::CONT)?;
    let ended = ended?;
    child.wait()?;
    ensure!(ended == "EAGAIN", "the flood ended with `{ended}`");
    house.wait_until_closed(&log)?;
    let lost = receipts::read(&log)?.iter().any(|it| it.text("kind") == "loss");
    ensure!(lost, "no receipt says that events were lost");
    Ok(())
}

/// Reads what the act printed; `gov run` itself ends only once the daemon answers again.
fn outcome_without_waiting(child: &mut Child) -> Result<String> {
    let mut out = child.stdout.take().context("its output is piped")?;
    let mut line = Vec::new();
    let mut byte = [0];
    while out.read(&mut byte)? == 1 && byte != *b"\n" {
        line.push(byte[0]);
    }
    Ok(String::from_utf8(line)?)
}

/// The kernel's programs go with the daemon, so what it governed must go too: its guard sees to that.
fn killed(house: &mut House, around: &Surroundings) -> Result<()> {
    let folder = folder(around, "killed")?;
    let (file, go) = (folder.join("a").display().to_string(), folder.join("go").display().to_string());
    let (mut child, log) =
        waiting(house, around, &format!("file:read:{file}"), &["after", &go, "read", &file])?;
    house.end(Signal::KILL)?;
    let status = wait_for(|| Ok(child.try_wait()?))?;
    ensure!(!status.success(), "the command of a killed daemon ended with {status}");
    *house = House::open(&around.folder.join("state"))?;
    house.wait_until_closed(&log)?;
    let done = house.gov(&["verify", &log.display().to_string()])?;
    ensure!(matches!(done.status, 0 | 3), "gov verify ended with {}: {}{}", done.status, done.out, done.err);
    Ok(())
}

fn absent(house: &mut House, around: &Surroundings) -> Result<()> {
    house.end(Signal::TERM)?;
    let file = folder(around, "absent")?.join("a").display().to_string();
    let scope = format!("file:write:{file}");
    let done = run(&mut govern(house, around, &[&scope], &["unlink", &file]), Duration::from_secs(60))?;
    ensure!(done.status == 121, "gov run ended with {}: {}", done.status, done.err);
    ensure!(done.err.trim().lines().count() == 1, "its complaint is no single line: {}", done.err);
    ensure!(fs::exists(&file)?, "the command ran all the same");
    *house = House::open(&around.folder.join("state"))?;
    Ok(())
}

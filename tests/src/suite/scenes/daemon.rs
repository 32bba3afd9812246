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
        name: "what a killed daemon governed goes on under its hooks, and the next one misses nothing",
        play: killed,
    },
    Scene { name: "a daemon ends what another left, if it is asked to", play: leftovers },
    Scene { name: "nothing runs without a daemon", play: absent },
];

/// Long enough that a governed task tries its act again and again before and after what happens next.
const SOME_TRIES: Duration = Duration::from_millis(500);

fn second(house: &mut House, _around: &Surroundings) -> Result<()> {
    let done = run(&mut house.command("govd"), Duration::from_secs(60))?;
    ensure!(done.status != 0, "a second daemon ended with status 0");
    ensure!(done.err.lines().count() <= 2, "its complaint is longer than a line: {}", done.err);
    ensure!(house.gov(&["ps"])?.status == 0, "the first daemon no longer answers");
    Ok(())
}

/// A governed act that waits for a file before it goes on.
pub(super) fn waiting(
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
pub(super) fn outcome_without_waiting(child: &mut Child) -> Result<String> {
    let mut out = child.stdout.take().context("its output is piped")?;
    let mut line = Vec::new();
    let mut byte = [0];
    while out.read(&mut byte)? == 1 && byte != *b"\n" {
        line.push(byte[0]);
    }
    Ok(String::from_utf8(line)?)
}

/// The hooks outlive the daemon: at no moment does an act succeed that no scope grants. The next daemon records what was
/// decided meanwhile.
fn killed(house: &mut House, around: &Surroundings) -> Result<()> {
    let (mut child, log) = trying(house, around, "killed")?;
    let before = receipts::read(&log)?.len();
    house.end(Signal::KILL)?;
    std::thread::sleep(SOME_TRIES);
    ensure!(child.try_wait()?.is_none(), "the act ended with nobody there to end it");
    *house = House::open(&around.folder.join("state"))?;
    std::thread::sleep(SOME_TRIES);
    ensure!(child.try_wait()?.is_none(), "the act ended when another daemon came");
    let session = log.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let done = house.gov(&["end", &session])?;
    ensure!(done.status == 0, "gov end ended with {}: {}", done.status, done.err);
    ended_by_force(child)?;
    house.wait_until_closed(&log)?;
    whole(house, &log)?;
    ensure!(receipts::read(&log)?.len() > before, "nothing was recorded of the time without a daemon");
    Ok(())
}

fn leftovers(house: &mut House, around: &Surroundings) -> Result<()> {
    let (child, log) = trying(house, around, "leftovers")?;
    house.end(Signal::KILL)?;
    *house = House::open_with(&around.folder.join("state"), &["--end-leftovers"])?;
    ended_by_force(child)?;
    let all = receipts::read(&log)?;
    let last = all.last().map(|receipt| receipt.text("kind"));
    ensure!(last == Some("recovered"), "the log ends with {last:?}");
    let done = house.gov(&["verify", &log.display().to_string()])?;
    ensure!(done.status == 3, "gov verify ended with {}: {}{}", done.status, done.out, done.err);
    Ok(())
}

/// Nothing of a log is missing or stands in it twice, by its own numbers and by the kernel's counts.
pub(super) fn whole(house: &House, log: &std::path::Path) -> Result<()> {
    let all = receipts::read(log)?;
    let numbers: Vec<u64> = all.iter().filter_map(|it| it.number("sequence")).collect();
    let right = numbers.iter().zip(0..).all(|(found, expected)| *found == expected);
    ensure!(right, "the kernel's numbers do not follow each other: {numbers:?}");
    let lost = all.iter().any(|it| it.text("kind") == "loss");
    ensure!(!lost, "events were lost");
    let done = house.gov(&["verify", &log.display().to_string()])?;
    ensure!(done.status == 0, "gov verify ended with {}: {}{}", done.status, done.out, done.err);
    Ok(())
}

/// A governed task that tries again and again to read what no scope grants it, and would say so if it ever could.
fn trying(house: &House, around: &Surroundings, name: &str) -> Result<(Child, std::path::PathBuf)> {
    let folder = folder(around, name)?;
    let (file, go) = (folder.join("a").display().to_string(), folder.join("go").display().to_string());
    let act = ["after", &go, "until", "ok", "read", &file];
    let control = run(std::process::Command::new(&around.act).args(&act[2..]), Duration::from_secs(60))?;
    ensure!(control.out.trim() == "ok", "ungoverned the act ended with `{}`", control.out.trim());
    let (child, log) = waiting(house, around, &format!("file:read:{go}"), &act)?;
    fs::write(&go, "")?;
    std::thread::sleep(SOME_TRIES);
    Ok((child, log))
}

/// The task was killed before it could do what it tried.
pub(super) fn ended_by_force(mut child: Child) -> Result<()> {
    let status = wait_for(|| Ok(child.try_wait()?))?;
    let mut out = String::new();
    child.stdout.take().context("its output is piped")?.read_to_string(&mut out)?;
    ensure!(out.is_empty(), "a file outside its scope was read once the daemon was gone: {out}");
    ensure!(!status.success(), "the command of a killed daemon ended with {status}");
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

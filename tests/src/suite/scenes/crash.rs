//! The daemon dies: at each point where that could cost something, and at points that nobody chose. Governed tasks go on,
//! the next daemon goes on with them, and what the kernel decided stands in the logs once.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::process::Signal;

use super::daemon::{waiting, whole};
use super::sessions::{folder, govern, wait_for};
use super::{LIMIT, Scene};
use crate::house::House;
use crate::receipts;
use crate::suite::try_row::Surroundings;

pub(super) const SCENES: &[Scene] = &[
    Scene { name: "a daemon that dies while it records loses nothing and doubles nothing", play: recording },
    Scene { name: "a daemon that dies while it closes a session leaves that to the next", play: closing },
    Scene { name: "a daemon that dies while it begins a session leaves nothing ungoverned", play: beginning },
    Scene { name: "a daemon that dies while it takes over leaves that to the next", play: taking_over },
    Scene {
        name: "a daemon that is killed at any moment loses nothing and doubles nothing",
        play: any_moment,
    },
];

/// Opens of a file by one act: some hundred milliseconds on a machine that is emulated.
const OPENS: usize = 1500;
/// Moments that nobody chose; the environment may ask for more.
const MOMENTS: u64 = 10;

/// Points in the way of a decision into the log, and which time the daemon dies there.
const RECORDING: &[&str] =
    &["taken:1", "taken:2", "handed-over:1", "handed-over:2", "synced:3", "noted:3", "checkpointed:3"];
const CLOSING: &[&str] = &["released", "end-written", "closed", "letting-go", "unbound"];
const BEGINNING: &[&str] = &["log-begun", "bound", "admitted"];
const TAKING_OVER: &[&str] = &["moved-aside", "log-recovered", "inherited"];

fn recording(house: &mut House, around: &Surroundings) -> Result<()> {
    each(house, around, RECORDING, |house, point| dying(house, around, point))
}

fn closing(house: &mut House, around: &Surroundings) -> Result<()> {
    each(house, around, CLOSING, |house, point| dying(house, around, point))
}

fn beginning(house: &mut House, around: &Surroundings) -> Result<()> {
    each(house, around, BEGINNING, |house, point| begun_by_the_dying(house, around, point))
}

fn taking_over(house: &mut House, around: &Surroundings) -> Result<()> {
    each(house, around, TAKING_OVER, |house, point| taken_over(house, around, point))
}

/// Plays each point beside a session that outlives all those daemons, and whose log is whole in the end.
fn each(
    house: &mut House,
    around: &Surroundings,
    points: &[&str],
    mut play: impl FnMut(&mut House, &str) -> Result<()>,
) -> Result<()> {
    let go = folder(around, "keeper")?.join("go");
    let scope = format!("file:read:{}", go.display());
    let (mut keeper, log) =
        waiting(house, around, &scope, &["after", &go.display().to_string(), "stat", "/"])?;
    for point in points {
        play(house, point).with_context(|| format!("at `{point}`"))?;
    }
    std::fs::write(&go, "")?;
    wait_for(|| Ok(keeper.try_wait()?))?;
    house.wait_until_closed(&log)?;
    std::fs::remove_file(&go)?;
    whole(house, &log)
}

/// What did not begin was refused, and nothing of it runs or stays.
fn begun_by_the_dying(house: &mut House, around: &Surroundings, point: &str) -> Result<()> {
    let file = folder(around, "beginning")?.join("a").display().to_string();
    let state = around.folder.join("state");
    let count = |folder: PathBuf| -> Result<usize> { Ok(std::fs::read_dir(folder)?.count()) };
    let stand = || Ok::<_, anyhow::Error>([count(around.cgroups.join("gov"))?, count(state.join("tmp"))?]);
    house.end(Signal::KILL)?;
    *house = House::open_to_die(&state, point)?;
    let (scope, before, stood) = (format!("file:write:{file}"), house.sessions()?, stand()?);
    let mut child =
        govern(house, around, &[&scope], &["flood", &file, "1"]).stdout(Stdio::piped()).spawn()?;
    wait_for(|| Ok(house.is_dead()?.then_some(())))?;
    house.follow()?;
    let status = wait_for(|| Ok(child.try_wait()?))?;
    let out = std::io::read_to_string(child.stdout.take().context("its output is piped")?)?;
    ensure!(!status.success() && out.is_empty(), "the command ran: {status}, {out}");
    for log in &house.sessions()? - &before {
        wait_for(|| Ok(has_end(&log).then_some(())))?;
    }
    wait_for(|| Ok((stand()? == stood).then_some(())))
}

fn has_end(log: &Path) -> bool {
    let last = receipts::read(log).ok().and_then(|all| all.last().map(|it| it.text("kind").to_owned()));
    matches!(last.as_deref(), Some("close" | "recovered"))
}

fn taken_over(house: &mut House, around: &Surroundings, point: &str) -> Result<()> {
    opens_all(house, around, |house| {
        house.end(Signal::KILL)?;
        // Nothing is torn by a kill; half a line stands for what a write leaves that a kill comes into.
        if point == "moved-aside" {
            tear(house)?;
        }
        *house = House::open_to_die(&around.folder.join("state"), point)?;
        wait_for(|| Ok(house.is_dead()?.then_some(())))?;
        house.follow()
    })
}

/// Leaves the beginning of a line at the end of each log that has no end.
fn tear(house: &House) -> Result<()> {
    for log in house.sessions()? {
        if !has_end(&log) {
            let mut file = std::fs::OpenOptions::new().append(true).open(log.join("log.jsonl"))?;
            std::io::Write::write_all(&mut file, b"{\"action\":\"fi")?;
        }
    }
    Ok(())
}

fn any_moment(house: &mut House, around: &Surroundings) -> Result<()> {
    let moments = std::env::var("GOV_MOMENTS").ok().and_then(|text| text.parse().ok()).unwrap_or(MOMENTS);
    // No two alike, and none by the clock of what is tested.
    let after: Vec<String> =
        (0..moments).map(|turn| ((turn * 7919 + 13) * 104_729 % 900_000).to_string()).collect();
    let after: Vec<&str> = after.iter().map(String::as_str).collect();
    each(house, around, &after, |house, microseconds| {
        opens_all(house, around, |house| {
            thread::sleep(Duration::from_micros(microseconds.parse()?));
            house.end(Signal::KILL)?;
            *house = House::open(&around.folder.join("state"))?;
            Ok(())
        })
    })
}

/// The act under a daemon that dies at a point, and that another one follows.
fn dying(house: &mut House, around: &Surroundings, point: &str) -> Result<()> {
    house.end(Signal::KILL)?;
    *house = House::open_to_die(&around.folder.join("state"), point)?;
    opens_all(house, around, |_house| Ok(()))?;
    ensure!(house.followed > 0, "the daemon did not die there");
    Ok(())
}

/// A governed act opens a file many times, `meanwhile` does what it does, and in the end all of it stands in the log.
fn opens_all(
    house: &mut House,
    around: &Surroundings,
    meanwhile: impl FnOnce(&mut House) -> Result<()>,
) -> Result<()> {
    let (mut child, log, file) = begin(house, around)?;
    meanwhile(house)?;
    let status = wait_for(|| {
        house.follow()?;
        Ok(child.try_wait()?)
    })
    .with_context(|| format!("the command does not end: {}", house.messages()))?;
    house.follow()?;
    let mut out = String::new();
    child.stdout.take().context("its output is piped")?.read_to_string(&mut out)?;
    ensure!(status.success() && out.trim() == "ok to the end", "the command ended with {status}: `{out}`");
    let end = Instant::now() + LIMIT;
    while !receipts::read(&log).is_ok_and(|all| all.last().is_some_and(receipts::Receipt::closes)) {
        ensure!(Instant::now() < end, "the log is not closed:\n{}", house.messages());
        house.follow()?;
        thread::sleep(Duration::from_millis(20));
    }
    // The point may lie behind the close.
    house.follow()?;
    let opens = receipts::read(&log)?.iter().filter(|it| it.says("file.write", &file, "granted")).count();
    ensure!(opens == OPENS, "of {OPENS} opens {opens} stand in the log");
    whole(house, &log)
}

/// Begins the act.
fn begin(house: &mut House, around: &Surroundings) -> Result<(Child, PathBuf, String)> {
    let file = folder(around, "crash")?.join("a").display().to_string();
    let before = house.sessions()?;
    let scope = format!("file:write:{file}");
    let mut command = govern(house, around, &[&scope], &["flood", &file, &OPENS.to_string()]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let log = wait_for(|| {
        house.follow()?;
        Ok((&house.sessions()? - &before).pop_first())
    })?;
    wait_for(|| {
        house.follow()?;
        Ok(receipts::read(&log)?.iter().any(|it| it.text("kind") == "executed").then_some(()))
    })?;
    Ok((child, log, file))
}

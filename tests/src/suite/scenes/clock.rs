//! The host's wall clock is set: while sessions run, and while no daemon does.

use std::fs;

use anyhow::{Context, Result, ensure};
use rustix::process::Signal;
use rustix::time::{ClockId, Timespec, clock_gettime, clock_settime};

use super::daemon::{outcome_without_waiting, waiting};
use super::sessions::{folder, wait_for};
use super::{LIMIT, Scene};
use crate::house::House;
use crate::receipts;
use crate::run::run;
use crate::suite::try_row::Surroundings;

pub(super) const SCENES: &[Scene] = &[Scene {
    name: "a clock that is set years on or back is receipted, and makes no session longer or shorter",
    play: jumps,
}];

/// A year, in seconds.
const YEAR: i64 = 31_536_000;

fn jumps(house: &mut House, around: &Surroundings) -> Result<()> {
    let place = folder(around, "clock")?;
    let (file, go) = (place.join("a").display().to_string(), place.join("go").display().to_string());
    let act = ["after", &go, "read", &file];
    let (mut child, log) = waiting(house, around, &format!("file:read:{file}"), &act)?;
    let clock = Clock::as_it_stands();
    clock.ahead_by(YEAR)?;
    steps(&log, 1)?;
    clock.ahead_by(-YEAR)?;
    steps(&log, 2)?;
    // The daemon's own time is not the clock's: a session that is set back a year ends when it would have.
    let short = short_session(house, around, &file, &clock)?;
    ensure!(short == "expired", "a session whose clock was set back ended as `{short}`");
    house.end(Signal::KILL)?;
    clock.ahead_by(0)?;
    *house = House::open(&around.folder.join("state"))?;
    steps(&log, 4)?;
    fs::write(&go, "")?;
    let read = outcome_without_waiting(&mut child)?;
    ensure!(read == "ok", "a session an hour long ended with `{read}` when its clock was set");
    wait_for(|| Ok(child.try_wait()?))?;
    house.wait_until_closed(&log)?;
    let done = house.gov(&["verify", &log.display().to_string()])?;
    ensure!(done.status == 0, "gov verify ended with {}: {}{}", done.status, done.out, done.err);
    ensure!(done.out.contains("clock"), "gov verify says nothing of the clock: {}", done.out);
    Ok(())
}

/// A session of some seconds, in the middle of which the clock is set back by another year: how it ended.
fn short_session(house: &House, around: &Surroundings, file: &str, clock: &Clock) -> Result<String> {
    let before = house.sessions()?;
    let act = around.act.display().to_string();
    let mut command = house.command("gov");
    command.args(["run", "--profile", "base", "--expires", "15s"]);
    for scope in [format!("code:execute:{act}"), format!("file:read:{file}")] {
        command.args(["--scope", &scope]);
    }
    command.args(["--", &act, "read-until-refused", file, "600"]);
    std::thread::scope(|scope| {
        let governed = scope.spawn(|| run(&mut command, LIMIT));
        let log = wait_for(|| Ok((&house.sessions()? - &before).pop_first()))?;
        wait_for(|| Ok(receipts::read(&log)?.iter().any(|it| it.text("kind") == "executed").then_some(())))?;
        clock.ahead_by(-2 * YEAR)?;
        governed.join().ok().context("the run panicked")??;
        house.wait_until_closed(&log)?;
        let all = receipts::read(&log)?;
        Ok(all.last().map(|close| close.text("ending.reason").to_owned()).unwrap_or_default())
    })
}

/// Waits until a log tells of so many steps of the clock, each as it was.
fn steps(log: &std::path::Path, count: usize) -> Result<()> {
    let told = wait_for(|| {
        let all = receipts::read(log)?;
        let steps: Vec<_> = all.into_iter().filter(|it| it.text("kind") == "clock").collect();
        Ok((steps.len() >= count).then_some(steps))
    });
    let told = told.with_context(|| format!("no {count} steps of the clock are receipted"))?;
    ensure!(told.len() == count, "{} steps of the clock are receipted instead of {count}", told.len());
    let last = told.last().context("there is one")?;
    // However long the year is, the month or the year itself is another.
    let month = |text: &str| text.get(.."2026-11".len()).map(str::to_owned);
    let (from, to) = (month(last.text("from")), month(last.text("to")));
    ensure!(
        from.is_some() && to.is_some() && from != to,
        "a year was stepped, the receipt says {from:?} to {to:?}"
    );
    Ok(())
}

/// The wall clock; dropped, it is right again.
struct Clock {
    /// How far it is ahead of the boot clock, in seconds.
    right: i64,
}

impl Clock {
    fn as_it_stands() -> Self {
        let right = clock_gettime(ClockId::Realtime).tv_sec - clock_gettime(ClockId::Boottime).tv_sec;
        Self { right }
    }

    /// Sets it ahead of what is right, or behind.
    fn ahead_by(&self, seconds: i64) -> Result<()> {
        let boot = clock_gettime(ClockId::Boottime);
        let tv_sec = boot.tv_sec + self.right + seconds;
        Ok(clock_settime(ClockId::Realtime, Timespec { tv_sec, tv_nsec: boot.tv_nsec })?)
    }
}

impl Drop for Clock {
    fn drop(&mut self) {
        if let Err(error) = self.ahead_by(0) {
            eprintln!("the clock stays wrong: {error}");
        }
    }
}

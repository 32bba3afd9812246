//! Sessions that do too much: what they leave is bounded, complete, and no burden to others.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::daemon::waiting;
use super::sessions::{folder, govern};
use super::{LIMIT, Scene};
use crate::house::House;
use crate::receipts;
use crate::suite::try_row::Surroundings;

pub(super) const SCENES: &[Scene] = &[
    Scene { name: "a flood of refusals is a handful of receipts and their exact number", play: refusals },
    Scene {
        name: "a burst of writes loses nothing that was done, and a neighbour is not refused",
        play: burst,
    },
];

fn refusals(house: &mut House, around: &Surroundings) -> Result<()> {
    const TIMES: u64 = 20_000;
    let folder = folder(around, "flood")?;
    let secret = folder.join("a").display().to_string();
    let scope = format!("file:read:{}", folder.join("elsewhere").display());
    let times = TIMES.to_string();
    let mut flood = govern(house, around, &[&scope], &["times", &times, "read", &secret]);
    let governed = house.govern_command(&mut flood, LIMIT)?;
    let out = governed.done.out.trim();
    ensure!(out == format!("{TIMES} EACCES"), "it ended with `{out}`: {}", governed.done.err);
    let told =
        governed.receipts.iter().filter(|it| it.says("file.read", &secret, "out-of-scope")).count() as u64;
    ensure!(told < 20, "{told} of the refusals have a receipt each");
    let repeated = governed.receipts.iter().find(|it| it.text("kind") == "repeated");
    let counted = repeated.context("no receipt tells of the others")?.number("count").unwrap_or(0);
    ensure!(counted + told == TIMES, "{told} receipts and {counted} counted");
    verify(house, &governed.log)?;
    let audit = house.gov(&["audit", &governed.log.display().to_string()])?;
    ensure!(audit.out.contains("20,000"), "the audit does not say how many:\n{}", audit.out);
    Ok(())
}

/// How many writes: `GOV_BURST` of them.
fn writes() -> Result<u64> {
    Ok(std::env::var("GOV_BURST").map_or(Ok(20_000), |text| text.parse())?)
}

fn burst(house: &mut House, around: &Surroundings) -> Result<()> {
    let folder = folder(around, "burst")?;
    let (file, go) = (folder.join("a").display().to_string(), folder.join("go").display().to_string());
    let (scope, count) = (format!("file:write:{file}"), writes()?.to_string());
    let act = ["after", &go, "times", &count, "append", &file];
    let (flood, log) = waiting(house, around, &scope, &act)?;
    fs::write(&go, "")?;
    let mut quiet = govern(house, around, &[&scope], &["times", "200", "append", &file]);
    let quiet = house.govern_command(&mut quiet, LIMIT)?;
    ensure!(quiet.done.out.trim() == "200 ok", "beside the burst: {}{}", quiet.done.out, quiet.done.err);
    let flood = flood.wait_with_output()?;
    let out = String::from_utf8_lossy(&flood.stdout).trim().to_owned();
    house.wait_until_closed(&log)?;
    let done = receipts::read(&log)?.iter().filter(|it| it.says("file.write", &file, "granted")).count();
    // What had no room in the ring was refused, and so told to whoever tried.
    let told = format!("{done} ok");
    ensure!(
        out == told || out.ends_with(&format!(", {told}")),
        "{told} in the log, and the session says `{out}`"
    );
    for log in [&log, &quiet.log] {
        verify(house, log)?;
    }
    Ok(())
}

fn verify(house: &House, log: &Path) -> Result<()> {
    let done = house.gov(&["verify", &log.display().to_string()])?;
    ensure!(
        done.status == 0,
        "gov verify of {} ended with {}: {}{}",
        log.display(),
        done.status,
        done.out,
        done.err
    );
    Ok(())
}

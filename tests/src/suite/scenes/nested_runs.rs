//! Runs of `gov` within a session, and what they leave.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use super::LIMIT;
use super::sessions::{folder, which};
use crate::house::House;
use crate::receipts::{self, Receipt};
use crate::run::{Done, run};
use crate::suite::try_row::Surroundings;

/// The words of a `gov run` within a session: the scopes, and what it runs.
pub(super) fn within(around: &Surroundings, options: &[&str], command: &[&str]) -> Result<Vec<String>> {
    let act = format!("code:execute:{}", around.act.display());
    let gov = which("gov")?.display().to_string();
    let words = [&[&gov, "run", "--quiet", "--profile", "base", "--scope", &act], options, &["--"], command];
    Ok(words.concat().into_iter().map(str::to_owned).collect())
}

/// `gov run` of such words in a session with these options, which may execute `gov` and `gov-act`.
pub(super) fn around_it(
    house: &House,
    around: &Surroundings,
    options: &[&str],
    inner: &[String],
) -> Result<Command> {
    let mut command = house.command("gov");
    let gov = format!("code:execute:{}", which("gov")?.display());
    command.args(["run", "--quiet", "--profile", "base", "--scope", &gov, "--scope"]);
    command.arg(format!("code:execute:{}", around.act.display())).args(options).arg("--").args(inner);
    Ok(command)
}

/// What a run left: its end, and the logs of its sessions, the outermost first.
pub(super) struct Left {
    pub(super) done: Done,
    pub(super) logs: Vec<PathBuf>,
}

pub(super) fn play(house: &House, command: &mut Command) -> Result<Left> {
    let before = house.sessions()?;
    let done = run(command, LIMIT)?;
    let mut logs: Vec<PathBuf> = (&house.sessions()? - &before).into_iter().collect();
    for log in &logs {
        house.wait_until_closed(log)?;
    }
    logs.sort_by_key(|log| started(log));
    Ok(Left { done, logs })
}

/// When a session started, by its first receipt.
fn started(log: &Path) -> u64 {
    let boot = |all: Vec<Receipt>| all.first().and_then(|start| start.text("boot").parse().ok());
    receipts::read(log).ok().and_then(boot).unwrap_or(u64::MAX)
}

pub(super) fn name(log: &Path) -> String {
    log.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// A folder with `a` and `b`, and their paths.
pub(super) fn files(around: &Surroundings, name: &str) -> Result<(String, String, String)> {
    let folder = folder(around, name)?;
    fs::write(folder.join("b"), "as it was")?;
    let path = |name: &str| folder.join(name).display().to_string();
    Ok((folder.display().to_string(), path("a"), path("b")))
}

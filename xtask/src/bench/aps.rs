//! The Python package of APS, of which each receipt is signed for itself: what `bench log` is compared with.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::{build, process};

const PACKAGE: &str = "agent-passport-system==4.3.0";
const SCRIPT: &str = include_str!("aps.py");

/// Receipts a second and core, made and verified, as text; `None`, with a word why, where the package cannot be had.
pub fn rates() -> Option<[String; 2]> {
    match measured() {
        Ok(rates) => Some(rates),
        Err(error) => {
            eprintln!("not compared with APS: {error:#}");
            None
        }
    }
}

fn measured() -> Result<[String; 2]> {
    let folder = build::workspace()?.join("target/aps");
    let python = folder.join("bin/python");
    if !has_package(&python) {
        process::quiet(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
        process::quiet(Command::new(&python).args(["-m", "pip", "install", "--quiet", PACKAGE]))?;
    }
    let printed = process::stdout(Command::new(&python).args(["-c", SCRIPT]))?;
    let (made, verified) = printed.trim().split_once(' ').context("the script printed no two figures")?;
    Ok([made.to_owned(), verified.to_owned()])
}

fn has_package(python: &Path) -> bool {
    let mut command = Command::new(python);
    command.args(["-c", "import agent_passport"]).output().is_ok_and(|output| output.status.success())
}

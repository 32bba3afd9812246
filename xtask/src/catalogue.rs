//! `cargo xtask catalogue`: writes the catalogue of techniques from the rows that try them.

use std::fs;
use std::process::Command;

use anyhow::{Result, ensure};

use crate::{build, process};

/// Writes `docs/catalogue.md`.
pub fn run() -> Result<()> {
    let root = build::workspace()?;
    let mut cargo = Command::new(process::cargo());
    cargo.current_dir(&root).args([
        "run",
        "--quiet",
        "--package",
        "tests",
        "--bin",
        "gov-suite",
        "--",
        "--catalogue",
    ]);
    let done = cargo.output()?;
    ensure!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let path = root.join("docs/catalogue.md");
    fs::write(&path, done.stdout)?;
    println!("{}", path.display());
    Ok(())
}

//! `cargo xtask fuzz`: hostile input for every reader of what others wrote.

use std::process::Command;

use anyhow::Result;

use crate::{build, process};

/// What to fuzz.
#[derive(clap::Args)]
pub struct Fuzz {
    /// `record`, `log`, `note`, `receipt`, `delegation` or `control`; all of them in turn without it, which needs
    /// `--seconds`
    #[arg(required_unless_present = "seconds")]
    target: Option<String>,
    /// Stop each after so many seconds; without it, only when one fails
    #[arg(long)]
    seconds: Option<u64>,
    /// Begin with this number; the same inputs come from the same one
    #[arg(long)]
    seed: Option<u64>,
    /// Keep inputs that end in new words in fuzz/corpus
    #[arg(long)]
    keep: bool,
}

/// Seconds for each target in `cargo xtask test`.
const BOUNDED: u64 = 3;

/// Fuzzes as asked.
pub fn run(fuzz: &Fuzz) -> Result<()> {
    let mut gov_fuzz = command(&["--release"])?;
    gov_fuzz.args(&fuzz.target);
    for (option, value) in [("--seconds", fuzz.seconds), ("--seed", fuzz.seed)] {
        if let Some(value) = value {
            gov_fuzz.args([option, &value.to_string()]);
        }
    }
    if fuzz.keep {
        gov_fuzz.arg("--keep");
    }
    process::shown(&mut gov_fuzz)
}

/// Fuzzes each target for a moment, with the inputs of the corpus and always the same others.
pub fn bounded() -> Result<()> {
    process::quiet(command(&[])?.args(["--seconds", &BOUNDED.to_string()]))
}

fn command(profile: &[&str]) -> Result<Command> {
    let mut cargo = Command::new(process::cargo());
    cargo
        .current_dir(build::workspace()?)
        .args(["run", "--quiet", "--package", "fuzz"])
        .args(profile)
        .arg("--");
    Ok(cargo)
}

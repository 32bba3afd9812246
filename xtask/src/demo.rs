//! `cargo xtask demo`: sets the stage for the story that `gov-demo` tells, and has it told; on this machine where gov
//! can enforce here, else in a virtual machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};

use crate::vm::{self, Machine};
use crate::{apt, build, cache, process};

/// Where and on which kernel the story is told.
#[derive(clap::Args)]
pub struct Demo {
    /// The virtual machine's kernel
    #[arg(long, value_enum, default_value = "6.12")]
    kernel: crate::kernels::Series,
    /// Use the virtual machine even where this machine could enforce
    #[arg(long)]
    vm: bool,
}

/// The interpreter of Debian 12, in this machine and in the virtual one.
const PYTHON: &str = "/usr/bin/python3.11";
/// The package that carries the tables with which gpt-engineer counts tokens, which it would else download.
const TABLES: &str = "litellm==1.106.2";
/// Takes the one table that is needed out of that package, and checks it as gpt-engineer's own library does.
const UNPACK: &str = include_str!("../../clients/gpt-engineer/unpack_tables.py");

/// Tells the story and gives back the storyteller's exit status.
pub fn run(demo: &Demo) -> Result<ExitCode> {
    let clients = build::workspace()?.join("clients");
    let data = clients.join("gpt-engineer");
    let generator = generator(&data)?;
    let built = build::ready()?;
    let suites = build::of_tests(&["gov-demo"])?;
    if !demo.vm && can_enforce_here(&built.programs) {
        return here(&data, &generator, &built.programs, &suites);
    }
    let words = ["gov-demo".into(), "/".into(), data, generator.clone()];
    let command = words.iter().map(|word: &PathBuf| word.display().to_string()).collect();
    let machine = Machine::new(demo.kernel, command);
    vm::run(Machine {
        memory: 2048,
        timeout: 900,
        share: vec![clients, generator],
        programs: suites,
        ..machine
    })
}

/// The folder with gpt-engineer, made at the first call.
fn generator(data: &Path) -> Result<PathBuf> {
    apt::installed(&["python3.11-venv"])?;
    let folder = cache::folder()?.join("gpte");
    let pins = data.join("requirements.txt");
    let recipe = format!("{}\n{TABLES}\n{UNPACK}", fs::read_to_string(&pins)?);
    // A virtual environment knows its own path, so it is made where it will stand, and what the cache makes whole or
    // not at all is the mark that it is complete.
    cache::once("gpte.complete", &recipe, |scratch| make_generator(&folder, &pins, scratch))?;
    Ok(folder)
}

fn make_generator(folder: &Path, pins: &Path, scratch: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    let environment = folder.join("venv");
    process::quiet(Command::new(PYTHON).args(["-m", "venv"]).arg(&environment))?;
    let pip = || {
        let mut pip = Command::new(environment.join("bin/pip"));
        pip.arg("--disable-pip-version-check");
        pip
    };
    process::quiet(pip().args(["install", "--no-deps", "--requirement"]).arg(pins))?;
    process::quiet(pip().args(["download", "--no-deps", "--dest"]).arg(scratch).arg(TABLES))?;
    let tables = folder.join("tiktoken");
    fs::create_dir(&tables)?;
    process::quiet(Command::new(PYTHON).args(["-c", UNPACK]).arg(scratch).arg(&tables))?;
    for entry in fs::read_dir(scratch)? {
        fs::remove_file(entry?.path())?;
    }
    Ok(())
}

/// Whether `gov doctor` finds that this kernel would hold a session to its delegation.
fn can_enforce_here(programs: &[PathBuf]) -> bool {
    let root = rustix::process::geteuid().is_root();
    let doctor = programs.iter().find(|program| program.ends_with("gov"));
    root && doctor.is_some_and(|gov| process::quiet(Command::new(gov).arg("doctor")).is_ok())
}

/// Tells the story on this machine, below a folder that is gone afterwards.
fn here(data: &Path, generator: &Path, programs: &[PathBuf], suites: &[PathBuf]) -> Result<ExitCode> {
    let stage = tempfile::tempdir().context("cannot make a folder for the stage")?;
    let teller =
        suites.iter().find(|program| program.ends_with("gov-demo")).context("no gov-demo was built")?;
    let folders = programs.iter().filter_map(|program| program.parent()).map(Path::to_owned);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(folders.chain(std::env::split_paths(&path)))?;
    let status =
        Command::new(teller).arg(stage.path()).arg(data).arg(generator).env("PATH", path).status()?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

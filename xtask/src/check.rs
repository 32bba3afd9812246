//! `cargo xtask check`: what holds for every file of the workspace, whatever it does.

mod dependencies;
mod layers;
mod sources;
mod verifier;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

use anyhow::Result;

use crate::kernels::Series;
use crate::{build, process};

/// What to check.
#[derive(clap::Args)]
pub struct Check {
    /// Boot kernels and compare what their verifiers count in each program with `gov-ebpf/verifier.toml`
    #[arg(long)]
    verifier: bool,
    /// A kernel to boot; all of them without this option
    #[arg(long, value_enum, requires = "verifier")]
    kernel: Vec<Series>,
    /// Take the counts as they are now as the ones to compare with
    #[arg(long, requires = "verifier")]
    bless: bool,
}

/// How many checks held and how many did not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Score {
    pub passed: usize,
    pub failed: usize,
}

impl Score {
    /// Does one check and prints how it ended.
    pub fn enter(&mut self, name: &str, check: impl FnOnce() -> Result<()>) {
        let start = Instant::now();
        match check() {
            Ok(()) => {
                self.passed += 1;
                println!("ok   {name} ({:.1} s)", start.elapsed().as_secs_f64());
            }
            Err(error) => {
                self.failed += 1;
                println!("FAIL {name}\n{error:#}");
            }
        }
    }
}

/// Does what the command line asks for.
pub fn run(check: &Check) -> Result<ExitCode> {
    let mut score = Score::default();
    if check.verifier {
        let kernels = if check.kernel.is_empty() { &Series::ALL[..] } else { &check.kernel };
        counts(kernels, check.bless, &mut score)?;
    } else {
        everywhere(&mut score)?;
    }
    Ok(if score.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Everything that needs no virtual machine.
pub fn everywhere(score: &mut Score) -> Result<()> {
    let root = build::workspace()?;
    score.enter("formatted", || process::quiet(cargo(&root).args(["fmt", "--all", "--check"])));
    score.enter("no lint speaks", || {
        process::quiet(cargo(&root).args(["clippy", "--quiet", "--all-targets", "--", "-D", "warnings"]))
    });
    for crate_name in ["gov-common", "gov-userspace"] {
        score.enter(&format!("each module of {crate_name} uses only those above it"), || {
            listed(layers::findings(&root.join(crate_name).join("src"))?)
        });
    }
    score.enter("each dependency has one version and its reason", || listed(dependencies::findings(&root)?));
    score.enter("files are short and finished", || listed(sources::findings(&root)?));
    Ok(())
}

/// What each kernel's verifier counts.
pub fn counts(kernels: &[Series], bless: bool, score: &mut Score) -> Result<()> {
    for kernel in kernels {
        let name = format!("the verifier of {} counts what it did", kernel.name());
        score.enter(&name, || verifier::compare(*kernel, bless));
    }
    Ok(())
}

fn cargo(root: &Path) -> Command {
    let mut command = Command::new(process::cargo());
    command.current_dir(root);
    command
}

/// An error that lists what was found, if something was.
fn listed(findings: Vec<String>) -> Result<()> {
    anyhow::ensure!(findings.is_empty(), "{}", findings.join("\n"));
    Ok(())
}

/// The Rust files below a folder, in the order of their paths.
fn rust_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(rust_files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

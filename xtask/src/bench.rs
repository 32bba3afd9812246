//! `cargo xtask bench`: figures, each beside what it is compared with in the same run.

mod aps;

use std::process::{Command, ExitCode};

use anyhow::Result;

use crate::build::{self, OBJECT};
use crate::kernels::Series;
use crate::process;
use crate::vm::{self, Machine};

/// What to measure.
#[derive(clap::Args)]
pub struct Bench {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    /// Guest instructions of an open and close: bare, beside gov, under gov, and under Landlock with the same rules
    Open {
        /// The kernel
        #[arg(long, value_enum, default_value = "6.12")]
        kernel: Series,
    },
    /// Guest instructions of a governed open with one session and with 10,000, of 1,000 rules each, and what a session
    /// and a rule take up; fails when the open with 10,000 costs more than 20 per cent more
    Scale {
        /// The kernel
        #[arg(long, value_enum, default_value = "6.12")]
        kernel: Series,
    },
    /// Nanoseconds of one walk from a file to the root, on this machine, where it lets root load iterators
    Walk,
    /// Receipts a second from ring records to a durable log, and verified, beside hashing and signing each line and
    /// beside APS's own package
    Log {
        /// Have a log of so many lines checked instead, on one thread and on more; it takes 540 bytes a line in target/
        #[arg(long, value_name = "LINES")]
        long: Option<u64>,
    },
}

/// Measures and prints.
pub fn run(bench: &Bench) -> Result<ExitCode> {
    match bench.what {
        What::Open { kernel } => {
            let programs = [build::ready()?.programs, build::of_tests(&["gov-bench-open"])?].concat();
            counted(Machine { programs, ..Machine::new(kernel, vec!["gov-bench-open".to_owned()]) })
        }
        What::Scale { kernel } => {
            let programs = build::of_tests(&["gov-bench-scale"])?;
            // A full map of edges takes 200 MB, and what the daemon keeps of them half as much.
            let memory = 2048;
            counted(Machine { programs, memory, ..Machine::new(kernel, vec!["gov-bench-scale".to_owned()]) })
        }
        What::Walk => {
            let object = build::object()?;
            process::shown(
                cargo(["test", "--release", "--lib", WALK, "--", "--nocapture"])?.env(OBJECT, object),
            )?;
            Ok(ExitCode::SUCCESS)
        }
        What::Log { long } => {
            let arguments = match long {
                Some(lines) => {
                    let target = build::workspace()?.join("target").display().to_string();
                    vec!["--long".to_owned(), lines.to_string(), target]
                }
                None => aps::rates()
                    .map_or_else(Vec::new, |[made, verified]| vec!["--aps".to_owned(), made, verified]),
            };
            process::shown(cargo(["bench", "--profile", "dist", "--bench", "log", "--"])?.args(arguments))?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Runs a machine's command under a clock that counts instructions, and exits as it does.
fn counted(machine: Machine) -> Result<ExitCode> {
    let machine = Machine { count_instructions: true, timeout: 1800, ..machine };
    Ok(ExitCode::from(vm::boot(&machine, &mut std::io::stdout(), &mut std::io::stderr())?))
}

/// The test that compares the walk with /proc and times it.
const WALK: &str = "the_walk_finds_the_path_of_every_file_that_proc_shows";

/// A cargo command on the package that is measured.
fn cargo<const N: usize>(arguments: [&str; N]) -> Result<Command> {
    let mut cargo = Command::new(process::cargo());
    cargo
        .current_dir(build::workspace()?)
        .arg(arguments[0])
        .args(["--quiet", "--package", "gov-userspace"])
        .args(&arguments[1..]);
    Ok(cargo)
}

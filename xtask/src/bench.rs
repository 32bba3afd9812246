//! `cargo xtask bench`: figures, each beside what it is compared with in the same run.

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
    /// Nanoseconds of one walk from a file to the root, on this machine, where it lets root load iterators
    Walk,
    /// Receipts a second from ring records to a durable log, and verified, beside hashing and signing each
    Log,
}

/// Measures and prints.
pub fn run(bench: &Bench) -> Result<ExitCode> {
    match bench.what {
        What::Open { kernel } => {
            let programs = [build::ready()?.programs, build::of_tests(&["gov-bench-open"])?].concat();
            let machine = Machine {
                programs,
                count_instructions: true,
                timeout: 1800,
                ..Machine::new(kernel, vec!["gov-bench-open".to_owned()])
            };
            Ok(ExitCode::from(vm::boot(&machine, &mut std::io::stdout(), &mut std::io::stderr())?))
        }
        What::Walk => {
            let object = build::object()?;
            process::shown(
                cargo(["test", "--release", "--lib", WALK, "--", "--nocapture"])?.env(OBJECT, object),
            )?;
            Ok(ExitCode::SUCCESS)
        }
        What::Log => {
            process::shown(&mut cargo(["bench", "--profile", "dist", "--bench", "log"])?)?;
            Ok(ExitCode::SUCCESS)
        }
    }
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

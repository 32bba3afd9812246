//! `cargo xtask bench`: figures, each beside what it is compared with in the same run.

use std::process::{Command, ExitCode};

use anyhow::Result;

use crate::kernels::Series;
use crate::vm::{self, Machine};
use crate::{build, process};

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
        What::Log => {
            let mut cargo = Command::new(process::cargo());
            cargo.current_dir(build::workspace()?).args([
                "bench",
                "--quiet",
                "--package",
                "gov-userspace",
                "--bench",
                "log",
            ]);
            process::shown(&mut cargo)?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

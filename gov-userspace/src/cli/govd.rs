//! The command line of `govd`, the daemon.

use std::ffi::OsString;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use tracing_subscriber::EnvFilter;

use super::failure;
use super::out::print;
use super::{Exit, Failure};
use crate::config::{Config, DEFAULT_FILE};
use crate::daemon::{self, DaemonError, Leftovers};
use crate::kernel;

/// Holds governed tasks to their delegations, and keeps the evidence.
#[derive(Parser, Debug)]
#[command(name = "govd", version, max_term_width = 100)]
#[command(after_help = "The configuration is described in docs/configuration.md; GOV_LOG filters the log.")]
struct Args {
    /// Read this configuration.
    #[arg(long, value_name = "FILE", help = format!("Read this configuration instead of {DEFAULT_FILE}"))]
    config: Option<PathBuf>,
    /// Logs, keys and temporary folders, instead of the configuration's `state`.
    #[arg(long, value_name = "DIR", env = "GOV_STATE")]
    state: Option<PathBuf>,
    /// Stay in the foreground; this is what it always does.
    #[arg(long)]
    foreground: bool,
    /// Load and try the programs, say what would be enforced, and exit.
    #[arg(long)]
    check: bool,
    /// End the sessions of a daemon that is gone instead of going on with them.
    #[arg(long, conflicts_with = "check")]
    end_leftovers: bool,
    /// Load the programs and print each one's count of instructions that the verifier went through.
    #[arg(long, conflicts_with = "check")]
    verifier_counts: bool,
}

/// Runs `govd` with these arguments (the program's name first) and returns the status to exit with.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args = match Args::try_parse_from(arguments) {
        Ok(args) => args,
        Err(error) => return failure::usage(&error),
    };
    let filter = EnvFilter::try_from_env("GOV_LOG").unwrap_or_else(|_unset| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false)
        .with_ansi(std::io::stderr().is_terminal())
        // Said where else than on standard error, which just failed? Saying it there would be a panic.
        .log_internal_errors(false)
        .init();
    failure::finish("govd", run(args))
}

fn run(args: Args) -> Result<Exit, Failure> {
    let config = Config::read(args.config.as_deref())
        .map_err(|error| {
            Failure::because(Exit::Usage, "the configuration", &error)
                .remedy("docs/configuration.md lists every key")
        })?
        .with_state(args.state);
    if args.verifier_counts {
        return print_verifier_counts();
    }
    if args.check {
        let enforcement = daemon::check(&config).map_err(|error| stopped(&error))?;
        print(&format!("{}\n", enforcement.in_words()))?;
        return Ok(Exit::Success);
    }
    let leftovers = if args.end_leftovers { Leftovers::End } else { Leftovers::GoOn };
    daemon::serve(config, leftovers).map_err(|error| stopped(&error))?;
    Ok(Exit::Success)
}

fn stopped(error: &DaemonError) -> Failure {
    match error {
        DaemonError::CannotEnforce(cause) => Failure::because(Exit::CannotEnforce, "this host", cause)
            .remedy("`gov doctor` says what mends it"),
        DaemonError::NotRoot => Failure::new(Exit::CannotEnforce, "this user", error)
            .remedy("start it as root: `sudo govd`, or `systemctl start govd`"),
        DaemonError::Start(cause) => Failure::new(Exit::Failed, "the daemon", format!("{cause:#}")),
    }
}

/// One line a program: its count of instructions and its hook.
fn print_verifier_counts() -> Result<Exit, Failure> {
    let counts = kernel::verifier_counts().map_err(|error| stopped(&DaemonError::CannotEnforce(error)))?;
    let lines: String = counts.iter().map(|(hook, count)| format!("{count:>8} {hook}\n")).collect();
    print(&lines)?;
    Ok(Exit::Success)
}

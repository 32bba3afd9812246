//! The command line of `gov`: reads the arguments, calls one subcommand, turns its outcome into an exit status.
//!
//! Each subcommand is a file of its own: an `Args` for clap and a `run` that returns an [`Exit`] or a [`Failure`].

mod audit;
mod completions;
mod delegation;
mod evidence;
mod failure;
mod keys;
mod man;
mod receipts;
mod shown;
mod terms;
mod verify;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

pub use failure::{Exit, Failure};

/// Holds AI code generators to a signed delegation, in the kernel.
#[derive(Parser, Debug)]
#[command(name = "gov", version, propagate_version = true, max_term_width = 100)]
#[command(after_help = "Exit statuses are listed in docs/exit-codes.md.")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// One variant a subcommand, in the order in which a user meets them.
#[derive(Subcommand, Debug)]
enum Command {
    /// Make, sign, explain and check delegations.
    Delegation(delegation::Args),
    /// Show and enrol keys.
    Keys(keys::Args),
    /// Report what a session did, what was refused and why, and what of it is proved.
    Audit(audit::Args),
    /// Check a log, or one receipt of it, with nothing but the files and a public key.
    Verify(verify::Args),
    /// List a session's receipts, or hand one on with its proof.
    Receipts(receipts::Args),
    /// Print the completion script of a shell.
    Completions(completions::Args),
    /// Write the man pages into a folder.
    Man(man::Args),
}

/// Runs `gov` with these arguments (the program's name first) and returns the status to exit with.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => return failure::usage(&error),
    };
    let outcome = match cli.command {
        Command::Delegation(args) => delegation::run(&args),
        Command::Keys(args) => keys::run(&args),
        Command::Audit(args) => audit::run(&args),
        Command::Verify(args) => verify::run(&args),
        Command::Receipts(args) => receipts::run(&args),
        Command::Completions(args) => completions::run(&args),
        Command::Man(args) => man::run(&args),
    };
    failure::finish("gov", outcome)
}

/// The whole command line, as completions and man pages describe it.
fn definition() -> clap::Command {
    Cli::command()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_command_line_is_consistent() {
        super::definition().debug_assert();
    }
}

//! The command line of `gov`: reads the arguments, calls one subcommand, turns its outcome into an exit status.
//!
//! Each subcommand is a file of its own: an `Args` for clap and a `run` that returns an [`Exit`] or a [`Failure`].

mod audit;
mod bar;
mod completions;
mod daemon;
mod delegation;
mod doctor;
mod end;
mod evidence;
mod exec;
mod failure;
pub mod govd;
mod keys;
mod man;
mod out;
mod prove;
mod ps;
mod receipts;
mod run;
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
    /// Run a command under a signed delegation; within a session, under one that narrows the session's own.
    Run(run::Args),
    /// List the sessions.
    Ps(ps::Args),
    /// End a session.
    End(end::Args),
    /// Make, sign, explain and check delegations.
    Delegation(delegation::Args),
    /// Show and enrol keys.
    Keys(keys::Args),
    /// Report what a session did, what was refused and why, and what of it is proved.
    Audit(audit::Args),
    /// Check a log, one receipt of it or its growth, with nothing but the files and a public key.
    Verify(verify::Args),
    /// List a session's receipts, or hand one on, or the log's growth, with its proof.
    Receipts(receipts::Args),
    /// Tell what this host can enforce, and the line that mends each lack.
    Doctor(doctor::Args),
    /// Print the completion script of a shell.
    Completions(completions::Args),
    /// Write the man pages into a folder.
    Man(man::Args),
    /// Wait for the daemon, then execute the command of `gov run`.
    #[command(name = "__exec", hide = true)]
    Exec(exec::Args),
}

/// Runs `gov` with these arguments (the program's name first) and returns the status to exit with.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => return failure::usage(&error),
    };
    let outcome = match cli.command {
        Command::Run(args) => run::run(&args),
        Command::Ps(args) => ps::run(&args),
        Command::End(args) => end::run(&args),
        Command::Delegation(args) => delegation::run(&args),
        Command::Keys(args) => keys::run(&args),
        Command::Audit(args) => audit::run(&args),
        Command::Verify(args) => verify::run(&args),
        Command::Receipts(args) => receipts::run(&args),
        Command::Doctor(args) => doctor::run(&args),
        Command::Exec(args) => exec::run(&args),
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

//! `gov completions SHELL`: prints the completion script of a shell.

use std::io::Write;

use super::{Exit, Failure, definition};

/// Arguments of `gov completions`.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// The shell to write for.
    shell: clap_complete::Shell,
}

/// Prints the script to standard output.
pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut definition(), "gov", &mut script);
    std::io::stdout()
        .write_all(&script)
        .map_err(|error| Failure::because(Exit::Failed, "standard output", &error))?;
    Ok(Exit::Success)
}

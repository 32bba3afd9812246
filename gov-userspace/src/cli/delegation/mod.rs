//! `gov delegation`: makes, signs, explains and checks delegations.

mod make;
mod meaning;
mod show;
mod verify;

use std::path::PathBuf;

use super::terms::input;
use super::{Exit, Failure};
use crate::delegation::{DelegationError, Unverified};

/// Arguments of `gov delegation`.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

/// What to do with a delegation.
#[derive(clap::Subcommand, Debug)]
enum Verb {
    /// Make a delegation and sign it with your key.
    New(make::New),
    /// Sign a delegation that was made with `new --unsigned`, or by other software.
    Sign(make::Sign),
    /// Explain what a delegation allows.
    Show(show::Show),
    /// Check the signatures, the time and the chain of a delegation.
    Verify(verify::Verify),
}

/// Does what was asked.
pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    match &args.verb {
        Verb::New(new) => new.run(),
        Verb::Sign(sign) => sign.run(),
        Verb::Show(show) => show.run(),
        Verb::Verify(verify) => verify.run(),
    }
}

/// Files of one chain, from its root on.
#[derive(clap::Args, Debug)]
struct Chain {
    /// The delegation; for a chain every file of it, from the root on. `-` reads standard input.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

impl Chain {
    fn read(&self) -> Result<Vec<Unverified>, Failure> {
        self.files
            .iter()
            .map(|path| {
                Unverified::parse(&input(path)?).map_err(|error| refused(&path.display().to_string(), &error))
            })
            .collect()
    }
}

/// A delegation that was looked at and is none, or does not hold.
fn refused(what: &str, error: &DelegationError) -> Failure {
    Failure::because(Exit::DoesNotHold, format!("`{what}`"), error)
}

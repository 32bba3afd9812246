//! `gov man DIR`: writes a man page for `gov` and for each subcommand.

use std::path::PathBuf;

use super::{Exit, Failure, definition};

/// Arguments of `gov man`.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// The folder to write into; it must exist.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

/// Writes `gov.1`, `gov-run.1` and so on.
pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    clap_mangen::generate_to(definition(), &args.folder).map_err(|error| {
        Failure::because(Exit::Failed, format!("`{}`", args.folder.display()), &error)
            .remedy("name a folder that exists and that you may write to")
    })?;
    Ok(Exit::Success)
}

//! `gov keys`: the user's key, the keys that this host trusts, and the daemon's key that signs logs.

mod export;
mod list;
mod rotate;
mod trust;

use std::path::PathBuf;

use super::out::print;
use super::terms::Signer;
use super::{Exit, Failure};
use crate::keystore::KeystoreError;
use crate::trust::FOLDER;

/// Arguments of `gov keys`.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

/// What to do with keys.
#[derive(clap::Subcommand, Debug)]
enum Verb {
    /// Make your own key, if you have none, and print its public half.
    New(Signer),
    /// List your own key, the keys that this host trusts, and the daemon's.
    List(list::List),
    /// Let a key's delegations count on this host (as root).
    Trust(trust::Trust),
    /// Have a new key follow your own, or the daemon's; the old one signs that it does.
    Rotate(rotate::Rotate),
    /// Have this host's TPM seal the daemon's key, so that no copy of the disk holds it (as root).
    Seal(rotate::Seal),
    /// Print a public key, or the rotations that led to it, to be enrolled or verified with elsewhere.
    Export(export::Export),
}

/// Where things are, if not where they usually are.
#[derive(clap::Args, Debug)]
struct Places {
    /// The folder of trusted keys.
    #[arg(long, value_name = "FOLDER", default_value = FOLDER, env = "GOV_TRUST", hide_short_help = true)]
    trust: PathBuf,
    /// The daemon's state.
    #[arg(
        long,
        value_name = "FOLDER",
        default_value = "/var/lib/gov",
        env = "GOV_STATE",
        hide_short_help = true
    )]
    state: PathBuf,
}

/// Does what was asked.
pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    match &args.verb {
        Verb::New(signer) => new(signer),
        Verb::List(list) => list.run(),
        Verb::Trust(trust) => trust.run(),
        Verb::Rotate(rotate) => rotate.run(),
        Verb::Seal(seal) => seal.run(),
        Verb::Export(export) => export.run(),
    }
}

fn new(signer: &Signer) -> Result<Exit, Failure> {
    print(&format!("{}\n", signer.key()?.public()))?;
    Ok(Exit::Success)
}

fn own_key(error: &KeystoreError) -> Failure {
    Failure::because(Exit::AuthorityRefused, "your key", error)
}

fn log_key(error: &KeystoreError) -> Failure {
    Failure::because(Exit::Unknown, "the key that signs logs", error)
}

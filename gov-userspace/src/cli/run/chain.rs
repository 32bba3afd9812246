//! The authority of a `gov run`: delegations that others signed, or one that is made and signed here.

use std::path::PathBuf;

use jiff::Timestamp;

use crate::cli::terms::{Signer, Terms, input};
use crate::cli::{Exit, Failure};
use crate::delegation;

/// Whose authority a command runs on.
#[derive(clap::Args, Debug)]
pub(super) struct Authority {
    #[command(flatten)]
    terms: Terms,
    #[command(flatten)]
    signer: Signer,
    /// A signed delegation instead of the terms above; for a chain, every file from its root on.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    #[arg(conflicts_with_all = ["scopes", "profiles", "spend_limit", "expires", "max_depth"])]
    delegation: Vec<PathBuf>,
}

impl Authority {
    /// The chain of signed delegations, from its root on.
    pub(super) fn chain(&self) -> Result<Vec<String>, Failure> {
        if self.delegation.is_empty() {
            return Ok(vec![self.sign()?]);
        }
        self.delegation.iter().map(|path| text(input(path)?)).collect()
    }

    /// One path through the code for everybody: what the command line grants is a delegation too, of the user's
    /// own key.
    fn sign(&self) -> Result<String, Failure> {
        let request = self.terms.request(None)?;
        let bytes = delegation::request(&request, &self.signer.key()?, Timestamp::now())
            .map_err(|error| Failure::because(Exit::Usage, "the delegation", &error))?;
        text(bytes)
    }
}

fn text(bytes: Vec<u8>) -> Result<String, Failure> {
    String::from_utf8(bytes).map_err(|_not_text| {
        Failure::new(Exit::AuthorityRefused, "the delegation", "it is not UTF-8").remedy("take the original")
    })
}

//! `gov delegation new` and `gov delegation sign`.

use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::super::terms::{Signer, Terms, input, output, public_key, usage};
use super::super::{Exit, Failure};
use super::refused;
use crate::delegation::{body, request, sign};
use crate::json;
use crate::key::Public;

#[derive(clap::Args, Debug)]
pub(super) struct New {
    #[command(flatten)]
    terms: Terms,
    #[command(flatten)]
    signer: Signer,
    /// Who receives it, in hexadecimal or as did:key; you yourself by default.
    #[arg(long, value_name = "KEY", value_parser = public_key)]
    to: Option<Public>,
    /// Do not sign it: it is to be signed by this key, elsewhere.
    #[arg(long, value_name = "KEY", value_parser = public_key)]
    unsigned: Option<Public>,
    /// Write it to this new file instead of standard output.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl New {
    pub(super) fn run(&self) -> Result<Exit, Failure> {
        let asked = self.terms.request(self.to)?;
        let now = Timestamp::now();
        let bytes = match self.unsigned {
            Some(issuer) => body(&asked, issuer, now).and_then(|body| Ok(json::canonical(&body)?)),
            None => request(&asked, &self.signer.key()?, now),
        };
        write(self.output.as_deref(), bytes.map_err(|error| usage("the delegation", &error))?)
    }
}

#[derive(clap::Args, Debug)]
pub(super) struct Sign {
    /// The delegation without id and signature; `-` reads standard input.
    file: PathBuf,
    #[command(flatten)]
    signer: Signer,
    /// Write it to this new file instead of standard output.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Sign {
    pub(super) fn run(&self) -> Result<Exit, Failure> {
        let name = self.file.display().to_string();
        let body = json::parse(&input(&self.file)?).map_err(|error| refused(&name, &error.into()))?;
        let bytes = sign(body, &self.signer.key()?).map_err(|error| refused(&name, &error))?;
        write(self.output.as_deref(), bytes)
    }
}

fn write(path: Option<&Path>, bytes: Vec<u8>) -> Result<Exit, Failure> {
    let text =
        String::from_utf8(bytes).map_err(|error| Failure::because(Exit::Failed, "the delegation", &error))?;
    output(path, &(text + "\n"))?;
    Ok(Exit::Success)
}

//! `gov keys export`: the public half of a key, and how it came to follow those before it. Never a secret.

use serde_json::json;

use super::{Places, log_key, own_key};
use crate::cli::out::{self, print};
use crate::cli::{Exit, Failure};
use crate::key::Public;
use crate::keystore;
use crate::rotation::Chain;

#[derive(clap::Args, Debug)]
pub(super) struct Export {
    /// The daemon's key that signs logs, instead of your own.
    #[arg(long)]
    log: bool,
    /// Print it as did:key.
    #[arg(long)]
    did: bool,
    /// Print the rotations that led to it instead, each signed by the key that gave way: a line with a JSON text each.
    #[arg(long, conflicts_with = "did")]
    chain: bool,
    /// Print key, did:key and rotations as JSON.
    #[arg(long, conflicts_with_all = ["did", "chain"])]
    json: bool,
    #[command(flatten)]
    places: Places,
}

impl Export {
    pub(super) fn run(&self) -> Result<Exit, Failure> {
        let (key, chain) = if self.log { self.of_log()? } else { own()? };
        if self.chain {
            if chain.links().is_empty() {
                return Err(Failure::new(Exit::Unknown, "the rotations", "the key was never rotated")
                    .remedy("without `--chain` its public half is printed"));
            }
            print(&chain.text())?;
        } else if self.json {
            let chain: Vec<&str> = chain.links().iter().map(|link| link.note()).collect();
            let all = json!({ "key": key.to_string(), "did": key.did(), "chain": chain });
            print(&out::json("the key", &all)?)?;
        } else {
            print(&format!("{}\n", if self.did { key.did() } else { key.to_string() }))?;
        }
        Ok(Exit::Success)
    }

    fn of_log(&self) -> Result<(Public, Chain), Failure> {
        let key = keystore::log_public(&self.places.state).map_err(|error| log_key(&error))?;
        let chain = keystore::log_chain(&self.places.state).map_err(|error| log_key(&error))?;
        Ok((key.ok_or_else(|| missing("the daemon makes one when it starts"))?, chain))
    }
}

fn own() -> Result<(Public, Chain), Failure> {
    let key = keystore::existing_user_key().map_err(|error| own_key(&error))?;
    let chain = keystore::user_chain().map_err(|error| own_key(&error))?;
    Ok((key.ok_or_else(|| missing("`gov keys new` makes one"))?.public(), chain))
}

fn missing(remedy: &str) -> Failure {
    Failure::new(Exit::Unknown, "the key", "there is none yet").remedy(remedy)
}

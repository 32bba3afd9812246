//! The authority of a `gov run`: delegations that others signed, or one that is made and signed here.

use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;

use super::agent::{self, Agent};
use crate::cli::terms::{Signer, Terms, input};
use crate::cli::{Exit, Failure};
use crate::delegation::{self, DelegationError};
use crate::key::Secret;

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

/// The authority, ready to be used.
pub(super) struct Chain {
    /// The signed delegations, from their root on.
    pub(super) delegations: Vec<String>,
    /// Who may delegate on, if the last of them was made here and may be.
    pub(super) agent: Option<Agent>,
}

impl Authority {
    /// The chain of signed delegations.
    pub(super) fn chain(&self) -> Result<Chain, Failure> {
        if !self.delegation.is_empty() {
            let delegations =
                self.delegation.iter().map(|path| text(input(path)?)).collect::<Result<_, _>>()?;
            return Ok(Chain { delegations, agent: None });
        }
        let key = match self.terms.max_depth {
            0 => None,
            _deeper => Some(Secret::generate().map_err(|error| failed(&error.into()))?),
        };
        let delegations = match (Agent::here()?, std::env::var_os(agent::SESSION)) {
            (Some(agent), _) => self.narrow(agent, key.as_ref())?,
            (None, None) => vec![self.sign(key.as_ref())?],
            (None, Some(session)) => {
                let what = format!("the session `{}`", session.display());
                return Err(Failure::new(Exit::AuthorityRefused, what, "it may not delegate on what it has")
                    .remedy("start it with `--max-depth 1` or more"));
            }
        };
        let agent = key.map(|key| Agent { key, chain: delegations.clone() });
        Ok(Chain { delegations, agent })
    }

    /// One path through the code for everybody: what the command line grants is a delegation too, of the user's
    /// own key.
    fn sign(&self, to: Option<&Secret>) -> Result<String, Failure> {
        let request = self.terms.request(to.map(Secret::public))?;
        let bytes = delegation::request(&request, &self.signer.key()?, Timestamp::now());
        text(bytes.map_err(|error| failed(&error))?)
    }

    /// Within a session, one of the session's key is added to the session's chain. Whether it is narrower, the
    /// daemon's verifier says.
    fn narrow(&self, agent: Agent, to: Option<&Secret>) -> Result<Vec<String>, Failure> {
        let now = Timestamp::now();
        let parent = agent.delegation()?;
        let rest = Duration::try_from(parent.not_after.duration_since(now)).unwrap_or_default();
        if rest.is_zero() {
            let error = DelegationError::Expired(parent.not_after);
            return Err(Failure::because(Exit::AuthorityRefused, "the session's delegation", &error));
        }
        let request = self.terms.lasting(rest, to.map(Secret::public))?;
        let bytes = delegation::child(&request, &parent, &agent.key, now);
        let mut chain = agent.chain;
        chain.push(text(bytes.map_err(|error| failed(&error))?)?);
        Ok(chain)
    }
}

fn failed(error: &DelegationError) -> Failure {
    Failure::because(Exit::Usage, "the delegation", error)
}

fn text(bytes: Vec<u8>) -> Result<String, Failure> {
    String::from_utf8(bytes).map_err(|_not_text| {
        Failure::new(Exit::AuthorityRefused, "the delegation", "it is not UTF-8").remedy("take the original")
    })
}

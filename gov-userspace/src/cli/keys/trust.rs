//! `gov keys trust`: lets a key's delegations count on this host, by itself or in another key's place.

use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::Places;
use crate::accounts::Accounts;
use crate::cli::terms::public_key;
use crate::cli::{Exit, Failure, evidence};
use crate::guarded::ROOT;
use crate::key::Public;
use crate::money::Money;
use crate::rotation::{Chain, Purpose};
use crate::scope::Scope;
use crate::trust::{Enrolment, TrustError, succeed};

#[derive(clap::Args, Debug)]
pub(super) struct Trust {
    /// The key, in hexadecimal or as did:key.
    #[arg(value_parser = public_key, required_unless_present = "continuity")]
    key: Option<Public>,
    /// Let the key that these rotations lead to stand in the place of one that is trusted, with the same users and limits:
    /// a file that `gov keys export --chain` wrote, which the old key signed. Ask the key's owner whether it is the right one.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["key", "users", "scopes", "max_spend"])]
    continuity: Option<PathBuf>,
    /// A local user who may use its delegations, by name or number, or `*` for everyone.
    #[arg(long = "user", value_name = "NAME", required_unless_present = "continuity")]
    users: Vec<String>,
    /// Let it grant this and what lies within; anything by default.
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<Scope>,
    /// Let each of its delegations spend at most this, for example `150usd`; any amount by default.
    #[arg(long, value_name = "AMOUNT")]
    max_spend: Option<Money>,
    #[command(flatten)]
    places: Places,
}

impl Trust {
    pub(super) fn run(&self) -> Result<Exit, Failure> {
        let path = match (&self.continuity, self.key) {
            (Some(file), _) => self.succeed(file)?,
            (None, Some(key)) => self.enrol(key)?,
            (None, None) => return Err(Failure::new(Exit::Usage, "the key", "none is named")),
        };
        anstream::eprintln!("gov: trusted from now on: `{}`", path.display());
        Ok(Exit::Success)
    }

    fn enrol(&self, key: Public) -> Result<PathBuf, Failure> {
        let accounts =
            Accounts::read().map_err(|error| Failure::because(Exit::Failed, "the users", &error))?;
        let enrolment = Enrolment {
            key,
            users: self.users.clone(),
            scopes: self.scopes.clone(),
            max_spend: self.max_spend,
        };
        let words = || format!("{key} --user {}", self.users.join(" --user "));
        let written = enrolment.write(&self.places.trust, ROOT, &accounts);
        written.map_err(|error| failed(format!("key {key}"), &words(), &error))
    }

    fn succeed(&self, file: &Path) -> Result<PathBuf, Failure> {
        let what = format!("`{}`", file.display());
        let text = evidence::note(file)?;
        let chain = Chain::parse(&text, Purpose::User)
            .map_err(|error| Failure::because(Exit::AuthorityRefused, &what, &error))?;
        let succeeded = succeed(&self.places.trust, ROOT, &chain, Timestamp::now());
        succeeded.map_err(|error| failed(what, &format!("--continuity {}", file.display()), &error))
    }
}

fn failed(what: String, words: &str, error: &TrustError) -> Failure {
    match error {
        TrustError::Succession(_) => Failure::because(Exit::AuthorityRefused, what, error),
        TrustError::File { .. } => Failure::because(Exit::Usage, what, error),
        _ if !rustix::process::geteuid().is_root() => {
            let remedy = format!("only root can trust a key: `sudo gov keys trust {words}`");
            Failure::because(Exit::Failed, what, error).remedy(remedy)
        }
        _ => Failure::because(Exit::Failed, what, error),
    }
}

//! `gov keys`: the user's key, the keys that this host trusts, and the daemon's key that signs logs.

use std::path::PathBuf;

use serde_json::json;

use super::out::{self, print};
use super::terms::{Signer, public_key};
use super::{Exit, Failure};
use crate::accounts::Accounts;
use crate::guarded::ROOT;
use crate::key::Public;
use crate::keystore::{self, KeystoreError};
use crate::money::Money;
use crate::scope::Scope;
use crate::trust::{self, Enrolment, Scopes, TrustError, TrustRoot, TrustRoots, Users};

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
    List(List),
    /// Let a key's delegations count on this host (as root).
    Trust(Trust),
    /// Print a public key, to be enrolled or verified with elsewhere.
    Export(Export),
}

#[derive(clap::Args, Debug)]
struct List {
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    places: Places,
}

#[derive(clap::Args, Debug)]
struct Trust {
    /// The key, in hexadecimal or as did:key.
    #[arg(value_parser = public_key)]
    key: Public,
    /// A local user who may use its delegations, by name or number, or `*` for everyone.
    #[arg(long = "user", value_name = "NAME", required = true)]
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

#[derive(clap::Args, Debug)]
struct Export {
    /// The daemon's key that signs logs, instead of your own.
    #[arg(long)]
    log: bool,
    /// Print it as did:key.
    #[arg(long)]
    did: bool,
    #[command(flatten)]
    places: Places,
}

/// Where things are, if not where they usually are.
#[derive(clap::Args, Debug)]
struct Places {
    /// The folder of trusted keys.
    #[arg(long, value_name = "FOLDER", default_value = trust::FOLDER, env = "GOV_TRUST", hide_short_help = true)]
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
        Verb::Export(export) => export.run(),
    }
}

fn new(signer: &Signer) -> Result<Exit, Failure> {
    print(&format!("{}\n", signer.key()?.public()))?;
    Ok(Exit::Success)
}

impl List {
    fn run(&self) -> Result<Exit, Failure> {
        let own = keystore::existing_user_key().map_err(|error| own_key(&error))?.map(|key| key.public());
        let log = keystore::log_public(&self.places.state).map_err(|error| log_key(&error))?;
        let trust = TrustRoots::load(&self.places.trust, ROOT)
            .map_err(|error| Failure::because(Exit::Unknown, "the trusted keys", &error))?;
        let text = if self.json { as_json(own, log, &trust)? } else { as_text(own, log, &trust) };
        print(&text)?;
        Ok(Exit::Success)
    }
}

fn as_json(own: Option<Public>, log: Option<Public>, trust: &TrustRoots) -> Result<String, Failure> {
    let roots = trust.roots.iter().map(|root| {
        json!({
            "name": root.name,
            "key": root.key.to_string(),
            "users": users(root),
            "scopes": scopes(root),
            "max_spend": root.max_spend.map(|limit| limit.to_string()),
            "revoked": root.revoked,
        })
    });
    let list = json!({
        "own": own.map(|key| key.to_string()),
        "log": log.map(|key| key.to_string()),
        "trusted": roots.collect::<Vec<_>>(),
        "refused": trust.refused.iter().map(ToString::to_string).collect::<Vec<_>>(),
    });
    out::json("the keys", &list)
}

fn as_text(own: Option<Public>, log: Option<Public>, trust: &TrustRoots) -> String {
    let written =
        |key: Option<Public>, none: &str| key.map_or_else(|| none.to_owned(), |key| key.to_string());
    let mut text = format!(
        "your own   {}\nlogs       {}\n",
        written(own, "none yet: `gov keys new` makes one"),
        written(log, "none yet: the daemon makes one when it starts"),
    );
    if trust.roots.is_empty() {
        text.push_str("trusted    none: `sudo gov keys trust KEY --user NAME` pins one\n");
    }
    for root in &trust.roots {
        let limit =
            root.max_spend.map_or_else(|| "any amount".to_owned(), |limit| format!("at most {limit}"));
        text.push_str(&format!("trusted    {}  {}\n", root.key, root.name));
        text.push_str(&format!("             users {}; spend {limit}\n", users(root).join(", ")));
        text.push_str(&format!("             scopes {}\n", scopes(root).join(", ")));
        for id in &root.revoked {
            text.push_str(&format!("             revoked {id}\n"));
        }
    }
    for refused in &trust.refused {
        text.push_str(&format!("refused    {refused}\n"));
    }
    text
}

fn users(root: &TrustRoot) -> Vec<String> {
    match &root.users {
        Users::Everyone => vec!["*".to_owned()],
        Users::These(uids) => uids.iter().map(|uid| trust::user_name(*uid)).collect(),
    }
}

fn scopes(root: &TrustRoot) -> Vec<String> {
    match &root.scopes {
        Scopes::Everything => vec!["*".to_owned()],
        Scopes::Within(scopes) => scopes.iter().map(Scope::to_string).collect(),
    }
}

impl Trust {
    fn run(&self) -> Result<Exit, Failure> {
        let accounts =
            Accounts::read().map_err(|error| Failure::because(Exit::Failed, "the users", &error))?;
        let enrolment = Enrolment {
            key: self.key,
            users: self.users.clone(),
            scopes: self.scopes.clone(),
            max_spend: self.max_spend,
        };
        let path =
            enrolment.write(&self.places.trust, ROOT, &accounts).map_err(|error| self.failed(&error))?;
        anstream::eprintln!("gov: trusted from now on: `{}`", path.display());
        Ok(Exit::Success)
    }

    fn failed(&self, error: &TrustError) -> Failure {
        let what = format!("key {}", self.key);
        match error {
            TrustError::File { .. } => Failure::because(Exit::Usage, what, error),
            _ if !rustix::process::geteuid().is_root() => {
                let users = self.users.join(" --user ");
                let remedy =
                    format!("only root can trust a key: `sudo gov keys trust {} --user {users}`", self.key);
                Failure::because(Exit::Failed, what, error).remedy(remedy)
            }
            _ => Failure::because(Exit::Failed, what, error),
        }
    }
}

impl Export {
    fn run(&self) -> Result<Exit, Failure> {
        let (key, missing) = if self.log {
            let key = keystore::log_public(&self.places.state).map_err(|error| log_key(&error))?;
            (key, "the daemon makes one when it starts")
        } else {
            let key = keystore::existing_user_key().map_err(|error| own_key(&error))?;
            (key.map(|secret| secret.public()), "`gov keys new` makes one")
        };
        let missing = || Failure::new(Exit::Unknown, "the key", "there is none yet").remedy(missing);
        let key = key.ok_or_else(missing)?;
        print(&format!("{}\n", if self.did { key.did() } else { key.to_string() }))?;
        Ok(Exit::Success)
    }
}

fn own_key(error: &KeystoreError) -> Failure {
    Failure::because(Exit::AuthorityRefused, "your key", error)
}

fn log_key(error: &KeystoreError) -> Failure {
    Failure::because(Exit::Unknown, "the key that signs logs", error)
}

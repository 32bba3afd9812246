//! `gov keys list`: every key that this host knows, and those before it.

use serde_json::{Value, json};

use super::{Places, log_key, own_key};
use crate::cli::out::{self, print};
use crate::cli::{Exit, Failure};
use crate::delegation::written;
use crate::guarded::ROOT;
use crate::key::Public;
use crate::keystore;
use crate::rotation::Chain;
use crate::scope::Scope;
use crate::trust::{Scopes, TrustRoot, TrustRoots, Users, user_name};

#[derive(clap::Args, Debug)]
pub(super) struct List {
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    places: Places,
}

impl List {
    pub(super) fn run(&self) -> Result<Exit, Failure> {
        let own = keystore::existing_user_key().map_err(|error| own_key(&error))?.map(|key| key.public());
        let log = keystore::log_public(&self.places.state).map_err(|error| log_key(&error))?;
        let trust = TrustRoots::load(&self.places.trust, ROOT)
            .map_err(|error| Failure::because(Exit::Unknown, "the trusted keys", &error))?;
        let own = Line { key: own, past: keystore::user_chain().map_err(|error| own_key(&error))? };
        let past = keystore::log_chain(&self.places.state).map_err(|error| log_key(&error))?;
        let log = Line { key: log, past };
        let text = if self.json { as_json(&own, &log, &trust)? } else { self.as_text(&own, &log, &trust) };
        print(&text)?;
        Ok(Exit::Success)
    }

    fn as_text(&self, own: &Line, log: &Line, trust: &TrustRoots) -> String {
        let mut text = String::new();
        let kept = |key| {
            if keystore::is_kept(&self.places.state, key) { ", kept for logs that it began" } else { "" }
        };
        own.write("your own", "none yet: `gov keys new` makes one", &|_gone| "", &mut text);
        log.write("logs", "none yet: the daemon makes one when it starts", &kept, &mut text);
        write_trust(trust, &mut text);
        text
    }
}

/// A key, and those before it.
struct Line {
    key: Option<Public>,
    past: Chain,
}

impl Line {
    fn write(&self, what: &str, none: &str, kept: &dyn Fn(Public) -> &'static str, text: &mut String) {
        let key = self.key.map_or_else(|| none.to_owned(), |key| key.to_string());
        text.push_str(&format!("{what:<11}{key}\n"));
        for link in self.past.links().iter().rev() {
            text.push_str(&format!("  rotated  {}  at {}{}\n", link.old, link.when(), kept(link.old)));
        }
    }

    fn rotated(&self) -> Vec<Value> {
        let links = self.past.links().iter();
        links
            .map(|link| json!({ "key": link.old.to_string(), "to": link.new.to_string(), "at": link.when() }))
            .collect()
    }
}

fn as_json(own: &Line, log: &Line, trust: &TrustRoots) -> Result<String, Failure> {
    let roots = trust.roots.iter().map(|root| {
        json!({
            "name": root.name,
            "key": root.key.to_string(),
            "users": users(root),
            "scopes": scopes(root),
            "max_spend": root.max_spend.map(|limit| limit.to_string()),
            "revoked": root.revoked,
            "rotated_to": root.rotated.map(|rotated| rotated.to.to_string()),
            "rotated_at": root.rotated.map(|rotated| written(rotated.at)),
        })
    });
    let list = json!({
        "own": own.key.map(|key| key.to_string()),
        "own_rotated": own.rotated(),
        "log": log.key.map(|key| key.to_string()),
        "log_rotated": log.rotated(),
        "trusted": roots.collect::<Vec<_>>(),
        "refused": trust.refused.iter().map(ToString::to_string).collect::<Vec<_>>(),
    });
    out::json("the keys", &list)
}

fn write_trust(trust: &TrustRoots, text: &mut String) {
    if trust.roots.is_empty() {
        text.push_str("trusted    none: `sudo gov keys trust KEY --user NAME` pins one\n");
    }
    for root in &trust.roots {
        let limit =
            root.max_spend.map_or_else(|| "any amount".to_owned(), |limit| format!("at most {limit}"));
        text.push_str(&format!("trusted    {}  {}\n", root.key, root.name));
        text.push_str(&format!("             users {}; spend {limit}\n", users(root).join(", ")));
        text.push_str(&format!("             scopes {}\n", scopes(root).join(", ")));
        if let Some(rotated) = root.rotated {
            text.push_str(&format!("             rotated at {} to {}\n", written(rotated.at), rotated.to));
        }
        for id in &root.revoked {
            text.push_str(&format!("             revoked {id}\n"));
        }
    }
    for refused in &trust.refused {
        text.push_str(&format!("refused    {refused}\n"));
    }
}

fn users(root: &TrustRoot) -> Vec<String> {
    match &root.users {
        Users::Everyone => vec!["*".to_owned()],
        Users::These(uids) => uids.iter().map(|uid| user_name(*uid)).collect(),
    }
}

fn scopes(root: &TrustRoot) -> Vec<String> {
    match &root.scopes {
        Scopes::Everything => vec!["*".to_owned()],
        Scopes::Within(scopes) => scopes.iter().map(Scope::to_string).collect(),
    }
}

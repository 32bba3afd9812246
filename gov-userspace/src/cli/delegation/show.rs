//! `gov delegation show`: explains a delegation to a person.

use std::path::PathBuf;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::super::out::{self, print};
use super::super::{Exit, Failure};
use super::Chain;
use super::meaning::meaning;
use crate::delegation::{Delegation, DelegationError, Spend, Verified, verify_chain, written};
use crate::guarded::ROOT;
use crate::library;
use crate::profile::{Library, ProfileError};
use crate::scope::Scope;

#[derive(clap::Args, Debug)]
pub(super) struct Show {
    #[command(flatten)]
    chain: Chain,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// The folder of this host's own profiles.
    #[arg(long, value_name = "FOLDER", default_value = library::FOLDER, hide_short_help = true)]
    profiles: PathBuf,
}

impl Show {
    pub(super) fn run(&self) -> Result<Exit, Failure> {
        let library = library::load(&self.profiles, ROOT)
            .map_err(|error| Failure::because(Exit::Unknown, "the profiles", &error))?;
        let chain = self.chain.read()?;
        let Some(claims) = chain.last().map(|link| link.claims().clone()) else { return Ok(Exit::Usage) };
        let now = Timestamp::now();
        let outcome = verify_chain(chain, now);
        let text = if self.json {
            as_json(&claims, &outcome, &library)?
        } else {
            as_text(&claims, &outcome, &library, now)
        };
        print(&text)?;
        Ok(if outcome.is_ok() { Exit::Success } else { Exit::DoesNotHold })
    }
}

fn as_text(
    claims: &Delegation,
    outcome: &Result<Verified, DelegationError>,
    library: &Library,
    now: Timestamp,
) -> String {
    let mut text = format!("{}\n", claims.id);
    match outcome {
        Ok(_) => text.push_str(
            "  holds now; whether this host trusts its root key: `gov delegation verify --user NAME`\n",
        ),
        Err(error) => text.push_str(&format!("  DOES NOT HOLD: {error}\n")),
    }
    let to = if claims.subject == claims.issuer { "itself".to_owned() } else { claims.subject.did() };
    text.push_str(&format!("\n  given by    {}\n  given to    {to}\n", claims.issuer.did()));
    if let Some(parent) = &claims.parent {
        text.push_str(&format!("  narrows     {parent}\n"));
    }
    let left = claims.not_after.duration_since(now);
    let left =
        if left > SignedDuration::ZERO { format!("{:#} left", rounded(left)) } else { "over".to_owned() };
    text.push_str(&format!(
        "  valid       {} until {} ({left})\n",
        written(claims.not_before),
        written(claims.not_after)
    ));
    text.push_str(&match claims.spend {
        Spend::Unbounded => "  may spend   any amount\n".to_owned(),
        Spend::Bounded { per_action, cumulative } if per_action == cumulative => {
            format!("  may spend   {cumulative}\n")
        }
        Spend::Bounded { per_action, cumulative } => {
            format!("  may spend   {cumulative}, {per_action} in one call\n")
        }
    });
    text.push_str(&match claims.depth {
        0 => "  delegable   no\n".to_owned(),
        steps => format!("  delegable   on, {steps} deep\n"),
    });
    text.push_str("\nThe session may\n");
    let (limits, grants): (Vec<Scope>, Vec<Scope>) =
        scopes(claims, outcome).into_iter().partition(|scope| matches!(scope, Scope::Limit(_)));
    for scope in &grants {
        match scope {
            Scope::Profile(name) => profile(&mut text, name, library),
            _ => text.push_str(&format!("  {}\n", meaning(scope))),
        }
    }
    if !limits.is_empty() {
        text.push_str("Of that it may at most\n");
    }
    for limit in &limits {
        text.push_str(&format!("  {}\n", meaning(limit)));
    }
    text.push_str("Everything else is refused.\n");
    text
}

/// What is granted, with the limits of those above; by its own words where it does not hold.
fn scopes(claims: &Delegation, outcome: &Result<Verified, DelegationError>) -> Vec<Scope> {
    outcome.as_ref().map_or_else(|_| claims.scopes.clone(), Verified::scopes)
}

fn profile(text: &mut String, name: &str, library: &Library) {
    let profiles = match library.with_included(name) {
        Ok(profiles) => profiles,
        Err(error) => {
            text.push_str(&format!("  profile {name}: UNUSABLE: {error}\n"));
            return;
        }
    };
    for (profile, lead) in
        profiles.iter().zip(["do what is in"].into_iter().chain(std::iter::repeat("and in")))
    {
        text.push_str(&format!("  {lead} profile {}: {}\n", profile.name, profile.description));
        for scope in &profile.scopes {
            text.push_str(&format!("      {scope}\n"));
        }
    }
}

fn as_json(
    claims: &Delegation,
    outcome: &Result<Verified, DelegationError>,
    library: &Library,
) -> Result<String, Failure> {
    let spend = match claims.spend {
        Spend::Unbounded => json!("unbounded"),
        Spend::Bounded { per_action, cumulative } => {
            json!({ "per_action": per_action.to_string(), "cumulative": cumulative.to_string() })
        }
    };
    let named = claims.scopes.iter().filter_map(|scope| match scope {
        Scope::Profile(name) => Some(name),
        _ => None,
    });
    let profiles = named.map(|name| (name.clone(), profile_json(library.with_included(name))));
    let value = json!({
        "id": claims.id,
        "holds": outcome.is_ok(),
        "why_not": outcome.as_ref().err().map(ToString::to_string),
        "issuer": claims.issuer.did(),
        "subject": claims.subject.did(),
        "parent": claims.parent,
        "issued_at": written(claims.issued_at),
        "not_before": written(claims.not_before),
        "not_after": written(claims.not_after),
        "spend": spend,
        "depth": claims.depth,
        "scopes": scopes(claims, outcome).iter().map(Scope::to_string).collect::<Vec<_>>(),
        "profiles": profiles.collect::<serde_json::Map<_, _>>(),
    });
    out::json("the delegation", &value)
}

fn profile_json(profiles: Result<Vec<&crate::profile::Profile>, ProfileError>) -> Value {
    match profiles {
        Ok(profiles) => profiles
            .iter()
            .map(|profile| json!({ "name": profile.name, "description": profile.description, "scopes": profile.scopes }))
            .collect(),
        Err(error) => json!({ "unusable": error.to_string() }),
    }
}

/// Without parts of a second.
fn rounded(duration: SignedDuration) -> SignedDuration {
    SignedDuration::from_secs(duration.as_secs())
}

#[cfg(test)]
mod tests {
    use super::{as_json, as_text};
    use crate::delegation::{Request, Unverified, lifetime, request, verify_chain};
    use crate::key::Secret;
    use crate::profile::Library;
    use jiff::Timestamp;

    #[test]
    fn a_person_sees_what_is_allowed_until_when_and_what_profiles_hold() {
        let now = Timestamp::now();
        let scopes = [
            "file:write:/project/src",
            "network:loopback:8099",
            "network:listen:8080",
            "network:unix:/run/x",
            "kernel:mount",
            "capability:CAP_NET_RAW",
            "limit:execs:500",
            "limit:breaker:20:60s:forever",
            "profile:python",
            "profile:none",
        ];
        let asked = Request {
            scopes: scopes.map(|scope| scope.parse().unwrap()).to_vec(),
            spend: "150usd".parse().unwrap(),
            lifetime: lifetime("2h").unwrap(),
            max_depth: 0,
            subject: None,
        };
        let bytes = request(&asked, &Secret::generate().unwrap(), now).unwrap();
        let read = Unverified::parse(&bytes).unwrap();
        let (claims, library) = (read.claims().clone(), Library::shipped());
        let outcome = verify_chain(vec![read], now);
        let text = as_text(&claims, &outcome, &library, now);
        for part in [
            "write (and read) /project/src and all below it",
            "connect to this machine's loopback, port 8099",
            "listen on any address of this machine, port 8080",
            "connect to local sockets at /run/x and below it",
            "change mounts",
            "use CAP_NET_RAW",
            "Of that it may at most",
            "execute 500 times",
            "be refused 20 times within 1m, and with one more everything is for good",
            "profile python: CPython",
            "and in profile base",
            "file:write:${SESSION_TMP}",
            "profile none: UNUSABLE",
            "may spend   150usd",
            "delegable   no",
            "holds now",
            "Everything else is refused.",
        ] {
            assert!(text.contains(part), "{part} is missing in:\n{text}");
        }
        let json = as_json(&claims, &outcome, &library).unwrap();
        let value: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(value["holds"], true);
        assert_eq!(value["profiles"]["python"][1]["name"], "base");
        assert!(value["profiles"]["none"]["unusable"].is_string());
        let late = verify_chain(vec![Unverified::parse(&bytes).unwrap()], claims.not_after);
        assert!(
            as_text(&claims, &late, &library, claims.not_after)
                .contains("DOES NOT HOLD: the delegation expired")
        );
    }
}

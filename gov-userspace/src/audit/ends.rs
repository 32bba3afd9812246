//! How a session started and ended, and what it was limited to.

use std::collections::BTreeMap;

use serde::Serialize;

use super::words::{list, number, text};
use crate::canonical::Value;

/// How a session started.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Start {
    /// What was asked to be run.
    pub command: Vec<String>,
    /// The delegation's id.
    pub delegation: String,
    /// SHA-256 of the delegation's bytes as they came.
    pub delegation_sha256: String,
    /// Who was delegated to.
    pub delegated_to: String,
    /// When the delegation's time is over, RFC 3339.
    pub expires: String,
    /// `full`, `partial` or `none`.
    pub enforcement: String,
    /// What it lacks for `full`.
    pub missing: Vec<String>,
    /// How many programs enforced.
    pub hooks: usize,
    /// `enforce`, or `record` where nothing was refused.
    pub mode: String,
    /// Host, kernel and machine.
    pub host: String,
    /// The host's name alone.
    pub host_name: String,
    /// The public key that signs the log.
    pub key: String,
    /// SHA-256 of the compiled policy.
    pub policy: String,
    /// The session that it lies in.
    pub parent: Option<String>,
    /// What may be spent.
    pub spend_limit: String,
    /// What was granted.
    pub scopes: Vec<String>,
    /// Whose session: user id.
    pub uid: u64,
    /// gov's version.
    pub gov: String,
    /// When, RFC 3339.
    pub wall: String,
}

/// How a session ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct End {
    /// `exited`, `expired`, ...
    pub reason: String,
    /// The command's exit status, if known.
    pub status: Option<u64>,
    /// The signal that killed the command, if one did.
    pub signal: Option<u64>,
    /// What was used of each budget that the kernel counted something against.
    pub used: BTreeMap<String, u64>,
    /// When, RFC 3339.
    pub wall: String,
}

/// A limit of the delegation, and what was used of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Limit {
    /// The scope that sets it.
    pub scope: String,
    /// What the kernel counted against it; `None` of a breaker, or while the session goes on.
    pub used: Option<u64>,
    /// How much there is, if it is a count.
    pub most: Option<u64>,
}

/// What the start receipt says.
pub(super) fn start(receipt: &Value<'_>) -> Start {
    let host = receipt.field("host");
    let part = |name: &str| host.map_or("", |host| text(host, name));
    let enforcement = receipt.field("enforcement");
    let hooks = enforcement.and_then(|enforcement| enforcement.field("hooks"));
    let own = |name: &str| text(receipt, name).to_owned();
    Start {
        command: list(receipt.field("command")),
        delegation: own("delegation"),
        delegation_sha256: own("delegation_sha256"),
        delegated_to: own("delegated_to"),
        expires: own("expires"),
        enforcement: enforcement.map_or("", |enforcement| text(enforcement, "status")).to_owned(),
        missing: list(enforcement.and_then(|enforcement| enforcement.field("missing"))),
        hooks: hooks.map_or(0, |hooks| hooks.elements().len()),
        mode: own("mode"),
        host: format!("{}, Linux {} {}", part("name"), part("kernel"), part("machine")),
        host_name: part("name").to_owned(),
        key: own("key"),
        policy: own("policy"),
        parent: receipt.field("parent").and_then(Value::text).map(str::to_owned),
        spend_limit: own("spend_limit"),
        scopes: list(receipt.field("scopes")),
        uid: number(receipt, "uid"),
        gov: own("gov"),
        wall: own("wall"),
    }
}

/// What the close receipt says.
pub(super) fn end(receipt: &Value<'_>) -> End {
    let ending = receipt.field("ending");
    let of = |name: &str| ending.and_then(|ending| ending.field(name)?.number());
    let used = match receipt.field("counters").and_then(|counters| counters.field("used")) {
        Some(Value::Object(used)) => &used[..],
        _nothing => &[],
    };
    End {
        reason: ending.map_or("", |ending| text(ending, "reason")).to_owned(),
        status: of("status"),
        signal: of("signal"),
        used: used.iter().filter_map(|(name, count)| Some((name.to_string(), count.number()?))).collect(),
        wall: text(receipt, "wall").to_owned(),
    }
}

/// The limits among the scopes of the start, with what the end counted against each.
pub(super) fn limits(start: Option<&Start>, end: Option<&End>) -> Vec<Limit> {
    let scopes = start.map_or(&[][..], |start| &start.scopes);
    let limit = |scope: &String| {
        let (name, most) = scope.strip_prefix("limit:")?.split_once(':')?;
        let most = most.parse().ok();
        let used = end.filter(|_| most.is_some()).map(|end| end.used.get(name).copied().unwrap_or(0));
        Some(Limit { scope: scope.clone(), used, most })
    };
    scopes.iter().filter_map(limit).collect()
}

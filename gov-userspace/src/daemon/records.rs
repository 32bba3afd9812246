//! What the daemon itself tells in a session's log: how it started and how it ended.

use std::path::PathBuf;
use std::sync::Arc;

use gov_common::abi::State;
use sha2::{Digest, Sha256};

use super::authority::Authority;
use super::engine::Peer;
use super::ground::Ground;
use crate::control::message::{Ended, Start as Request};
use crate::delegation::{Spend, written};
use crate::journal::{self, JournalError, Log, NewLog};
use crate::receipt::{Close, Count, Counters, Ending, Fact, SessionFacts, Start};
use crate::session::Session;

/// Makes the session's log, and the receipt that stands first in it.
pub(super) fn begin(
    ground: &Ground,
    peer: &Peer,
    name: &str,
    number: u64,
    request: &Request,
    authority: &Authority,
    parent: Option<&str>,
) -> Result<(Log, PathBuf, Fact), JournalError> {
    let folder = ground.folders.logs.join(name);
    let facts = SessionFacts {
        session: name.to_owned(),
        delegation_id: authority.delegation.id.clone(),
        scopes: authority.policy.scopes.clone(),
    };
    let new = NewLog {
        origin: journal::origin(&ground.host.name, name),
        facts,
        delegation: &authority.bytes,
        ancestors: request.delegations.split_last().map_or(&[], |(_used, ancestors)| ancestors),
        keys: &ground.keys.chain().text(),
        group: Some(peer.gid),
    };
    let log = Log::create(&folder, new, Arc::clone(ground.keys.current()))?;
    let start = Start {
        boot_id: ground.boot_id.clone(),
        command: request.command.clone(),
        delegation_sha256: hex::encode(Sha256::digest(&authority.bytes)),
        delegated_to: authority.delegation.subject.did(),
        enforcement: ground.enforcement.clone(),
        expires: written(authority.delegation.not_after),
        gov: env!("CARGO_PKG_VERSION").to_owned(),
        host: ground.host.clone(),
        key: ground.keys.current().public().to_string(),
        mode: "enforce",
        number: Count(number),
        on_full: "refuse",
        parent: parent.map(str::to_owned),
        policy: hex::encode(authority.policy.digest),
        reads: if request.record_reads { "record" } else { "count" },
        scopes: authority.policy.scopes.clone(),
        spend_limit: spend(authority.delegation.spend),
        uid: peer.uid,
    };
    Ok((log, folder, Fact::Start(Box::new(start))))
}

fn spend(spend: Spend) -> String {
    match spend {
        Spend::Unbounded => "unbounded".to_owned(),
        Spend::Bounded { cumulative, .. } => cumulative.to_string(),
    }
}

/// The receipt that stands last in it.
pub(super) fn ending<S>(ground: &Ground, session: &Session<S>, account: &State) -> Close {
    let reason = match session.reason_of_end() {
        Ended::Completed => "exited",
        Ended::Expired => "expired",
        Ended::Revoked => "revoked",
        Ended::Exhausted => "exhausted",
        Ended::CircuitOpen => "circuit-open",
        Ended::EndedByUser | Ended::DaemonStopped | Ended::ParentEnded => "ended",
        Ended::LogFailed | Ended::NotEnforced => "cut-off",
    };
    Close {
        armed: account.armed_ns.to_string(),
        boot_id: ground.boot_id.clone(),
        counters: Counters::from(account),
        ending: Ending { reason: reason.to_owned(), status: None, signal: None },
        enforcement: ground.enforcement.clone(),
        policy: hex::encode(session.policy_digest),
    }
}

//! Checks that a delegation is true: its id, its signature, its time, and that it narrows its parent.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{ChainFault, Delegation, DelegationError, MAX_CHAIN, Spend, Unverified, Verified};
use crate::json::{self, JsonError};
use crate::scope::{Scope, permits};

/// What stands before the bytes whose digest is the id.
const ID_DOMAIN: &[u8] = b"APS-AUTHORITY-DELEGATION-ID-V1\0";
/// What stands before the bytes that are signed.
pub(super) const SIGNATURE_DOMAIN: &[u8] = b"APS-AUTHORITY-DELEGATION-SIGNATURE-V1\0";

impl Unverified {
    /// Checks a root delegation at a time.
    ///
    /// # Errors
    /// [`DelegationError`]; [`DelegationError::ParentMissing`] if it is no root.
    pub fn verify(self, now: Timestamp) -> Result<Verified, DelegationError> {
        if let Some(parent) = &self.claims.parent {
            return Err(DelegationError::ParentMissing(parent.clone()));
        }
        self.check(now)?;
        Ok(Verified { leaf: self.claims, ancestors: Vec::new(), bytes: self.bytes })
    }

    /// Id, signature and time.
    fn check(&self, now: Timestamp) -> Result<(), DelegationError> {
        let id = id(&self.value)?;
        if id != self.claims.id {
            return Err(DelegationError::Id(id));
        }
        let message = signed_bytes(&self.value)?;
        if !self.claims.issuer.verify(SIGNATURE_DOMAIN, &message, &self.signature) {
            return Err(DelegationError::Signature(self.claims.issuer));
        }
        if now < self.claims.not_before {
            return Err(DelegationError::NotYetValid(self.claims.not_before));
        }
        if now >= self.claims.not_after {
            return Err(DelegationError::Expired(self.claims.not_after));
        }
        Ok(())
    }
}

/// Checks a chain of delegations, from the root to the one that is used, at a time.
///
/// # Errors
/// [`DelegationError`] for the first link that does not hold by itself, or that widens a facet of its parent.
pub fn verify_chain(chain: Vec<Unverified>, now: Timestamp) -> Result<Verified, DelegationError> {
    let length = chain.len();
    if length > MAX_CHAIN {
        return Err(DelegationError::ChainLength(length));
    }
    let mut links = chain.into_iter();
    let root = links.next().ok_or(DelegationError::ChainLength(length))?;
    let mut seen = BTreeSet::from([root.claims.id.clone()]);
    let mut verified = root.verify(now)?;
    for link in links {
        link.check(now)?;
        let repeated = !seen.insert(link.claims.id.clone());
        let fault = if repeated { Some(ChainFault::Repeated) } else { widens(&verified, &link.claims) };
        if let Some(fault) = fault {
            return Err(DelegationError::Chain { id: link.claims.id, fault });
        }
        verified.ancestors.push(std::mem::replace(&mut verified.leaf, link.claims));
        verified.bytes = link.bytes;
    }
    Ok(verified)
}

/// What a child has that the chain above it does not give.
fn widens(above: &Verified, child: &Delegation) -> Option<ChainFault> {
    let parent = &above.leaf;
    if child.parent.as_ref() != Some(&parent.id) {
        return Some(ChainFault::Parent);
    }
    if child.issuer != parent.subject {
        return Some(ChainFault::Issuer);
    }
    if child.issued_at < parent.not_before || child.issued_at >= parent.not_after {
        return Some(ChainFault::IssuedAt);
    }
    let held = above.scopes();
    match child.scopes.iter().find(|scope| !permits(&held, scope)) {
        Some(scope @ Scope::Limit(_)) => return Some(ChainFault::Limit(scope.clone())),
        Some(scope) => return Some(ChainFault::Scope(scope.clone())),
        None => {}
    }
    let faults = [
        (spends_more(parent.spend, child.spend), ChainFault::Spend),
        (child.depth >= parent.depth, ChainFault::Depth),
        (child.not_before < parent.not_before || child.not_after > parent.not_after, ChainFault::Time),
        (child.reputation > parent.reputation, ChainFault::Reputation),
        (!parent.values.is_subset(&child.values), ChainFault::Values),
        (child.reversibility > parent.reversibility, ChainFault::Reversibility),
    ];
    faults.into_iter().find(|(widens, _)| *widens).map(|(_, fault)| fault)
}

fn spends_more(parent: Spend, child: Spend) -> bool {
    match (parent, child) {
        (Spend::Unbounded, _) => false,
        (Spend::Bounded { .. }, Spend::Unbounded) => true,
        (
            Spend::Bounded { per_action, cumulative },
            Spend::Bounded { per_action: child_per_action, cumulative: child_cumulative },
        ) => child_per_action > per_action || child_cumulative > cumulative,
    }
}

/// The id that a record should have.
pub(super) fn id(record: &Value) -> Result<String, JsonError> {
    let body = canonical_without(record, &["delegation_id", "signature"])?;
    let digest = Sha256::new_with_prefix(ID_DOMAIN).chain_update(body).finalize();
    Ok(format!("sha256:{}", hex::encode(digest)))
}

/// The bytes of a record that its issuer signs, behind [`SIGNATURE_DOMAIN`].
pub(super) fn signed_bytes(record: &Value) -> Result<Vec<u8>, JsonError> {
    canonical_without(record, &["signature"])
}

fn canonical_without(record: &Value, members: &[&str]) -> Result<Vec<u8>, JsonError> {
    let mut record = record.clone();
    if let Some(map) = record.as_object_mut() {
        map.retain(|name, _| !members.contains(&name.as_str()));
    }
    json::canonical(&record)
}

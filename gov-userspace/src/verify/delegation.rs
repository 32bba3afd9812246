//! Checks that the delegation in a log's folder is the one that the session started with, and that it was true.

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::Item;
use super::account::Account;
use super::ends::Start;
use crate::delegation::{DelegationError, Unverified, verify_chain};

const NAME: &str = "delegation";

/// What is known of the delegation.
pub(super) fn item(bytes: Option<&[u8]>, ancestors: Option<&[u8]>, account: &Account) -> Item {
    let Some(start) = account.start() else {
        return Item::unknown(NAME, "no start receipt says which delegation it is");
    };
    let Some(bytes) = bytes else { return Item::unknown(NAME, "the delegation's bytes are not there") };
    if hex::encode(Sha256::digest(bytes)) != start.delegation_sha256 {
        return Item::fails(NAME, "the delegation's bytes are not those that the session started with");
    }
    match check(bytes, ancestors, start, account.delegation()) {
        Ok(issuer) => Item::holds(NAME, format!("signed by {issuer}, and valid when the session started")),
        Err(Fault::Ancestors(error)) => Item::fails(NAME, format!("what it narrows is unreadable: {error}")),
        Err(Fault::Delegation(DelegationError::ParentMissing(parent))) => {
            Item::unknown(NAME, format!("it narrows `{parent}`, which is not there to be checked"))
        }
        Err(Fault::Delegation(error)) => Item::fails(NAME, error.to_string()),
        Err(Fault::Id(id)) => Item::fails(NAME, format!("its id is `{id}`, the receipts name another")),
        Err(Fault::Time) => Item::fails(NAME, "the start receipt has no time"),
    }
}

enum Fault {
    Delegation(DelegationError),
    Ancestors(serde_json::Error),
    Id(String),
    Time,
}

/// The issuer of a delegation that was valid at the start, with all that it narrows.
fn check(bytes: &[u8], ancestors: Option<&[u8]>, start: &Start, id: Option<&str>) -> Result<String, Fault> {
    let delegation = Unverified::parse(bytes).map_err(Fault::Delegation)?;
    if id != Some(delegation.claims().id.as_str()) {
        return Err(Fault::Id(delegation.claims().id.clone()));
    }
    let wall: Timestamp = start.wall.parse().map_err(|_error| Fault::Time)?;
    let ancestors: Vec<String> = match ancestors {
        Some(texts) => serde_json::from_slice(texts).map_err(Fault::Ancestors)?,
        None => Vec::new(),
    };
    let mut chain = Vec::with_capacity(ancestors.len().saturating_add(1));
    for text in ancestors {
        chain.push(Unverified::parse(text.as_bytes()).map_err(Fault::Delegation)?);
    }
    chain.push(delegation);
    let verified = verify_chain(chain, wall).map_err(Fault::Delegation)?;
    Ok(verified.delegation().issuer.did())
}

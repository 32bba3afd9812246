//! Checks that the delegation in a log's folder is the one that the session started with, and that it was true.

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::Item;
use super::account::{Account, Start};
use crate::delegation::{DelegationError, Unverified};

const NAME: &str = "delegation";

/// What is known of the delegation.
pub(super) fn item(bytes: Option<&[u8]>, account: &Account) -> Item {
    let Some(start) = account.start() else {
        return Item::unknown(NAME, "no start receipt says which delegation it is");
    };
    let Some(bytes) = bytes else { return Item::unknown(NAME, "the delegation's bytes are not there") };
    if hex::encode(Sha256::digest(bytes)) != start.delegation_sha256 {
        return Item::fails(NAME, "the delegation's bytes are not those that the session started with");
    }
    match check(bytes, start, account.delegation()) {
        Ok(issuer) => Item::holds(NAME, format!("signed by {issuer}, and valid when the session started")),
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
    Id(String),
    Time,
}

/// The issuer of a delegation that was valid at the start.
fn check(bytes: &[u8], start: &Start, id: Option<&str>) -> Result<String, Fault> {
    let delegation = Unverified::parse(bytes).map_err(Fault::Delegation)?;
    if id != Some(delegation.claims().id.as_str()) {
        return Err(Fault::Id(delegation.claims().id.clone()));
    }
    let wall: Timestamp = start.wall.parse().map_err(|_error| Fault::Time)?;
    let verified = delegation.verify(wall).map_err(Fault::Delegation)?;
    Ok(verified.delegation().issuer.did())
}

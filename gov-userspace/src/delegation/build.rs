//! Makes and signs delegations.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::record::{
    KIND, REPUTATION_PROFILE, REVERSIBILITY_PROFILE, SCOPE_PROFILE, USD, VALUES_PROFILE, VERSION,
};
use super::verify::{SIGNATURE_DOMAIN, id, signed_bytes};
use super::{Delegation, DelegationError, Reversibility, Spend, Unverified, written};
use crate::json;
use crate::key::{KeyError, Public, Secret};
use crate::money::Money;
use crate::scope::{Scope, grant};

/// What a new delegation is to say.
#[derive(Clone, Debug)]
pub struct Request {
    /// What is granted.
    pub scopes: Vec<Scope>,
    /// What may be spent, in one call and in all.
    pub spend: Money,
    /// How long it is valid, from now on.
    pub lifetime: Duration,
    /// How many more times it may be delegated on.
    pub max_depth: u8,
    /// Who receives it; the issuer itself if none.
    pub subject: Option<Public>,
}

/// Makes a root delegation and signs it: its bytes, as RFC 8785 writes them.
///
/// # Errors
/// [`DelegationError`] if it cannot be said in the form.
pub fn request(request: &Request, key: &Secret, now: Timestamp) -> Result<Vec<u8>, DelegationError> {
    sign(body(request, key.public(), now)?, key)
}

/// Makes a delegation that narrows another and signs it, with the key of the other's subject. It takes over the facets
/// that a request does not name. Whether it is within its parent, the verifier of the chain says.
///
/// # Errors
/// [`DelegationError`] if it cannot be said in the form.
pub fn child(
    request: &Request,
    parent: &Delegation,
    key: &Secret,
    now: Timestamp,
) -> Result<Vec<u8>, DelegationError> {
    sign(record(request, key.public(), Some(parent), now)?, key)
}

/// A root delegation without id and signature.
///
/// # Errors
/// [`DelegationError`] if it cannot be said in the form.
pub fn body(request: &Request, issuer: Public, now: Timestamp) -> Result<Value, DelegationError> {
    record(request, issuer, None, now)
}

fn record(
    request: &Request,
    issuer: Public,
    parent: Option<&Delegation>,
    now: Timestamp,
) -> Result<Value, DelegationError> {
    let mut nonce = [0; 16];
    getrandom::fill(&mut nonce).map_err(|error| KeyError::Random(error.to_string()))?;
    let per_action = match parent.map(|parent| parent.spend) {
        Some(Spend::Bounded { per_action, .. }) => request.spend.min(per_action),
        Some(Spend::Unbounded) | None => request.spend,
    };
    let (per_action, cumulative) = (per_action.cents()?.to_string(), request.spend.cents()?.to_string());
    let end =
        SignedDuration::try_from(request.lifetime).ok().and_then(|lifetime| now.checked_add(lifetime).ok());
    let end = end.ok_or_else(|| DelegationError::Lifetime(format!("{}s", request.lifetime.as_secs())))?;
    let values: Vec<&String> = parent.iter().flat_map(|parent| &parent.values).collect();
    Ok(json!({
        "record_type": KIND,
        "version": VERSION,
        "parent_delegation_id": parent.map(|parent| &parent.id),
        "issuer": issuer.did(),
        "subject": request.subject.unwrap_or(issuer).did(),
        "verification_method": issuer.verification_method(),
        "issued_at": written(now),
        "nonce": hex::encode(nonce),
        "authority": {
            "scope": { "profile": SCOPE_PROFILE, "grants": grant::encode_all(&request.scopes)? },
            "spend": { "mode": "bounded", "unit": USD, "per_action": per_action, "cumulative": cumulative },
            "depth": { "remaining": request.max_depth },
            "time": { "not_before": written(now), "not_after": written(end) },
            "reputation": {
                "profile": REPUTATION_PROFILE,
                "ceiling": parent.map_or(100, |parent| parent.reputation),
            },
            "values": { "profile": VALUES_PROFILE, "required": values },
            "reversibility": {
                "profile": REVERSIBILITY_PROFILE,
                "ceiling": parent.map_or(Reversibility::Irreversible, |parent| parent.reversibility).name(),
            },
        },
    }))
}

/// Signs a delegation that has no id and signature yet.
///
/// # Errors
/// [`DelegationError`] if it is not in the form, or names another issuer than the key.
pub fn sign(mut body: Value, key: &Secret) -> Result<Vec<u8>, DelegationError> {
    let id = id(&body)?;
    let no_object = || DelegationError::Kind("no JSON object".to_owned());
    body.as_object_mut().ok_or_else(no_object)?.insert("delegation_id".to_owned(), Value::String(id));
    let signature = key.sign(SIGNATURE_DOMAIN, &signed_bytes(&body)?);
    let signature = Value::String(hex::encode(signature));
    body.as_object_mut().ok_or_else(no_object)?.insert("signature".to_owned(), signature);
    let bytes = json::canonical(&body)?;
    // What is written is read by the same rules as what comes from others.
    let issuer = Unverified::parse(&bytes)?.claims().issuer;
    if issuer == key.public() { Ok(bytes) } else { Err(DelegationError::Signature(issuer)) }
}

/// Reads a lifetime: `90s`, `30m`, `2h`, `7d`.
///
/// # Errors
/// [`DelegationError::Lifetime`] if it is anything else, or nothing.
pub fn lifetime(text: &str) -> Result<Duration, DelegationError> {
    let wrong = || DelegationError::Lifetime(text.to_owned());
    let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(wrong)?;
    let seconds: u64 = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err(wrong()),
    };
    let number = number.parse::<u64>().ok().filter(|parsed| parsed.to_string() == number && *parsed > 0);
    let seconds = number.and_then(|number| number.checked_mul(seconds)).ok_or_else(wrong)?;
    Ok(Duration::from_secs(seconds))
}

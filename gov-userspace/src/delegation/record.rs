//! Reads the closed record: exactly these members, each in its one spelling.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Map, Value};

use super::{Delegation, DelegationError, Reversibility, Spend};
use crate::key::{Public, SIGNATURE_LENGTH, lowercase_hex};
use crate::money::Money;
use crate::scope::grant;

pub(super) const KIND: &str = "aps:authority-delegation:v1";
pub(super) const VERSION: &str = "1.0";
pub(super) const SCOPE_PROFILE: &str = "aps-hierarchical-v1";
pub(super) const REPUTATION_PROFILE: &str = "aps-score-0-100-v1";
pub(super) const VALUES_PROFILE: &str = "aps-values-identifiers-v1";
pub(super) const REVERSIBILITY_PROFILE: &str = "aps-tci-v1";
pub(super) const USD: &str = "iso4217:USD:minor";

const MEMBERS: [&str; 11] = [
    "record_type",
    "version",
    "delegation_id",
    "parent_delegation_id",
    "issuer",
    "subject",
    "verification_method",
    "issued_at",
    "nonce",
    "authority",
    "signature",
];
const FACETS: [&str; 7] = ["scope", "spend", "depth", "time", "reputation", "values", "reversibility"];

/// What the record says, and its signature.
pub(super) fn read(value: &Value) -> Result<(Delegation, [u8; SIGNATURE_LENGTH]), DelegationError> {
    let top = Members::of(String::new(), value)?;
    for (member, expected) in [("record_type", KIND), ("version", VERSION)] {
        let found = top.text(member)?;
        if found != expected {
            return Err(DelegationError::Kind(found.to_owned()));
        }
    }
    top.are(&MEMBERS)?;
    let issuer = Public::from_did(top.text("issuer")?)?;
    if top.text("verification_method")? != issuer.verification_method() {
        return Err(top.wrong("verification_method", "is not the issuer's own key"));
    }
    let digits = "is not 32 lowercase hexadecimal digits";
    lowercase_hex::<16>(top.text("nonce")?).ok_or_else(|| top.wrong("nonce", digits))?;
    let digits = "is not 128 lowercase hexadecimal digits";
    let signature = lowercase_hex(top.text("signature")?).ok_or_else(|| top.wrong("signature", digits))?;
    let issued_at = top.instant("issued_at")?;

    let authority = top.object("authority")?;
    authority.are(&FACETS)?;
    let depth = authority.object("depth")?;
    depth.are(&["remaining"])?;
    let time = authority.object("time")?;
    time.are(&["not_before", "not_after"])?;
    let (not_before, not_after) = (time.instant("not_before")?, time.instant("not_after")?);
    if not_before >= not_after {
        return Err(time.wrong("not_after", "is not after `not_before`"));
    }
    if not_before < issued_at {
        return Err(time.wrong("not_before", "is before `issued_at`"));
    }
    let reputation = authority.facet("reputation", REPUTATION_PROFILE, "ceiling")?;
    let delegation = Delegation {
        id: top.id("delegation_id")?,
        parent: match top.get("parent_delegation_id")? {
            Value::Null => None,
            _ => Some(top.id("parent_delegation_id")?),
        },
        issuer,
        subject: Public::from_did(top.text("subject")?)?,
        issued_at,
        scopes: scopes(&authority)?,
        spend: spend(&authority.object("spend")?)?,
        depth: depth.integer("remaining", 255)?,
        not_before,
        not_after,
        reputation: reputation.integer("ceiling", 100)?,
        values: values(&authority)?,
        reversibility: reversibility(&authority)?,
    };
    Ok((delegation, signature))
}

fn scopes(authority: &Members<'_>) -> Result<Vec<crate::scope::Scope>, DelegationError> {
    let scope = authority.facet("scope", SCOPE_PROFILE, "grants")?;
    let grants = scope.texts("grants")?;
    let scopes = grants.iter().map(|grant| grant::decode(grant)).collect::<Result<Vec<_>, _>>()?;
    if !grant::is_canonical(&grants) {
        return Err(scope.wrong("grants", "are not sorted, each once and none under another"));
    }
    Ok(scopes)
}

fn spend(spend: &Members<'_>) -> Result<Spend, DelegationError> {
    match spend.text("mode")? {
        "unbounded" => {
            spend.are(&["mode"])?;
            Ok(Spend::Unbounded)
        }
        "bounded" => {
            spend.are(&["mode", "unit", "per_action", "cumulative"])?;
            let unit = spend.text("unit")?;
            if unit != USD {
                return Err(DelegationError::Unit(unit.to_owned()));
            }
            let (per_action, cumulative) = (spend.cents("per_action")?, spend.cents("cumulative")?);
            if per_action > cumulative {
                return Err(spend.wrong("per_action", "is more than `cumulative`"));
            }
            Ok(Spend::Bounded { per_action, cumulative })
        }
        _ => Err(spend.wrong("mode", "is neither `bounded` nor `unbounded`")),
    }
}

fn values(authority: &Members<'_>) -> Result<BTreeSet<String>, DelegationError> {
    let values = authority.facet("values", VALUES_PROFILE, "required")?;
    let required = values.texts("required")?;
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b':' | b'-');
    let identifier = |text: &String| {
        text.len() <= 128
            && text.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric())
            && text.bytes().all(letter)
    };
    if !required.iter().all(identifier) || !required.is_sorted_by(|before, after| before < after) {
        return Err(values.wrong("required", "are not identifiers, sorted and each once"));
    }
    Ok(required.into_iter().collect())
}

fn reversibility(authority: &Members<'_>) -> Result<Reversibility, DelegationError> {
    let facet = authority.facet("reversibility", REVERSIBILITY_PROFILE, "ceiling")?;
    match facet.text("ceiling")? {
        "tentative" => Ok(Reversibility::Tentative),
        "compensable" => Ok(Reversibility::Compensable),
        "irreversible" => Ok(Reversibility::Irreversible),
        _ => Err(facet.wrong("ceiling", "is neither `tentative`, `compensable` nor `irreversible`")),
    }
}

/// The time that a text means, if it is spelled `2026-11-22T00:00:00.000Z` exactly.
pub fn instant(text: &str) -> Option<Timestamp> {
    text.parse().ok().filter(|time| written(*time) == text && !text.starts_with("0000"))
}

/// How a delegation writes a time; what is below milliseconds is left off.
pub fn written(time: Timestamp) -> String {
    time.to_zoned(TimeZone::UTC).strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

/// An object of the record, and where it stands.
struct Members<'a> {
    at: String,
    map: &'a Map<String, Value>,
}

impl<'a> Members<'a> {
    fn of(at: String, value: &'a Value) -> Result<Self, DelegationError> {
        match value {
            Value::Object(map) => Ok(Self { at, map }),
            _ if at.is_empty() => Err(DelegationError::Kind("no JSON object".to_owned())),
            _ => Err(DelegationError::Schema { member: at, fault: "is no object" }),
        }
    }

    fn wrong(&self, member: &str, fault: &'static str) -> DelegationError {
        let member = if self.at.is_empty() { member.to_owned() } else { format!("{}.{member}", self.at) };
        DelegationError::Schema { member, fault }
    }

    /// Exactly these members stand here.
    fn are(&self, names: &[&str]) -> Result<(), DelegationError> {
        if let Some(unknown) = self.map.keys().find(|key| !names.contains(&key.as_str())) {
            return Err(self.wrong(unknown, "is no member of the form"));
        }
        names.iter().try_for_each(|name| self.get(name).map(|_| ()))
    }

    fn get(&self, member: &str) -> Result<&'a Value, DelegationError> {
        self.map.get(member).ok_or_else(|| self.wrong(member, "is missing"))
    }

    fn object(&self, member: &str) -> Result<Members<'a>, DelegationError> {
        let at = if self.at.is_empty() { member.to_owned() } else { format!("{}.{member}", self.at) };
        Members::of(at, self.get(member)?)
    }

    /// An object of a profile and one more member.
    fn facet(&self, facet: &str, profile: &str, member: &str) -> Result<Members<'a>, DelegationError> {
        let members = self.object(facet)?;
        members.are(&["profile", member])?;
        if members.text("profile")? != profile {
            return Err(members.wrong("profile", "is not one that this version knows"));
        }
        Ok(members)
    }

    fn text(&self, member: &str) -> Result<&'a str, DelegationError> {
        self.get(member)?.as_str().ok_or_else(|| self.wrong(member, "is no string"))
    }

    fn texts(&self, member: &str) -> Result<Vec<String>, DelegationError> {
        let list = self.get(member)?.as_array();
        let texts = list.and_then(|list| list.iter().map(|item| item.as_str().map(str::to_owned)).collect());
        texts.ok_or_else(|| self.wrong(member, "is no list of strings"))
    }

    fn integer(&self, member: &str, most: u8) -> Result<u8, DelegationError> {
        let number = self.get(member)?.as_u64().and_then(|number| u8::try_from(number).ok());
        number
            .filter(|number| *number <= most)
            .ok_or_else(|| self.wrong(member, "is no integer in its range"))
    }

    fn instant(&self, member: &str) -> Result<Timestamp, DelegationError> {
        let fault = "is no time in UTC with milliseconds, as in `2026-11-22T00:00:00.000Z`";
        instant(self.text(member)?).ok_or_else(|| self.wrong(member, fault))
    }

    fn id(&self, member: &str) -> Result<String, DelegationError> {
        let text = self.text(member)?;
        let digest = text.strip_prefix("sha256:").and_then(lowercase_hex::<32>);
        digest
            .map(|_| text.to_owned())
            .ok_or_else(|| self.wrong(member, "is not `sha256:` and 64 lowercase hexadecimal digits"))
    }

    /// A decimal number of cents in its one spelling.
    fn cents(&self, member: &str) -> Result<Money, DelegationError> {
        let text = self.text(member)?;
        let number = text.parse::<u64>().ok().filter(|number| number.to_string() == text);
        number
            .and_then(Money::from_cents)
            .ok_or_else(|| self.wrong(member, "is no number of cents that can be counted"))
    }
}

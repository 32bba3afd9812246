use super::{
    DelegationError, Request, Spend, Unverified, Verified, instant, lifetime, request, sign, written,
};
use crate::key::{Public, Secret};
use crate::money::Money;
use crate::scope::Scope;
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::time::Duration;

pub(super) const NOW: &str = "2026-11-22T00:10:00.000Z";
pub(super) const PRINCIPAL: &str = "bf3edcd78c1ae289bc3dbf1c39d1c1d0871c5692dfef7dd66d4ecfd2d48c3565";

macro_rules! vector {
    ($name:literal) => {
        include_str!(concat!("../../../tests/vectors/aps/", $name))
    };
}
pub(super) use vector;

pub(super) fn at(text: &str) -> Timestamp {
    instant(text).unwrap()
}

/// The record of a vector file, which wraps it or not.
pub(super) fn record(file: &str) -> Value {
    let value: Value = serde_json::from_str(file).unwrap();
    value.get("artifact").cloned().unwrap_or(value)
}

fn verify(record: &Value) -> Result<Verified, DelegationError> {
    Unverified::parse(record.to_string().as_bytes())?.verify(at(NOW))
}

pub(super) fn scopes(texts: &[&str]) -> Vec<Scope> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

pub(super) fn example() -> Request {
    Request {
        scopes: scopes(&["file:write:/project/src", "code:execute:/project", "profile:python"]),
        spend: "150usd".parse().unwrap(),
        lifetime: lifetime("2h").unwrap(),
        max_depth: 1,
        subject: None,
    }
}

#[test]
fn roots_that_others_made_verify() {
    for file in [vector!("npm-root.json"), vector!("python-root.json"), vector!("independent-root.json")] {
        let verified = verify(&record(file)).unwrap();
        let delegation = verified.delegation();
        assert_eq!(delegation.issuer, Public::from_hex(PRINCIPAL).unwrap());
        assert_eq!(
            delegation.scopes,
            scopes(&["code:execute:/project", "file:read:/project", "file:write:/project/src"])
        );
        let limit: Money = "150usd".parse().unwrap();
        assert_eq!(delegation.spend, Spend::Bounded { per_action: limit, cumulative: limit });
        assert_eq!(
            (delegation.depth, written(delegation.not_after).as_str()),
            (1, "2126-01-01T00:00:00.000Z")
        );
    }
}

#[test]
fn what_is_signed_is_byte_for_byte_what_others_sign() {
    for file in [vector!("npm-root.json"), vector!("python-root.json"), vector!("npm-child.json")] {
        let vector: Value = serde_json::from_str(file).unwrap();
        let signed =
            [super::verify::SIGNATURE_DOMAIN, &super::verify::signed_bytes(&vector["artifact"]).unwrap()]
                .concat();
        assert_eq!(hex::encode(signed), vector["preimage"]["hex"]);
        assert_eq!(super::verify::id(&vector["artifact"]).unwrap(), vector["artifact"]["delegation_id"]);
    }
}

#[test]
fn what_we_sign_is_what_others_sign() {
    let principal = Secret::from_seed(Sha256::digest("aps-interop-vectors-v1:principal").into());
    let theirs = record(vector!("independent-root.json"));
    let mut body = theirs.clone();
    for member in ["delegation_id", "signature"] {
        body.as_object_mut().unwrap().remove(member);
    }
    let ours: Value = serde_json::from_slice(&sign(body, &principal).unwrap()).unwrap();
    assert_eq!(ours, theirs);
}

#[test]
fn a_requested_delegation_verifies_until_it_ends() {
    let key = Secret::generate().unwrap();
    let now = at(NOW);
    let bytes = request(&example(), &key, now).unwrap();
    let verified = Unverified::parse(&bytes).unwrap().verify(now).unwrap();
    assert_eq!(verified.bytes(), bytes);
    let delegation = verified.delegation();
    assert_eq!((delegation.issuer, delegation.subject), (key.public(), key.public()));
    assert_eq!(
        delegation.scopes,
        scopes(&["code:execute:/project", "file:write:/project/src", "profile:python"])
    );
    let end = now + jiff::SignedDuration::from_hours(2);
    let before = end - jiff::SignedDuration::from_millis(1);
    assert!(Unverified::parse(&bytes).unwrap().verify(before).is_ok());
    assert_eq!(Unverified::parse(&bytes).unwrap().verify(end).unwrap_err(), DelegationError::Expired(end));
    assert_ne!(bytes, request(&example(), &key, now).unwrap(), "no two delegations are the same");
}

#[test]
fn no_byte_of_a_delegation_can_be_changed() {
    let key = Secret::generate().unwrap();
    let bytes = request(&example(), &key, at(NOW)).unwrap();
    for place in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[place] ^= 1;
        let outcome = Unverified::parse(&changed).and_then(|read| read.verify(at(NOW)));
        assert!(outcome.is_err(), "byte {place} can be changed: {}", String::from_utf8_lossy(&changed));
    }
}

#[test]
fn a_record_that_is_not_exactly_the_form_is_refused() {
    let good = record(vector!("independent-root.json")).to_string();
    let changes = [
        ("duplicate member", r#""version":"1.0""#, r#""version":"1.0","version":"1.0""#),
        ("null member", r#""required":[]"#, r#""required":null"#),
        ("list for an object", r#""depth":{"remaining":1}"#, r#""depth":[1]"#),
        ("float", r#""remaining":1"#, r#""remaining":1.0"#),
        ("negative", r#""remaining":1"#, r#""remaining":-1"#),
        ("string for a number", r#""remaining":1"#, r#""remaining":"1""#),
        ("another version", r#""version":"1.0""#, r#""version":"1.1""#),
        ("another kind", "aps:authority-delegation:v1", "aps:authority-revocation:v1"),
        ("another profile", "aps-hierarchical-v1", "aps-hierarchical-v2"),
        (
            "another key",
            "#z6MksKoWdz3Y9GCgJikkwc93iYh7DL9nqwExUnxtphHS47qe",
            "#z6MkhWyWrYMM1oWcU9HfWHeMkkWFXeCauqwrYhYBWnbYeGni",
        ),
        ("euros", "iso4217:USD:minor", "iso4217:EUR:minor"),
        ("negative money", r#""per_action":"15000""#, r#""per_action":"-1""#),
        ("plus sign", r#""per_action":"15000""#, r#""per_action":"+1""#),
        ("more in one call than in all", r#""per_action":"15000""#, r#""per_action":"15001""#),
        ("unbounded with limits", r#""mode":"bounded""#, r#""mode":"unbounded""#),
        ("no mode", r#""mode":"bounded""#, r#""mode":"none""#),
        ("seconds only", "2126-01-01T00:00:00.000Z", "2126-01-01T00:00:00Z"),
        ("offset", "2126-01-01T00:00:00.000Z", "2126-01-01T00:00:00.000+00:00"),
        ("lower-case z", "2126-01-01T00:00:00.000Z", "2126-01-01T00:00:00.000z"),
        ("no such day", "2126-01-01T00:00:00.000Z", "2126-02-30T00:00:00.000Z"),
        ("empty time", "2126-01-01T00:00:00.000Z", "2026-11-22T00:00:00.000Z"),
        ("short nonce", "00112233445566778899aabbccddeeff", "0011"),
        ("capital nonce", "00112233445566778899aabbccddeeff", "00112233445566778899AABBCCDDEEFF"),
        ("dots in a path", "file:read:project:*", "file:read:project:x--..:*"),
        ("unknown scope", "file:read:project:*", "file:touch:project:*"),
        ("unsorted values", r#""required":[]"#, r#""required":["b","a"]"#),
        ("values that are none", r#""required":[]"#, r#""required":[""]"#),
        ("no such reversibility", r#""ceiling":"irreversible""#, r#""ceiling":"whatever""#),
        ("too much reputation", r#""ceiling":100"#, r#""ceiling":101"#),
        ("an id without its kind", "sha256:51d5", "51d5"),
    ];
    for (what, from, to) in changes {
        let changed = good.replace(from, to);
        assert_ne!(changed, good, "{what}");
        let error = Unverified::parse(changed.as_bytes()).map(|_| ()).unwrap_err().to_string();
        assert!(!error.contains('\n') && error.len() < 400, "{what}: {error}");
    }
    for text in ["", "[]", "null", "\"x\"", "{}", "{"] {
        assert!(Unverified::parse(text.as_bytes()).is_err(), "{text}");
    }
}

#[test]
fn a_delegation_of_another_key_cannot_be_signed() {
    let (mine, other) = (Secret::generate().unwrap(), Secret::generate().unwrap());
    let body = super::body(&example(), other.public(), at(NOW)).unwrap();
    assert_eq!(sign(body.clone(), &mine), Err(DelegationError::Signature(other.public())));
    assert!(sign(body, &other).is_ok());
    assert!(sign(json!({}), &mine).is_err());
    assert!(sign(json!([]), &mine).is_err());
}

#[test]
fn a_spend_below_a_cent_cannot_be_delegated() {
    let spend = Money::from_micros(1);
    let error = request(&Request { spend, ..example() }, &Secret::generate().unwrap(), at(NOW)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "spend `0.000001usd` is no whole number of cents, and a delegation carries whole cents: round it"
    );
}

#[test]
fn a_lifetime_has_a_unit() {
    for (text, seconds) in [("90s", 90), ("30m", 1_800), ("2h", 7_200), ("7d", 604_800)] {
        assert_eq!(lifetime(text), Ok(Duration::from_secs(seconds)));
    }
    for text in
        ["", "2", "h", "-2h", "+2h", "02h", "0h", "2 h", "2h30m", "1.5h", "2H", "99999999999999999999d", "2é"]
    {
        assert_eq!(lifetime(text), Err(DelegationError::Lifetime(text.to_owned())), "{text}");
    }
}

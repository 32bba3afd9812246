use super::{
    ChainFault, DelegationError, Request, Spend, Unverified, Verified, instant, lifetime, request, sign,
    verify_chain, written,
};
use crate::key::{Public, Secret};
use crate::money::Money;
use crate::scope::Scope;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::time::Duration;

const NOW: &str = "2026-11-22T00:10:00.000Z";
const PRINCIPAL: &str = "bf3edcd78c1ae289bc3dbf1c39d1c1d0871c5692dfef7dd66d4ecfd2d48c3565";

macro_rules! vector {
    ($name:literal) => {
        include_str!(concat!("../../../tests/vectors/aps/", $name))
    };
}

fn at(text: &str) -> Timestamp {
    instant(text).unwrap()
}

/// The record of a vector file, which wraps it or not.
fn record(file: &str) -> Value {
    let value: Value = serde_json::from_str(file).unwrap();
    value.get("artifact").cloned().unwrap_or(value)
}

fn verify(record: &Value) -> Result<Verified, DelegationError> {
    Unverified::parse(record.to_string().as_bytes())?.verify(at(NOW))
}

fn scopes(texts: &[&str]) -> Vec<Scope> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn example() -> Request {
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
fn chains_that_others_made_verify() {
    for (root, child) in [
        (vector!("npm-root.json"), vector!("npm-child.json")),
        (vector!("python-root.json"), vector!("python-child.json")),
        (vector!("independent-root.json"), vector!("independent-child.json")),
    ] {
        let chain = [root, child].map(|file| Unverified::parse(record(file).to_string().as_bytes()).unwrap());
        let verified = verify_chain(chain.to_vec(), at(NOW)).unwrap();
        assert_eq!(
            verified.delegation().scopes,
            scopes(&["file:read:/project/src", "file:write:/project/src/main.rs"])
        );
        assert_eq!(verified.root().issuer, Public::from_hex(PRINCIPAL).unwrap());
        assert_eq!(verified.chain().count(), 2);
    }
}

/// The outcome of every hostile chain, by the start of its error. Of those that are no control, three verify:
/// `self-minted-root`, `revoked` and `revocation-unknown`. Their fault lies in the world around them (who is
/// trusted, what was revoked), and `trust` refuses them.
const OUTCOMES: &[(&str, &str)] = &[
    ("ok-root", "verifies"),
    ("ok-chain", "verifies"),
    ("tampered-scope", "grant `*` is too wide"),
    ("tampered-scope-id-fixed", "grant `*` is too wide"),
    ("uppercase-signature", "the delegation's `signature` is not 128 lowercase"),
    ("extra-member", "the delegation's `note` is no member"),
    ("missing-facet", "the delegation's `authority.values` is missing"),
    ("widen-scope", "grants `"),
    ("widen-spend", "may spend more"),
    ("depth-not-consumed", "may be delegated on"),
    ("outlive", "is valid at times"),
    ("wrong-issuer", "was not issued by"),
    ("stranger-signs", "the delegation's signature is not its issuer's"),
    ("self-minted-root", "verifies"),
    ("child-alone", "the delegation narrows `sha256:51d5"),
    ("duplicate", "stands in its chain twice"),
    ("expired", "the delegation expired"),
    ("not-yet", "the delegation is not valid before"),
    ("last-ms", "verifies"),
    ("revoked", "verifies"),
    ("revocation-unknown", "verifies"),
    ("noncanonical-now", "no time"),
    ("grants-unsorted", "the delegation's `authority.scope.grants` are not sorted"),
    ("grants-redundant", "grant `file:*` is too wide"),
    ("grant-slash", "grant `file:read:/project/src` is outside the grammar"),
    ("grant-dotfile", "grant `file:read:project:.env` is outside the grammar"),
    ("grant-16-segments-plus", "grant `a:a:a"),
    ("root-not-before-predates-issued", "the delegation's `authority.time.not_before` is before"),
    ("depth-float", "the delegation is no strict JSON"),
    ("depth-256", "the delegation's `authority.depth.remaining` is no integer in its range"),
    ("quantity-leading-zero", "the delegation's `authority.spend.per_action` is no number"),
    ("quantity-i64max+1", "the delegation's `authority.spend.cumulative` is no number"),
    ("leap-second", "the delegation's `authority.time.not_after` is no time"),
];

#[test]
fn every_hostile_chain_has_its_outcome() {
    let cases: Vec<Value> = serde_json::from_str(vector!("chains.json")).unwrap();
    assert_eq!(cases.len(), OUTCOMES.len());
    for (case, (name, outcome)) in cases.iter().zip(OUTCOMES) {
        assert_eq!(case["name"], *name);
        let seen = match instant(case["now"].as_str().unwrap()) {
            None => "no time".to_owned(),
            Some(now) => {
                let links = case["chain"].as_array().unwrap().iter();
                let links: Result<Vec<_>, _> =
                    links.map(|link| Unverified::parse(link.to_string().as_bytes())).collect();
                match links.and_then(|links| verify_chain(links, now)) {
                    Ok(_) => "verifies".to_owned(),
                    Err(DelegationError::Chain { fault, .. }) => fault.to_string(),
                    Err(error) => error.to_string(),
                }
            }
        };
        assert!(seen.starts_with(outcome), "{name}: {seen}");
    }
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

/// A root and a child of these keys; `change` edits what the child may.
fn chain(change: impl FnOnce(&mut Value)) -> Result<Verified, DelegationError> {
    let (issuer, agent) = (Secret::generate().unwrap(), Secret::generate().unwrap());
    let now = at(NOW);
    let root = request(&Request { subject: Some(agent.public()), ..example() }, &issuer, now).unwrap();
    let root = Unverified::parse(&root).unwrap();
    let narrower =
        Request { max_depth: 0, lifetime: Duration::from_secs(60), spend: Money::ZERO, ..example() };
    let mut body = super::body(&narrower, agent.public(), now).unwrap();
    body["parent_delegation_id"] = json!(root.claims().id);
    change(&mut body);
    let child = Unverified::parse(&sign(body, &agent).unwrap()).unwrap();
    verify_chain(vec![root, child], now)
}

#[test]
fn a_child_may_narrow_and_never_widen() {
    assert!(chain(|_| {}).is_ok());
    assert!(
        chain(|body| body["authority"]["scope"]["grants"] = json!(["file:read:project:src:main.rs:*"]))
            .is_ok()
    );
    let fault = |path: &str, value: Value| {
        let outcome = chain(|body| *body.pointer_mut(path).unwrap() = value);
        match outcome.unwrap_err() {
            DelegationError::Chain { fault, .. } => fault,
            other => panic!("{other}"),
        }
    };
    let grants = |grant: &str| fault("/authority/scope/grants", json!([grant]));
    for grant in [
        "file:write:*",
        "file:write:project:*",
        "file:write:project:src-evil:*",
        "shell:arbitrary",
        "profile:base",
    ] {
        assert!(matches!(grants(grant), ChainFault::Scope(_)), "{grant}");
    }
    assert_eq!(fault("/authority/spend/cumulative", json!("15001")), ChainFault::Spend);
    assert_eq!(fault("/authority/spend", json!({"mode": "unbounded"})), ChainFault::Spend);
    assert_eq!(fault("/authority/depth/remaining", json!(1)), ChainFault::Depth);
    assert_eq!(fault("/authority/time/not_after", json!("2026-11-22T02:10:00.001Z")), ChainFault::Time);
    assert_eq!(
        fault("/parent_delegation_id", json!(format!("sha256:{}", "0".repeat(64)))),
        ChainFault::Parent
    );
    assert_eq!(fault("/parent_delegation_id", json!(null)), ChainFault::Parent);
}

#[test]
fn a_chain_has_one_to_sixteen_links() {
    assert_eq!(verify_chain(Vec::new(), at(NOW)).unwrap_err(), DelegationError::ChainLength(0));
    let link = Unverified::parse(record(vector!("npm-root.json")).to_string().as_bytes()).unwrap();
    assert_eq!(verify_chain(vec![link; 17], at(NOW)).unwrap_err(), DelegationError::ChainLength(17));
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

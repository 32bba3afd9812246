use super::tests::{NOW, PRINCIPAL, at, example, record, scopes, vector};
use super::{
    ChainFault, DelegationError, Request, Spend, Unverified, Verified, body, child, instant, request, sign,
    verify_chain,
};
use crate::key::{Public, Secret};
use crate::money::Money;
use serde_json::{Value, json};
use std::time::Duration;

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

/// A root and a child of these keys; `change` edits what the child may.
fn chain(change: impl FnOnce(&mut Value)) -> Result<Verified, DelegationError> {
    let (issuer, agent) = (Secret::generate().unwrap(), Secret::generate().unwrap());
    let now = at(NOW);
    let root = request(&Request { subject: Some(agent.public()), ..example() }, &issuer, now).unwrap();
    let root = Unverified::parse(&root).unwrap();
    let narrower =
        Request { max_depth: 0, lifetime: Duration::from_secs(60), spend: Money::ZERO, ..example() };
    let mut body = body(&narrower, agent.public(), now).unwrap();
    body["parent_delegation_id"] = json!(root.claims().id);
    change(&mut body);
    let child = Unverified::parse(&sign(body, &agent).unwrap()).unwrap();
    verify_chain(vec![root, child], now)
}

#[test]
fn a_child_takes_over_what_it_is_not_asked_to_narrow() {
    let (issuer, agent) = (Secret::generate().unwrap(), Secret::generate().unwrap());
    let now = at(NOW);
    let asked = Request { subject: Some(agent.public()), ..example() };
    let mut root = body(&asked, issuer.public(), now).unwrap();
    root["authority"]["spend"]["per_action"] = json!("200");
    root["authority"]["reputation"]["ceiling"] = json!(40);
    root["authority"]["values"]["required"] = json!(["aeoess:honesty"]);
    root["authority"]["reversibility"]["ceiling"] = json!("compensable");
    let root = Unverified::parse(&sign(root, &issuer).unwrap()).unwrap();
    let narrower = Request { max_depth: 0, lifetime: Duration::from_secs(60), ..example() };
    let bytes = child(&narrower, root.claims(), &agent, now).unwrap();
    let verified = verify_chain(vec![root, Unverified::parse(&bytes).unwrap()], now).unwrap();
    let held = verified.delegation();
    assert_eq!((held.reputation, held.reversibility.name(), held.values.len()), (40, "compensable", 1));
    let two = "2usd".parse::<Money>().unwrap();
    assert!(
        matches!(held.spend, Spend::Bounded { per_action, cumulative } if per_action == two && cumulative > two)
    );
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

/// The scopes that hold for the last of these grant lists, each one narrowed by the next.
fn chain_of(lists: &[&[&str]]) -> Result<Vec<String>, ChainFault> {
    let keys: Vec<Secret> = (0..=lists.len()).map(|_| Secret::generate().unwrap()).collect();
    let mut links: Vec<Unverified> = Vec::new();
    for ((place, list), left) in lists.iter().enumerate().zip((0..lists.len()).rev()) {
        let asked = Request {
            scopes: scopes(list),
            max_depth: left.try_into().unwrap(),
            subject: Some(keys[place.saturating_add(1)].public()),
            ..example()
        };
        let mut body = body(&asked, keys[place].public(), at(NOW)).unwrap();
        body["parent_delegation_id"] = json!(links.last().map(|link| &link.claims().id));
        links.push(Unverified::parse(&sign(body, &keys[place]).unwrap()).unwrap());
    }
    match verify_chain(links, at(NOW)) {
        Ok(verified) => Ok(verified.scopes().iter().map(ToString::to_string).collect()),
        Err(DelegationError::Chain { fault, .. }) => Err(fault),
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn a_limit_goes_down_a_chain_and_never_widens() {
    let held = chain_of(&[
        &["file:read:/a", "limit:breaker:20:1m:5m", "limit:execs:10"],
        &["file:read:/a", "limit:execs:5", "limit:forks:7"],
        &["file:read:/a/b", "limit:files:3"],
    ]);
    let expected =
        ["file:read:/a/b", "limit:files:3", "limit:execs:5", "limit:forks:7", "limit:breaker:20:1m:5m"];
    assert_eq!(held.unwrap(), expected);
    let fault = |lists: &[&[&str]]| chain_of(lists).unwrap_err();
    let limit = |text: &str| ChainFault::Limit(text.parse().unwrap());
    assert_eq!(
        fault(&[&["file:read:/a", "limit:execs:10"], &["file:read:/a", "limit:execs:11"]]),
        limit("limit:execs:11")
    );
    // A link in between that names no limit does not take it away.
    assert_eq!(
        fault(&[&["file:read:/a", "limit:execs:10"], &["file:read:/a"], &["file:read:/a", "limit:execs:11"]]),
        limit("limit:execs:11")
    );
    assert_eq!(
        fault(&[&["limit:breaker:20:1m:5m"], &["limit:breaker:19:1m:5m"]]),
        limit("limit:breaker:19:1m:5m")
    );
}

#[test]
fn a_chain_has_one_to_sixteen_links() {
    assert_eq!(verify_chain(Vec::new(), at(NOW)).unwrap_err(), DelegationError::ChainLength(0));
    let link = Unverified::parse(record(vector!("npm-root.json")).to_string().as_bytes()).unwrap();
    assert_eq!(verify_chain(vec![link; 17], at(NOW)).unwrap_err(), DelegationError::ChainLength(17));
}

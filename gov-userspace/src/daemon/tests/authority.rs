//! What a session may do is what the last delegation of its chain grants, within the limits of all of them.

use std::path::Path;

use gov_common::limits::{Budget, UNLIMITED};
use jiff::Timestamp;

use super::super::authority::authorise;
use super::{House, me, user_key};
use crate::delegation::{Request, Unverified, body, sign};
use crate::key::Secret;

/// A delegation of these scopes that narrows another.
fn link(scopes: &[&str], issuer: &Secret, subject: &Secret, parent: Option<&str>, now: Timestamp) -> String {
    let asked = Request {
        scopes: scopes.iter().map(|scope| scope.parse().unwrap()).collect(),
        spend: "0usd".parse().unwrap(),
        lifetime: std::time::Duration::from_secs(60),
        max_depth: u8::from(parent.is_none()),
        subject: Some(subject.public()),
    };
    let mut body = body(&asked, issuer.public(), now).unwrap();
    let parent = parent.map(|text| Unverified::parse(text.as_bytes()).unwrap().claims().id.clone());
    body["parent_delegation_id"] = parent.into();
    String::from_utf8(sign(body, issuer).unwrap()).unwrap()
}

#[tokio::test]
async fn only_a_session_that_may_delegate_on_reaches_the_daemon() {
    let house = House::new();
    house.trust();
    let now = Timestamp::now();
    let (root, agent) = (user_key(), Secret::from_seed([2; 32]));
    let may = link(&["file:read:/a"], &root, &agent, None, now);
    let may_not = link(&["file:read:/a"], &agent, &agent, Some(&may), now);
    let scopes = |chain: &[String]| {
        authorise(&house.core.ground, &me(), chain, Path::new("/tmp/s"), now).unwrap().policy.scopes
    };
    assert_eq!(
        scopes(std::slice::from_ref(&may)),
        ["file:read:/a", "network:unix:/run/gov/gov.sock", "file:read:/tmp/s"]
    );
    assert_eq!(scopes(&[may, may_not]), ["file:read:/a"]);
}

#[tokio::test]
async fn a_limit_that_the_last_delegation_leaves_out_holds_in_the_policy() {
    let house = House::new();
    house.trust();
    let now = Timestamp::now();
    let (root, agent) = (user_key(), Secret::from_seed([2; 32]));
    let wide =
        link(&["file:read:/a", "limit:execs:10", "limit:breaker:20:1m:forever"], &root, &agent, None, now);
    let narrow = link(&["file:read:/a/b", "limit:forks:3"], &agent, &agent, Some(&wide), now);
    let chain = [wide, narrow];
    let authority = authorise(&house.core.ground, &me(), &chain, Path::new("/tmp/s"), now).unwrap();
    let limits = authority.policy.limits;
    assert_eq!(limits.most[Budget::Execs as usize], 10);
    assert_eq!(limits.most[Budget::Forks as usize], 3);
    assert_eq!(limits.most[Budget::Files as usize], UNLIMITED);
    assert_eq!((limits.breaker_refusals, limits.breaker_window_s, limits.breaker_cooldown_s), (20, 60, 0));
    let expected = ["file:read:/a/b", "limit:forks:3", "limit:breaker:20:1m:forever", "limit:execs:10"];
    assert_eq!(authority.policy.scopes, expected);
}

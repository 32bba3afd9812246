use super::{Authorized, Enrolment, FileFault, Scopes, TrustError, TrustRoots, Users, authorize};
use crate::accounts::Accounts;
use crate::delegation::{Request, Unverified, Verified, body, instant, lifetime, request, sign};
use crate::guarded::GuardError;
use crate::key::Secret;
use crate::scope::Scope;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

const UID: u32 = 4242;

fn me() -> u32 {
    rustix::process::geteuid().as_raw()
}

fn now() -> Timestamp {
    instant("2026-11-22T00:10:00.000Z").unwrap()
}

fn scopes(texts: &[&str]) -> Vec<Scope> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn example() -> Request {
    Request {
        scopes: scopes(&["file:write:/project/src", "code:execute:/project"]),
        spend: "150usd".parse().unwrap(),
        lifetime: lifetime("2h").unwrap(),
        max_depth: 0,
        subject: None,
    }
}

fn delegation(key: &Secret) -> Verified {
    Unverified::parse(&request(&example(), key, now()).unwrap()).unwrap().verify(now()).unwrap()
}

/// What a delegation of a key meets in a host whose one trust file says this after the key.
fn judged(key: &Secret, rest: &str) -> Result<Authorized, TrustError> {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "one", &format!("key = \"{}\"\n{rest}", key.public()));
    let trust = TrustRoots::load(folder.path(), me()).unwrap();
    authorize(&delegation(key), UID, &trust)
}

fn put(folder: &Path, name: &str, text: &str) {
    let path = folder.join(format!("{name}.toml"));
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o644)).unwrap();
}

const ALL: &str = "users = [\"4242\"]\nscopes = [\"*\"]\nmax_spend = \"unlimited\"\n";

#[test]
fn a_pinned_key_is_trusted_for_its_users_scopes_and_spend() {
    let key = Secret::generate().unwrap();
    for rest in [
        ALL,
        "users = [\"*\"]\nscopes = [\"file:write:/project\", \"code:execute:/project\"]\nmax_spend = \"150usd\"",
    ] {
        let authorized = judged(&key, rest).unwrap();
        assert_eq!((authorized.root.as_str(), authorized.uid), ("one", UID));
    }
    let refusal = |rest: &str| judged(&key, rest).unwrap_err();
    assert!(matches!(refusal(&ALL.replace("4242", "4243")), TrustError::User { .. }));
    assert!(matches!(refusal(&ALL.replace("\"4242\"", "")), TrustError::User { .. }));
    assert!(matches!(refusal(&ALL.replace("unlimited", "149.99usd")), TrustError::Spend { .. }));
    let within = |scope: &str| refusal(&ALL.replace('*', scope));
    assert!(
        matches!(within("file:write:/project"), TrustError::Scope { scope, .. } if scope.to_string() == "code:execute:/project")
    );
}

#[test]
fn a_key_that_nobody_pinned_is_refused_with_the_line_that_pins_it() {
    let (pinned, minted) = (Secret::generate().unwrap(), Secret::generate().unwrap());
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "one", &format!("key = \"{}\"\n{ALL}", pinned.public()));
    put(folder.path(), "broken", "key = 1");
    let trust = TrustRoots::load(folder.path(), me()).unwrap();
    let error = authorize(&delegation(&minted), UID, &trust).unwrap_err().to_string();
    assert!(error.contains(&format!("sudo gov keys trust {} --user {UID}", minted.public())), "{error}");
    assert!(error.contains("broken.toml") && !error.contains('\n'), "{error}");
    let none = TrustRoots::load(&folder.path().join("missing"), me()).unwrap();
    assert!(matches!(authorize(&delegation(&pinned), UID, &none), Err(TrustError::Untrusted { .. })));
}

#[test]
fn a_revoked_delegation_counts_no_more() {
    let key = Secret::generate().unwrap();
    let verified = delegation(&key);
    let folder = tempfile::tempdir().unwrap();
    put(
        folder.path(),
        "one",
        &format!("key = \"{}\"\n{ALL}revoked = [\"{}\"]", key.public(), verified.delegation().id),
    );
    let trust = TrustRoots::load(folder.path(), me()).unwrap();
    assert!(matches!(authorize(&verified, UID, &trust), Err(TrustError::Revoked(_))));
    assert!(authorize(&delegation(&key), UID, &trust).is_ok(), "another one of the same key still counts");
}

#[test]
fn when_trust_cannot_be_known_nothing_counts() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
    assert!(matches!(TrustRoots::load(folder.path(), me()), Err(TrustError::Guard(GuardError::Mode { .. }))));
    assert!(matches!(TrustRoots::load(Path::new("/etc/passwd"), 0), Err(TrustError::Guard(_))));
}

#[test]
fn a_facet_that_cannot_be_held_to_is_refused() {
    let key = Secret::generate().unwrap();
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "one", &format!("key = \"{}\"\n{ALL}", key.public()));
    let trust = TrustRoots::load(folder.path(), me()).unwrap();
    let judged = |path: &str, value: Value| {
        let mut body = body(&example(), key.public(), now()).unwrap();
        *body.pointer_mut(path).unwrap() = value;
        let verified = Unverified::parse(&sign(body, &key).unwrap()).unwrap().verify(now()).unwrap();
        authorize(&verified, UID, &trust)
    };
    assert!(judged("/authority/reputation/ceiling", json!(50)).is_ok());
    assert!(matches!(judged("/authority/values/required", json!(["care"])), Err(TrustError::Facet(_))));
    assert!(matches!(
        judged("/authority/reversibility/ceiling", json!("tentative")),
        Err(TrustError::Facet(_))
    ));
}

#[test]
fn a_trust_file_that_is_not_to_be_believed_pins_nothing() {
    let key = Secret::generate().unwrap();
    let good = format!("key = \"{}\"\n{ALL}", key.public());
    let capitals = key.public().to_string().to_uppercase();
    let cases = [
        ("unknown member", format!("{good}max_depth = 1\n")),
        ("member twice", format!("{good}max_spend = \"1usd\"\n")),
        ("missing users", good.replace("users = [\"4242\"]\n", "")),
        ("missing scopes", good.replace("scopes = [\"*\"]\n", "")),
        ("missing spend", good.replace("max_spend = \"unlimited\"\n", "")),
        ("spend without unit", good.replace("unlimited", "150")),
        ("no such user", good.replace("4242", "nobody-of-this-name")),
        ("user by odd number", good.replace("4242", "04242")),
        ("no such scope", good.replace('*', "file:everything")),
        ("a limit among what may be granted", good.replace("\"*\"", "\"*\", \"limit:execs:5\"")),
        ("key in capitals", good.replace(&key.public().to_string(), &capitals)),
        ("id that is none", format!("{good}revoked = [\"x\"]\n")),
    ];
    for (what, text) in cases {
        let folder = tempfile::tempdir().unwrap();
        put(folder.path(), "one", &text);
        let trust = TrustRoots::load(folder.path(), me()).unwrap();
        assert!(trust.roots.is_empty(), "{what}");
        let error = trust.refused.first().unwrap().to_string();
        assert!(error.contains("one.toml") && !error.contains('\n'), "{what}: {error}");
    }
}

#[test]
fn a_trust_file_of_another_owner_or_open_to_others_pins_nothing() {
    let key = Secret::generate().unwrap();
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "one", &format!("key = \"{}\"\n{ALL}", key.public()));
    let path = folder.path().join("one.toml");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o664)).unwrap();
    let trust = TrustRoots::load(folder.path(), me()).unwrap();
    assert!(trust.roots.is_empty());
    assert!(matches!(trust.refused.as_slice(), [TrustError::Guard(GuardError::Mode { .. })]));
    std::fs::rename(&path, folder.path().join("real")).unwrap();
    std::os::unix::fs::symlink("real", &path).unwrap();
    let trust = TrustRoots::load(folder.path(), me()).unwrap();
    assert!(matches!(trust.refused.as_slice(), [TrustError::Guard(GuardError::NotFile(_))]));
    assert!(matches!(
        TrustRoots::load(folder.path(), me() + 1),
        Err(TrustError::Guard(GuardError::Owner { .. }))
    ));
}

#[test]
fn a_limit_needs_no_trust_because_it_only_restricts() {
    let key = Secret::generate().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let rest = "users = [\"*\"]\nscopes = [\"file:read:/a\"]\nmax_spend = \"unlimited\"\n";
    put(folder.path(), "one", &format!("key = \"{}\"\n{rest}", key.public()));
    let trust = TrustRoots::load(folder.path(), me()).unwrap();
    let judged = |list: &[&str]| {
        let bytes = request(&Request { scopes: scopes(list), ..example() }, &key, now()).unwrap();
        authorize(&Unverified::parse(&bytes).unwrap().verify(now()).unwrap(), UID, &trust)
    };
    assert!(judged(&["file:read:/a", "limit:execs:5"]).is_ok());
    assert!(matches!(judged(&["file:read:/b", "limit:execs:5"]), Err(TrustError::Scope { .. })));
}

#[test]
fn two_files_for_one_key_both_pin_nothing() {
    let key = Secret::generate().unwrap();
    let folder = tempfile::tempdir().unwrap();
    for name in ["one", "two"] {
        put(folder.path(), name, &format!("key = \"{}\"\n{ALL}", key.public()));
    }
    let trust = TrustRoots::load(folder.path(), me()).unwrap();
    assert!(trust.roots.is_empty());
    assert_eq!(trust.refused.len(), 2);
}

#[test]
fn an_enrolled_key_is_trusted_as_it_was_enrolled() {
    let key = Secret::generate().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let below = folder.path().join("gov/trust.d");
    let accounts = Accounts::parse("alice:x:4242:4242::/home/alice:/bin/sh");
    let enrolment = Enrolment {
        key: key.public(),
        users: vec!["4242".to_owned()],
        scopes: scopes(&["file:write:/project", "code:execute:/project"]),
        max_spend: Some("200usd".parse().unwrap()),
    };
    let path = enrolment.write(&below, me(), &accounts).unwrap();
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o644);
    let trust = TrustRoots::load(&below, me()).unwrap();
    assert!(authorize(&delegation(&key), UID, &trust).is_ok());
    let [root] = trust.roots.as_slice() else { panic!("{trust:?}") };
    assert_eq!(root.users, Users::These([UID].into()));
    assert_eq!(root.scopes, Scopes::Within(enrolment.scopes.clone()));
    assert!(matches!(
        enrolment.write(&below, me(), &accounts),
        Err(TrustError::File { why: FileFault::Twice(_), .. })
    ));
    let other = Secret::generate().unwrap().public();
    let limited = Enrolment { key: other, scopes: scopes(&["limit:execs:5"]), ..enrolment.clone() };
    assert!(matches!(
        limited.write(&below, me(), &accounts),
        Err(TrustError::File { why: FileFault::Limit(_), .. })
    ));
    let stranger = Enrolment { users: vec!["bob".to_owned()], ..enrolment };
    assert!(matches!(
        stranger.write(&below, me(), &accounts),
        Err(TrustError::File { why: FileFault::User(_), .. })
    ));
}

fn rotation(old: &Secret, new: &Secret, at: &str) -> crate::rotation::Rotation {
    crate::rotation::Rotation::sign(crate::rotation::Purpose::User, old, new, instant(at).unwrap())
}

fn chain(links: &[crate::rotation::Rotation]) -> crate::rotation::Chain {
    let start = crate::rotation::Chain::default();
    links.iter().fold(start, |chain, link| chain.with(link.clone()).unwrap())
}

const LIMITED: &str = "users = [\"4242\"]\nscopes = [\"file:write:/project\", \"code:execute:/project\"]\nmax_spend = \"200usd\"\n";

#[test]
fn a_new_key_stands_in_the_old_ones_place_with_its_limits() {
    let (old, new, folder) =
        (Secret::from_seed([1; 32]), Secret::from_seed([2; 32]), tempfile::tempdir().unwrap());
    put(folder.path(), "one", &format!("# kept\nkey = \"{}\"\n{LIMITED}", old.public()));
    let links = chain(&[rotation(&old, &new, "2026-11-22T00:05:00.000Z")]);
    super::succeed(folder.path(), me(), &links, now()).unwrap();
    let trust = TrustRoots::load(folder.path(), me()).unwrap();
    assert!(trust.refused.is_empty(), "{:?}", trust.refused);
    let of = |key: &Secret| trust.roots.iter().find(|root| root.key == key.public()).unwrap();
    let (before, after) = (of(&old), of(&new));
    assert_eq!(
        (&before.users, &before.scopes, before.max_spend),
        (&after.users, &after.scopes, after.max_spend)
    );
    assert_eq!(before.rotated.unwrap().to, new.public());
    assert!(std::fs::read_to_string(folder.path().join("one.toml")).unwrap().starts_with("# kept\n"));
    authorize(&delegation(&new), UID, &trust).unwrap();
    let error = authorize(&delegation(&old), UID, &trust).unwrap_err();
    assert!(matches!(error, TrustError::Rotated { to, .. } if to == new.public()), "{error}");
}

#[test]
fn what_the_old_key_issued_before_it_gave_way_still_counts() {
    let (old, new, folder) =
        (Secret::from_seed([1; 32]), Secret::from_seed([2; 32]), tempfile::tempdir().unwrap());
    put(folder.path(), "one", &format!("key = \"{}\"\n{LIMITED}", old.public()));
    let links = chain(&[rotation(&old, &new, "2026-11-22T00:11:00.000Z")]);
    super::succeed(folder.path(), me(), &links, now()).unwrap();
    authorize(&delegation(&old), UID, &TrustRoots::load(folder.path(), me()).unwrap()).unwrap();
}

#[test]
fn a_key_that_may_grant_nothing_is_followed_by_one_that_may_grant_nothing() {
    let (old, new, folder) =
        (Secret::from_seed([1; 32]), Secret::from_seed([2; 32]), tempfile::tempdir().unwrap());
    put(
        folder.path(),
        "one",
        &format!("key = \"{}\"\nusers = []\nscopes = []\nmax_spend = \"0usd\"\n", old.public()),
    );
    let links = chain(&[rotation(&old, &new, "2026-11-22T00:05:00.000Z")]);
    super::succeed(folder.path(), me(), &links, now()).unwrap();
    let trust = TrustRoots::load(folder.path(), me()).unwrap();
    let after = trust.roots.iter().find(|root| root.key == new.public()).unwrap();
    assert_eq!((&after.users, &after.scopes), (&Users::These([].into()), &Scopes::Within(Vec::new())));
}

#[test]
fn continuity_helps_nobody_whose_key_is_not_trusted_any_more() {
    use super::succession::Fault;
    let keys: Vec<Secret> = (1..6).map(|number| Secret::from_seed([number; 32])).collect();
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "one", &format!("key = \"{}\"\n{LIMITED}", keys[0].public()));
    let refused =
        |links: &[crate::rotation::Rotation]| match super::succeed(folder.path(), me(), &chain(links), now())
        {
            Err(TrustError::Succession(fault)) => fault,
            other => panic!("{other:?}"),
        };
    let early = "2026-11-22T00:05:00.000Z";
    assert_eq!(refused(&[]), Fault::Empty);
    assert_eq!(refused(&[rotation(&keys[3], &keys[4], early)]), Fault::Unknown);
    let late = rotation(&keys[0], &keys[1], "2026-11-22T01:05:00.000Z");
    assert!(matches!(refused(&[late]), Fault::Early(_)));
    let first = rotation(&keys[0], &keys[1], early);
    let path = super::succeed(folder.path(), me(), &chain(std::slice::from_ref(&first)), now()).unwrap();
    // A thief of the old key names another successor; nobody takes it.
    let other = rotation(&keys[0], &keys[2], early);
    assert!(matches!(refused(&[other]), Fault::Taken { to, .. } if to == keys[1].public()));
    // The successor is taken out of trust: neither its own successor nor the old key's statement brings it back.
    std::fs::remove_file(path).unwrap();
    assert!(matches!(refused(std::slice::from_ref(&first)), Fault::Taken { .. }));
    assert!(matches!(refused(&[first, rotation(&keys[1], &keys[3], early)]), Fault::Taken { .. }));
    assert_eq!(refused(&[rotation(&keys[1], &keys[3], early)]), Fault::Unknown);
}

#[test]
fn half_of_a_rotation_pins_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let key = Secret::from_seed([1; 32]).public();
    for rest in
        [format!("rotated_to = \"{key}\"\n"), "rotated_at = \"2026-11-22T00:05:00.000Z\"\n".to_owned()]
    {
        put(folder.path(), "one", &format!("key = \"{key}\"\n{LIMITED}{rest}"));
        let trust = TrustRoots::load(folder.path(), me()).unwrap();
        assert!(trust.roots.is_empty());
        assert!(matches!(&trust.refused[..], [TrustError::File { why: FileFault::Rotated, .. }]));
    }
}

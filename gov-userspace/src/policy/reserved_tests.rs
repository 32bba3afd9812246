//! What scopes do not grant, however wide they are.

use gov_common::decide;
use gov_common::policy::{NO_SCOPE, NODE_KEPT, Node};
use gov_common::rights::Rights;
use gov_common::verdict::Reason;
use proptest::prelude::*;

use super::tests::{World, scopes, walk};
use super::{Compiled, Grants, PolicyError, Reserved, compile};
use crate::scope::CleanPath;

const ALL: Rights = Rights::READ.with(Rights::WRITE).with(Rights::EXECUTE).with(Rights::CONNECT);

fn path(text: &str) -> CleanPath {
    CleanPath::new(text.as_bytes()).unwrap()
}

/// A daemon's own places, and a session's folder within them.
fn reserved(world: &World) -> Reserved {
    let mut reserved = Reserved::default();
    reserved.keep(&path("/var/lib/gov"), Rights::NONE, world).unwrap();
    reserved.keep(&path("/etc/gov"), Rights::READ, world).unwrap();
    reserved.set_apart(&path("/dev"));
    reserved.open(&path("/var/lib/gov/tmp/s"), ALL);
    reserved
}

fn compiled(texts: &[&str], world: &World) -> Result<Compiled, PolicyError> {
    let scopes = scopes(texts);
    compile(Grants::from(&scopes).but(&reserved(world)), world)
}

fn verdict(compiled: &Compiled, path: &str, wanted: Rights) -> Reason {
    let (node, exact) = walk(compiled, path.as_bytes());
    decide::file(&node, exact, wanted, false, false).reason
}

const WIDE: [&str; 4] = ["file:read:/", "file:write:/", "code:execute:/", "network:unix:/"];

#[test]
fn the_widest_scopes_do_not_reach_what_is_kept() {
    let compiled = compiled(&WIDE, &World::default()).unwrap();
    for wanted in [Rights::READ, Rights::WRITE, Rights::EXECUTE, Rights::CONNECT] {
        assert_eq!(verdict(&compiled, "/var/lib/gov", wanted), Reason::Ground);
        assert_eq!(verdict(&compiled, "/var/lib/gov/keys/log", wanted), Reason::Ground);
        assert_eq!(verdict(&compiled, "/var/lib/gov/tmp/other/a", wanted), Reason::Ground);
        assert_eq!(verdict(&compiled, "/var/lib/gov/tmp/s/a", wanted), Reason::Granted);
        assert_eq!(verdict(&compiled, "/var/lib/gov-2/a", wanted), Reason::Granted);
        assert_eq!(verdict(&compiled, "/dev/sda", wanted), Reason::OutOfScope);
    }
    assert_eq!(verdict(&compiled, "/etc/gov/trust.d/a.toml", Rights::READ), Reason::Granted);
    assert_eq!(verdict(&compiled, "/etc/gov/trust.d/a.toml", Rights::WRITE), Reason::Ground);
    assert_eq!(walk(&compiled, b"/etc/gov").0.write_scope, NO_SCOPE);
}

#[test]
fn a_link_that_a_scope_leads_through_stays_as_it_is() {
    let world = World::default().link("/x/link", "/y", true);
    let compiled = compiled(&["file:write:/x", "file:write:/x/link"], &world).unwrap();
    assert_eq!(verdict(&compiled, "/x/link", Rights::WRITE), Reason::Ground);
    for granted in ["/y", "/x/other", "/x/link2"] {
        assert_eq!(verdict(&compiled, granted, Rights::WRITE), Reason::Granted, "{granted}");
    }
}

#[test]
fn what_lies_above_stays_where_it_is_and_its_other_contents_do_not() {
    let compiled = compiled(&WIDE, &World::default()).unwrap();
    for kept in ["/", "/var", "/var/lib", "/etc", "/var/lib/gov/tmp", "/dev"] {
        assert_ne!(verdict(&compiled, kept, Rights::WRITE), Reason::Granted, "{kept}");
    }
    for kept in ["/", "/var", "/var/lib", "/etc"] {
        assert_eq!(verdict(&compiled, kept, Rights::READ), Reason::Granted, "{kept}");
    }
    for free in ["/srv", "/var/cache", "/var/lib/other", "/etc/passwd", "/var/lib/gov/tmp/s"] {
        assert_eq!(verdict(&compiled, free, Rights::WRITE), Reason::Granted, "{free}");
    }
}

#[test]
fn a_link_on_the_way_is_kept_and_what_it_leads_to_is_too() {
    let world = World::default().link("/var/lib", "../data/lib", false).link("/data", "/disk", false);
    let compiled = compiled(&["file:write:/"], &world).unwrap();
    for (kept, reason) in [
        ("/var/lib", Reason::Ground),
        ("/data", Reason::Ground),
        ("/disk", Reason::Ground),
        ("/disk/lib", Reason::Ground),
        ("/disk/lib/gov/keys", Reason::Ground),
        ("/disk/lib/other", Reason::Granted),
    ] {
        assert_eq!(verdict(&compiled, kept, Rights::WRITE), reason, "{kept}");
    }
    let loops = World::default().link("/var", "/var", true);
    assert!(Reserved::default().keep(&path("/var/x"), Rights::NONE, &loops).is_err());
}

#[test]
fn a_scope_that_grants_what_is_kept_is_an_error() {
    let world = World::default();
    for scope in [
        "file:read:/var/lib/gov",
        "file:write:/var/lib/gov/tmp/other",
        "network:unix:/var/lib/gov/socket",
        "file:write:/etc/gov/trust.d",
        "code:execute:/etc/gov",
    ] {
        let error = compiled(&[scope], &world).unwrap_err();
        assert!(matches!(error, PolicyError::Reserved { .. }), "{scope}: {error}");
    }
    for scope in ["file:write:/var/lib/gov/tmp/s", "file:read:/etc/gov", "file:read:/dev/null"] {
        compiled(&[scope], &world).unwrap();
    }
}

#[test]
fn a_scope_that_names_what_lies_apart_grants_it() {
    let compiled = compiled(&["file:read:/", "file:write:/dev/shm"], &World::default()).unwrap();
    assert_eq!(verdict(&compiled, "/dev/shm/a", Rights::WRITE), Reason::Granted);
    assert_eq!(verdict(&compiled, "/dev/sda", Rights::READ), Reason::OutOfScope);
}

#[test]
fn what_no_grant_reaches_takes_no_nodes() {
    let scopes = scopes(&["file:write:/project", "file:read:/dev/null", "file:write:/var/lib/gov/tmp/s"]);
    let world = World::default();
    let with = compile(Grants::from(&scopes).but(&reserved(&world)), &world).unwrap();
    assert_eq!(with, compile(&scopes, &world).unwrap());
    assert!(!with.edges.iter().any(|(_, node): &(_, Node)| node.flags & NODE_KEPT != 0));
}

proptest! {
    /// Whatever is granted, nothing within what is kept is, and everything that is neither within nor above it is as
    /// it would be without.
    #[test]
    fn what_is_reserved_takes_away_there_and_nowhere_else(
        texts in proptest::collection::vec(
            (prop::sample::select(vec!["file:read", "file:write", "code:execute", "network:unix"]),
             prop::sample::select(vec!["/", "/var", "/var/lib", "/etc", "/srv", "/var/lib/other"])),
            1..5,
        ),
        right in prop::sample::select(vec![Rights::READ, Rights::WRITE, Rights::EXECUTE, Rights::CONNECT]),
    ) {
        let scopes: Vec<_> = texts.iter().map(|(kind, path)| format!("{kind}:{path}").parse().unwrap()).collect();
        let world = World::default();
        let with = compile(Grants::from(&scopes).but(&reserved(&world)), &world).unwrap();
        let without = compile(&scopes, &world).unwrap();
        for place in ["/var/lib/gov", "/var/lib/gov/keys/k", "/var/lib/gov/tmp", "/var/lib/gov/tmp/t/x"] {
            prop_assert_ne!(verdict(&with, place, right), Reason::Granted);
        }
        for place in ["/x", "/var/x", "/var/lib/x", "/var/lib/other/x", "/etc/x", "/srv/x", "/var/lib/gov/tmp/s/x"] {
            prop_assert_eq!(verdict(&with, place, right), verdict(&without, place, right), "{}", place);
        }
    }
}

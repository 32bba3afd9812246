//! A session's own folder: the policies of sessions that differ in it alone are one but for the step there.

use std::collections::HashMap;

use gov_common::decide;
use gov_common::policy::{CHUNK, EdgeKey, NODE_OWN, Node, OWN};
use gov_common::rights::Rights;
use gov_common::verdict::Reason;
use proptest::collection::vec;
use proptest::prelude::*;

use super::tests::{World, scopes};
use super::walk_tests::{OURS, reached};
use super::{Compiled, Grants, PolicyError, Reserved, compile};
use crate::scope::tests::{any_file_right, any_path};
use crate::scope::{CleanPath, Scope};

const ALL: Rights = Rights::READ.with(Rights::WRITE).with(Rights::EXECUTE).with(Rights::CONNECT);

fn path(text: &str) -> CleanPath {
    CleanPath::new(text.as_bytes()).unwrap()
}

/// The policy of a session with this folder below the daemon's; `@` in a scope stands for the folder.
fn session(folder: &str, texts: &[&str]) -> Result<Compiled, PolicyError> {
    let world = World::default();
    let folder = format!("/var/lib/gov/tmp/{folder}");
    let texts: Vec<String> = texts.iter().map(|text| text.replace('@', &folder)).collect();
    let scopes = scopes(&texts.iter().map(String::as_str).collect::<Vec<_>>());
    let outermost = folder.split('/').take(6).collect::<Vec<_>>().join("/");
    let mut reserved = Reserved::default();
    reserved.keep(&path("/var/lib/gov"), Rights::NONE, &world).unwrap();
    reserved.open(&path(&outermost), ALL);
    compile(Grants::from(&scopes).but(&reserved).in_own(&path(&folder)), &world)
}

/// What stands in the kernel when both are bound: one's shared steps, and the own one of each under its number.
fn together(one: &Compiled, other: &Compiled) -> HashMap<EdgeKey, Node> {
    assert_eq!((&one.edges, one.root, one.shared), (&other.edges, other.root, other.shared));
    let own = [(OURS, one), (OURS + 1, other)].into_iter().filter_map(|(parent, compiled)| {
        compiled.own.map(|own| (EdgeKey { parent, more: OWN, name: own.name }, own.node))
    });
    one.edges.iter().copied().chain(own).collect()
}

/// What is decided for the first of two sessions.
fn verdict(one: &Compiled, other: &Compiled, at: &str, wanted: Rights) -> Reason {
    let (node, exact) = reached(one.root, together(one, other), &path(at)).unwrap();
    decide::file(&node, exact, wanted, false, false).reason
}

const USUAL: [&str; 4] = ["file:read:/usr", "file:write:@", "code:execute:@", "file:read:@/cache/a"];
const WIDE: [&str; 4] = ["file:write:@", "file:write:/", "code:execute:/", "network:unix:/"];

#[test]
fn policies_that_differ_in_the_own_folder_alone_are_one_but_for_the_step_there() {
    for texts in [&USUAL[..], &WIDE] {
        // Names before, among and behind each other, one as long as an edge.
        for (one, other) in [("a", "z"), ("z", "b"), ("m-1", &"m".repeat(CHUNK)), ("out/a", "out/b")] {
            let (one_is, other_is) = (session(one, texts).unwrap(), session(other, texts).unwrap());
            assert_ne!(one_is.own.unwrap().name, other_is.own.unwrap().name);
            assert_eq!(one_is.own.unwrap().node, other_is.own.unwrap().node);
            assert_ne!(one_is.digest, other_is.digest);
            let in_tmp = |name: &str| format!("/var/lib/gov/tmp/{name}");
            let outside = if texts == WIDE { Reason::Ground } else { Reason::OutOfScope };
            for (at, reason) in [
                (in_tmp(one), Reason::Granted),
                (in_tmp(one) + "/x", Reason::Granted),
                (in_tmp(one) + "/cache/a", Reason::Granted),
                (in_tmp(&format!("{one}x")), outside),
                (in_tmp(other), outside),
                (in_tmp(other) + "/cache/a", outside),
                ("/var/lib/gov/tmp".to_owned(), outside),
            ] {
                let within_outer =
                    texts == WIDE && one.contains('/') && at.starts_with("/var/lib/gov/tmp/out/");
                // What the outer session has, one within it has by a wide scope: the outer one judges, too.
                let reason = if within_outer { Reason::Granted } else { reason };
                assert_eq!(
                    verdict(&one_is, &other_is, &at, Rights::READ),
                    reason,
                    "{at} of {one} beside {other}"
                );
            }
        }
    }
}

#[test]
fn a_scope_that_names_anothers_folder_is_an_error_or_is_not_shared_with_it() {
    let error = session("a", &["file:write:@", "file:read:/var/lib/gov/tmp/b"]).unwrap_err();
    assert!(matches!(error, PolicyError::Reserved { .. }), "{error}");
    // Within the same outer session it is no error.
    let texts = ["file:write:@", "file:read:/var/lib/gov/tmp/out/b/x"];
    let (one, other) = (session("out/a", &texts).unwrap(), session("out/b", &texts).unwrap());
    assert_ne!(one.shared, other.shared);
    assert_eq!(verdict(&one, &one, "/var/lib/gov/tmp/out/b/x", Rights::READ), Reason::Granted);
    assert_eq!(verdict(&one, &one, "/var/lib/gov/tmp/out/b/x", Rights::WRITE), Reason::OutOfScope);
    assert_eq!(verdict(&other, &other, "/var/lib/gov/tmp/out/b/x", Rights::WRITE), Reason::Granted);
}

#[test]
fn a_folder_whose_name_takes_several_edges_is_found_among_the_shared_ones() {
    let long = "n".repeat(CHUNK + 1);
    let compiled = session(&long, &USUAL).unwrap();
    assert_eq!(compiled.own, None);
    assert!(!compiled.edges.iter().any(|(_, node)| node.flags & NODE_OWN != 0));
    let at = format!("/var/lib/gov/tmp/{long}/x");
    assert_eq!(verdict(&compiled, &compiled, &at, Rights::WRITE), Reason::Granted);
    assert_ne!(compiled.shared, session(&"n".repeat(CHUNK + 2), &USUAL).unwrap().shared);
}

#[test]
fn without_a_grant_there_no_step_is_the_sessions_own() {
    let texts = ["file:read:/usr", "file:write:/project"];
    let compiled = session("a", &texts).unwrap();
    assert_eq!(compiled, compile(&scopes(&texts), &World::default()).unwrap());
}

proptest! {
    /// That a step stands apart changes nothing of what a session may do, wherever its folder lies.
    #[test]
    fn a_session_may_do_the_same_with_its_step_apart(
        grants in vec((any_file_right(), any_path()), 1..16),
        folder in any_path(),
        of_grant in any::<bool>(),
        others in vec(any_path(), 0..16),
        below in any_path(),
    ) {
        let folder = if of_grant { grants[0].1.clone() } else { folder };
        let scopes: Vec<Scope> = grants.iter().map(|(right, path)| Scope::File(*right, path.clone())).collect();
        let plain = compile(&scopes, &World::default()).unwrap();
        let apart = compile(Grants::from(&scopes).in_own(&folder), &World::default()).unwrap();
        let deeper = grants.iter().map(|(_, path)| path).chain([&folder]).map(|path| {
            let components = path.components().chain(below.components()).map(<[u8]>::to_vec);
            CleanPath::from_components(&components.collect::<Vec<_>>()).unwrap()
        });
        let granted = grants.iter().map(|(_, path)| path.clone()).chain([folder.clone()]);
        for path in granted.chain(deeper).chain(others) {
            let (is, exact) = reached(apart.root, together(&apart, &apart), &path).unwrap();
            let (was, was_exact) = reached(plain.root, plain.edges.iter().copied().collect(), &path).unwrap();
            let told = |node: Node| Node { id: 0, flags: node.flags & !NODE_OWN, ..node };
            prop_assert_eq!((told(is), exact), (told(was), was_exact), "{}", path);
        }
        let name = folder.components().last();
        let known = folder.components().next().is_some() && grants.iter().any(|(_, at)| folder.covers(at));
        prop_assert_eq!(apart.own.is_some(), known && name.is_some_and(|name| name.len() <= CHUNK));
    }
}

//! A start that is refused: the status says what kind of refusal, and nothing is left behind.

use std::os::fd::OwnedFd;

use jiff::{SignedDuration, Timestamp};

use super::super::engine::Question;
use super::{House, delegation, me, pidfd, signed, start, user_key};
use crate::control::message::{Refusal, Reply, Start};
use crate::key::Secret;

fn refused(house: &mut House, request: Start, pidfd: OwnedFd) -> Refusal {
    let Reply::Refused(refusal) = house.ask(Question::Start(me(), Box::new(request), pidfd)) else {
        panic!("the start was not refused")
    };
    assert!(house.left_over().is_empty(), "{:?}", house.left_over());
    assert!(house.core.enforcer.states.is_empty(), "a slot stays bound");
    refusal
}

#[tokio::test]
async fn a_delegation_of_a_key_that_nobody_pinned_is_refused_with_the_line_that_pins_it() {
    let mut house = House::new();
    let refusal = refused(&mut house, start(vec![delegation(&["file:read:/a"], 60)]), pidfd());
    assert_eq!(refusal.code, 122);
    assert!(refusal.why.contains("sudo gov keys trust"), "{refusal:?}");
}

#[tokio::test]
async fn authority_that_does_not_hold_is_refused() {
    let mut house = House::new();
    house.trust();
    let good = delegation(&["file:read:/a"], 60);
    let past = Timestamp::now().saturating_sub(SignedDuration::from_hours(2)).unwrap();
    let expired = signed(&["file:read:/a"], 60, &user_key(), past);
    let minted = signed(&["file:read:/a"], 60, &Secret::from_seed([9; 32]), Timestamp::now());
    let widened = good.replace("file:read:a", "file:read:b");
    assert_ne!(widened, good);
    let doubled = good.replacen('{', "{\"version\":\"1.0\",", 1);
    for text in [expired, minted, widened, doubled, String::new(), "{}".to_owned()] {
        let refusal = refused(&mut house, start(vec![text.clone()]), pidfd());
        assert_eq!(refusal.code, 122, "{text}: {refusal:?}");
        assert!(!refusal.why.contains('\n'), "{refusal:?}");
    }
    assert_eq!(refused(&mut house, start(Vec::new()), pidfd()).code, 122);
}

#[tokio::test]
async fn a_scope_that_cannot_be_enforced_is_refused_and_never_ignored() {
    let mut house = House::new();
    house.trust();
    for scope in ["network:connect:example.org", "network:connect:*.example.org:443"] {
        let refusal = refused(&mut house, start(vec![delegation(&["file:read:/a", scope], 60)]), pidfd());
        assert_eq!(refusal.code, 2, "{scope}: {refusal:?}");
        assert!(refusal.why.contains("not enforceable yet"), "{refusal:?}");
    }
    let refusal = refused(&mut house, start(vec![delegation(&["profile:nothing"], 60)]), pidfd());
    assert!(refusal.why.contains("there is no profile `nothing`"), "{refusal:?}");
}

#[tokio::test]
async fn a_process_that_is_gone_or_no_process_at_all_is_refused() {
    let mut house = House::new();
    house.trust();
    let mut child = std::process::Command::new("/bin/true").spawn().unwrap();
    let process = crate::host::process::Process::open(child.id()).unwrap();
    let gone = process.pidfd().try_clone_to_owned().unwrap();
    child.wait().unwrap();
    let request = || start(vec![delegation(&["file:read:/a"], 60)]);
    assert!(refused(&mut house, request(), gone).why.contains("has ended"));
    let null = std::fs::File::open("/dev/null").unwrap();
    assert!(refused(&mut house, request(), null.into()).why.contains("no pidfd"));
}

#[tokio::test]
async fn what_is_too_much_is_refused_before_anything_is_made() {
    let mut house = House::new();
    let long = "x".repeat(crate::control::MAX_DELEGATION + 1);
    assert_eq!(refused(&mut house, start(vec![long]), pidfd()).code, 2);
    let many = Start { command: vec![String::new(); crate::control::MAX_ARGUMENTS + 1], ..start(Vec::new()) };
    assert_eq!(refused(&mut house, many, pidfd()).code, 2);
}

#[tokio::test]
async fn a_cgroup_that_cannot_be_made_leaves_no_folder_behind() {
    let mut house = House::new();
    house.trust();
    let hierarchy = house.folder.path().join("cgroup");
    std::fs::remove_dir(&hierarchy).unwrap();
    std::fs::write(&hierarchy, "").unwrap();
    let request = start(vec![delegation(&["file:read:/a"], 60)]);
    let Reply::Refused(refusal) = house.ask(Question::Start(me(), Box::new(request), pidfd())) else {
        panic!("the start was not refused")
    };
    assert_eq!(refusal.what, "the session's cgroup");
    assert_eq!(std::fs::read_dir(&house.core.ground.folders.temporary).unwrap().count(), 0);
    assert_eq!(std::fs::read_dir(&house.core.ground.folders.logs).unwrap().count(), 0);
}

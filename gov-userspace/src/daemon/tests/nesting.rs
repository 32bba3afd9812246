//! Sessions within sessions: what is asked from within one, and how they end from the inside out.

use std::time::Instant;

use super::super::engine::{Peer, Question};
use super::{House, delegation, me, pidfd, start};
use crate::control::message::{Ended, Reply, SessionView, Stage};

/// A house with `a`, in it `b`, in that `c`, and beside them `d`.
fn nested() -> House {
    let mut house = House::new();
    house.session("a");
    house.session_in("b", Some("a"));
    house.session_in("c", Some("b"));
    house.session("d");
    house
}

/// A peer of this user, or of root, whose process lies in a cgroup.
fn peer(uid: u32, cgroup: &str) -> Peer {
    Peer { uid, cgroup: cgroup.into(), ..me() }
}

fn listed(house: &mut House, peer: Peer) -> Vec<String> {
    let Reply::Sessions(views) = house.ask(Question::List(peer)) else { panic!() };
    views.into_iter().map(|view| view.session).collect()
}

fn info(house: &mut House, name: &str) -> SessionView {
    let Reply::Session(view) = house.ask(Question::Info(me(), name.to_owned())) else { panic!() };
    view
}

#[tokio::test]
async fn from_within_a_session_only_those_within_it_are_seen_and_ended() {
    let mut house = nested();
    assert_eq!(listed(&mut house, me()), ["a", "b", "c", "d"]);
    for uid in [me().uid, 0] {
        assert_eq!(listed(&mut house, peer(uid, "/gov/a")), ["b", "c"]);
        assert_eq!(listed(&mut house, peer(uid, "/gov/a/b/made-by-a-container-runtime")), ["c"]);
        assert!(listed(&mut house, peer(uid, "/gov/a/b/c")).is_empty());
        assert!(listed(&mut house, peer(uid, "/gov/d")).is_empty());
        assert!(listed(&mut house, peer(uid, "/gov/none")).is_empty(), "a cgroup of no session");
        assert!(listed(&mut house, peer(uid, "/gov")).is_empty());
        for (from, name) in [("/gov/a", "a"), ("/gov/a/b", "a"), ("/gov/a", "d"), ("/gov/d", "c")] {
            let Reply::Refused(refusal) = house.ask(Question::End(peer(uid, from), name.to_owned(), false))
            else {
                panic!("`{name}` was ended from `{from}`")
            };
            assert_eq!(refusal.why, "there is no such session of yours");
            assert_eq!(info(&mut house, name).state, Stage::Running);
        }
    }
    assert!(listed(&mut house, peer(65_533, "/gov/a")).is_empty(), "another user's");
    let Reply::Session(view) = house.ask(Question::End(peer(me().uid, "/gov/a"), "c".to_owned(), false))
    else {
        panic!()
    };
    assert_eq!((view.state, view.parent.as_deref()), (Stage::Ending, Some("b")));
}

#[tokio::test]
async fn an_end_goes_inwards_and_not_outwards() {
    let mut house = nested();
    house.core.begin_end("b", Ended::EndedByUser, Instant::now());
    assert_eq!(info(&mut house, "b").ended, Some(Ended::EndedByUser));
    assert_eq!(info(&mut house, "c").ended, Some(Ended::ParentEnded));
    for other in ["a", "d"] {
        assert_eq!(info(&mut house, other).state, Stage::Running);
    }
}

#[tokio::test]
async fn logs_are_closed_from_the_inside_out() {
    let mut house = nested();
    let mut names = ["a", "c", "d", "b"].map(str::to_owned);
    house.core.sort_innermost_first(&mut names);
    assert_eq!(names, ["c", "b", "a", "d"]);
    assert!(house.core.holds_open_log("a") && house.core.holds_open_log("b"));
    assert!(!house.core.holds_open_log("c"));
    house.empty("c").await;
    assert!(!house.core.holds_open_log("b"));
    house.empty("b").await;
    assert!(!house.core.ground.folders.temporary.join("a/b").exists());
    house.empty("a").await;
    assert_eq!(info(&mut house, "c").parent.as_deref(), Some("b"));
    let start = std::fs::read_to_string(house.core.ground.folders.logs.join("c/log.jsonl")).unwrap();
    assert!(start.lines().next().unwrap().contains(r#""parent":"b""#), "{start}");
}

#[tokio::test]
async fn closed_sessions_are_still_those_of_the_session_that_they_lay_in() {
    let mut house = nested();
    house.empty("c").await;
    house.empty("b").await;
    assert_eq!(listed(&mut house, peer(me().uid, "/gov/a")), ["c", "b"]);
    assert!(listed(&mut house, peer(me().uid, "/gov/d")).is_empty());
}

#[tokio::test]
async fn those_within_a_session_are_counted_together_however_deep() {
    let mut house = nested();
    for number in 2..64 {
        let outer = ["a", "b", "c"][number % 3];
        assert!(house.core.check_room_within(outer).is_ok());
        house.session_in(&format!("within-{number}"), Some(outer));
    }
    for outer in ["a", "b", "c", "within-7"] {
        let refusal = house.core.check_room_within(outer).unwrap_err();
        assert_eq!(refusal.why, "64 sessions are open in `a` already");
    }
    assert!(house.core.check_room_within("d").is_ok(), "those of others are others'");
    house.empty("within-2").await;
    assert!(house.core.check_room_within("b").is_ok());
}

#[tokio::test]
async fn a_process_elsewhere_is_not_governed_for_a_governed_peer() {
    let mut house = nested();
    house.trust();
    let request = start(vec![delegation(&["file:read:/a"], 60)]);
    let question = Question::Start(peer(me().uid, "/gov/a"), Box::new(request), pidfd());
    let Reply::Refused(refusal) = house.ask(question) else { panic!("it was started") };
    assert_eq!((refusal.code, refusal.what.as_str()), (122, "the process to govern"));
    assert!(refusal.why.contains("same session"), "{refusal:?}");
}

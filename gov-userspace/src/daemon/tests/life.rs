//! What becomes of a session's events, and how it ends.

use std::time::{Duration, Instant};

use gov_common::verdict::Reason;

use super::super::engine::{Peer, Question};
use super::{House, me};
use crate::control::message::{Ended, Reply, Stage};

#[tokio::test]
async fn a_session_is_recorded_from_start_to_close() {
    let mut house = House::new();
    house.session("demo-1");
    house.event(0, Reason::Granted);
    house.event(1, Reason::OutOfScope);
    house.empty("demo-1").await;
    assert_eq!(house.kinds("demo-1").first().unwrap(), "start");
    assert_eq!(house.kinds("demo-1").last().unwrap(), "close");
    assert_eq!(house.kinds("demo-1").iter().filter(|kind| *kind == "reads").count(), 1);
    let Reply::Session(view) = house.ask(Question::Info(me(), "demo-1".to_owned())) else { panic!() };
    assert_eq!((view.state, view.ended), (Stage::Closed, Some(Ended::Completed)));
    assert_eq!((view.decisions, view.refused), (2, 1));
    assert_eq!(view.receipts as usize, house.kinds("demo-1").len());
    assert!(!house.core.ground.folders.temporary.join("demo-1").exists());
    assert_eq!(house.core.enforcer.unbound, [0]);
}

#[tokio::test]
async fn events_that_two_processors_swapped_stand_in_their_order() {
    let mut house = House::new();
    house.session("demo-1");
    for sequence in [1, 0, 3, 2] {
        house.event(sequence, Reason::Granted);
    }
    house.empty("demo-1").await;
    let log = house.core.ground.folders.logs.join("demo-1").join(crate::journal::LOG);
    let text = std::fs::read_to_string(log).unwrap();
    let numbers: Vec<u64> = text
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["sequence"].as_u64())
        .collect();
    assert_eq!(numbers, [0, 1, 2, 3]);
}

#[tokio::test]
async fn what_the_kernel_lost_is_declared_lost_and_not_passed_over() {
    let mut house = House::new();
    house.session("demo-1");
    house.event(0, Reason::Granted);
    house.event(3, Reason::Granted);
    house.core.enforcer.states.get_mut(&0).unwrap().lost = 2;
    house.empty("demo-1").await;
    assert_eq!(house.kinds("demo-1").iter().filter(|kind| *kind == "loss").count(), 1);
}

#[tokio::test]
async fn a_session_is_not_closed_while_an_event_is_on_its_way() {
    let mut house = House::new();
    house.session("demo-1");
    house.event(1, Reason::Granted);
    let now = Instant::now();
    assert!(!house.core.is_complete("demo-1", now), "event 0 was numbered and has not come");
    assert!(
        house.core.is_complete("demo-1", now + Duration::from_secs(3)),
        "but that is not waited for for ever"
    );
}

#[tokio::test]
async fn a_refusal_is_durable_at_once() {
    let mut house = House::new();
    house.session("demo-1");
    let checkpoint = house.core.ground.folders.logs.join("demo-1").join(crate::journal::CHECKPOINT);
    let before = std::fs::read(&checkpoint).unwrap();
    house.event(0, Reason::Granted);
    house.core.commit_and_wait(Instant::now());
    assert_eq!(std::fs::read(&checkpoint).unwrap(), before, "a granted act waits for its checkpoint");
    house.event(1, Reason::OutOfScope);
    house.core.commit_and_wait(Instant::now());
    assert_ne!(std::fs::read(&checkpoint).unwrap(), before);
}

#[tokio::test]
async fn an_event_that_comes_twice_cuts_the_session_off() {
    let mut house = House::new();
    house.session("demo-1");
    house.event(0, Reason::Granted);
    house.event(0, Reason::Granted);
    assert_eq!(house.core.enforcer.cut, [(0, Reason::CutOff)]);
}

#[tokio::test]
async fn only_its_owner_and_root_see_or_end_a_session() {
    let mut house = House::new();
    house.session("demo-1");
    let stranger = Peer { uid: 65_533, gid: 65_533, cgroup: "/".into() };
    for question in [
        Question::Info(stranger.clone(), "demo-1".to_owned()),
        Question::End(stranger.clone(), "demo-1".to_owned(), false),
    ] {
        let Reply::Refused(refusal) = house.ask(question) else { panic!() };
        assert_eq!(refusal.why, "there is no such session of yours");
    }
    let Reply::Sessions(list) = house.ask(Question::List(stranger)) else { panic!() };
    assert!(list.is_empty());
    let root = Peer { uid: 0, gid: 0, cgroup: "/".into() };
    let Reply::Session(view) = house.ask(Question::End(root, "demo-1".to_owned(), false)) else { panic!() };
    assert_eq!((view.state, view.ended), (Stage::Ending, Some(Ended::EndedByUser)));
}

#[tokio::test]
async fn a_daemon_that_stops_ends_its_sessions_and_takes_no_more() {
    let mut house = House::new();
    house.trust();
    house.session("demo-1");
    house.core.stop(Instant::now());
    assert!(house.core.has_sessions());
    let Reply::Refused(refusal) =
        house.ask(Question::Start(me(), Box::new(super::start(Vec::new())), super::pidfd()))
    else {
        panic!()
    };
    assert_eq!(refusal.code, 121);
    house.empty("demo-1").await;
    assert!(!house.core.has_sessions());
}

//! How a session loses its authority: for good, or until its circuit is closed again.

use std::time::Instant;

use gov_common::verdict::Reason;

use super::super::engine::Question;
use super::{House, me};
use crate::clock;
use crate::control::message::{Ended, Reply, SessionView, Stage};
use crate::kernel::Interference;

fn view(house: &mut House) -> SessionView {
    let Reply::Session(view) = house.ask(Question::Info(me(), "demo-1".to_owned())) else { panic!() };
    view
}

/// Frozen, refused everything by the kernel, and killed.
fn is_cut_off(house: &mut House, reason: Reason, ended: Ended) {
    assert_eq!(house.written("demo-1", "cgroup.freeze"), "1");
    assert_eq!(house.core.enforcer.cut, [(0, reason)]);
    assert_eq!(house.written("demo-1", "cgroup.kill"), "1");
    let view = view(house);
    assert_eq!((view.state, view.ended), (Stage::Ending, Some(ended)));
}

#[tokio::test]
async fn what_takes_the_authority_away_leaves_no_grace() {
    for (reason, open_until_ns, ended, ending) in [
        (Reason::Expired, 0, Ended::Expired, "expired"),
        (Reason::Exhausted, 0, Ended::Exhausted, "exhausted"),
        (Reason::CircuitOpen, u64::MAX, Ended::CircuitOpen, "circuit-open"),
    ] {
        let mut house = House::new();
        house.session("demo-1");
        house.core.ground.config.grace_ms = 600_000;
        house.stands(reason, open_until_ns);
        house.core.tick(Instant::now());
        is_cut_off(&mut house, reason, ended);
        house.core.tick(Instant::now());
        house.empty("demo-1").await;
        assert_eq!(house.kinds("demo-1").iter().filter(|kind| *kind == "cut").count(), 1);
        assert_eq!(house.lines("demo-1").last().unwrap()["ending"]["reason"], ending);
    }
}

#[tokio::test]
async fn a_session_is_looked_at_when_its_time_is_over_and_not_before() {
    let mut house = House::new();
    house.session("demo-1");
    house.stands(Reason::Expired, 0);
    house.core.on_time();
    assert_eq!(view(&mut house).state, Stage::Running);
    house.core.sessions.get_mut("demo-1").unwrap().expires_boot_ns = 1;
    house.core.due_ns = Some(1);
    house.core.on_time();
    is_cut_off(&mut house, Reason::Expired, Ended::Expired);
    assert_eq!(house.core.due_ns, None);
}

#[tokio::test]
async fn a_break_with_a_cooldown_freezes_the_session_until_its_circuit_is_closed() {
    let mut house = House::new();
    house.session("demo-1");
    let until = clock::boot_ns() + 3_600_000_000_000;
    house.stands(Reason::CircuitOpen, until);
    house.core.tick(Instant::now());
    assert_eq!(house.written("demo-1", "cgroup.freeze"), "1");
    assert_eq!((view(&mut house).state, house.core.due_ns), (Stage::Frozen, Some(until)));
    assert!(house.core.enforcer.cut.is_empty() && house.written("demo-1", "cgroup.kill").is_empty());
    house.stands(Reason::Granted, until);
    house.core.tick(Instant::now());
    assert_eq!(house.written("demo-1", "cgroup.freeze"), "0");
    assert_eq!(view(&mut house).state, Stage::Running);
    house.empty("demo-1").await;
    assert_eq!(house.kinds("demo-1").iter().filter(|kind| *kind == "resumed").count(), 1);
}

#[tokio::test]
async fn a_frozen_session_that_is_ended_is_cut_off_for_it_cannot_be_asked() {
    let mut house = House::new();
    house.session("demo-1");
    house.core.ground.config.grace_ms = 600_000;
    house.stands(Reason::CircuitOpen, clock::boot_ns() + 3_600_000_000_000);
    house.core.tick(Instant::now());
    house.ask(Question::End(me(), "demo-1".to_owned(), false));
    is_cut_off(&mut house, Reason::CutOff, Ended::EndedByUser);
}

#[tokio::test]
async fn a_session_that_is_asked_to_end_keeps_its_authority_until_it_is_withdrawn() {
    let mut house = House::new();
    house.session("demo-1");
    house.core.ground.config.grace_ms = 600_000;
    house.ask(Question::End(me(), "demo-1".to_owned(), false));
    assert!(house.core.enforcer.cut.is_empty() && house.written("demo-1", "cgroup.freeze").is_empty());
    assert_eq!(view(&mut house).ended, Some(Ended::EndedByUser));
    house.ask(Question::End(me(), "demo-1".to_owned(), true));
    is_cut_off(&mut house, Reason::Revoked, Ended::EndedByUser);
}

#[tokio::test]
async fn an_interference_is_recorded_and_one_that_cannot_be_mended_ends_the_session() {
    let mut house = House::new();
    house.session("demo-1");
    let found = |enforced, mended, slot| Interference { what: "a change".to_owned(), mended, slot, enforced };
    house.core.enforcer.interferences = vec![found(true, false, None), found(false, true, Some(0))];
    house.core.enforcer.interferences.push(found(false, false, Some(1)));
    house.core.look_after();
    house.core.commit_and_wait(Instant::now());
    let lines = house.lines("demo-1");
    let told: Vec<_> = lines.iter().filter(|line| line["kind"] == "interference").collect();
    assert_eq!(told.len(), 2, "another session's is not told here");
    assert_eq!((told[0].get("enforced"), &told[1]["enforced"]), (None, &false.into()));
    assert_eq!(view(&mut house).state, Stage::Running);
    house.core.enforcer.interferences = vec![found(false, false, Some(0))];
    house.core.look_after();
    is_cut_off(&mut house, Reason::CutOff, Ended::NotEnforced);
}

#[tokio::test]
async fn a_session_whose_authority_is_withdrawn_ends_as_revoked() {
    let mut house = House::new();
    house.session("demo-1");
    house.ask(Question::End(me(), "demo-1".to_owned(), true));
    house.ask(Question::End(me(), "demo-1".to_owned(), true));
    is_cut_off(&mut house, Reason::Revoked, Ended::Revoked);
}

//! The key that signs logs is rotated while sessions run.

use gov_common::verdict::Reason;

use super::super::engine::Question;
use super::House;
use crate::control::message::Reply;
use crate::journal::{CHECKPOINT, LOG, Log, Recovery};
use crate::key::Public;
use crate::keystore::{is_kept, log_public};
use crate::note::Checkpoint;

/// Which of these keys signed a log's latest checkpoint.
fn signer(house: &House, session: &str, keys: &[Public]) -> Public {
    let note = std::fs::read(house.core.ground.folders.logs.join(session).join(CHECKPOINT)).unwrap();
    Checkpoint::verify(&note, keys).unwrap().1
}

fn rotate(house: &mut House) -> (Public, Public) {
    let Reply::Rotated(rotated) = house.ask(Question::RotateLogKey) else { panic!("it was not rotated") };
    (Public::from_hex(&rotated.old).unwrap(), Public::from_hex(&rotated.new).unwrap())
}

#[tokio::test]
async fn a_session_keeps_its_key_to_its_end_and_then_the_key_is_destroyed() {
    let mut house = House::new();
    house.session("demo-1");
    let (old, new) = rotate(&mut house);
    house.event(0, Reason::Granted);
    house.session("demo-2");
    let state = house.core.ground.config.state.clone();
    assert!(is_kept(&state, old));
    assert_eq!(log_public(&state).unwrap(), Some(new));
    assert_eq!(house.lines("demo-1")[0]["key"], old.to_string());
    assert_eq!(house.lines("demo-2")[0]["key"], new.to_string());
    house.empty("demo-1").await;
    assert_eq!(signer(&house, "demo-1", &[old, new]), old);
    assert!(!is_kept(&state, old) && house.core.ground.keys.retired().is_empty());
    house.core.commit(std::time::Instant::now() + std::time::Duration::from_secs(9));
    assert_eq!(signer(&house, "demo-2", &[old, new]), new);
}

#[tokio::test]
async fn a_key_that_no_log_needs_is_destroyed_at_once() {
    let mut house = House::new();
    house.session("demo-1");
    house.empty("demo-1").await;
    let (old, new) = rotate(&mut house);
    assert!(!is_kept(&house.core.ground.config.state, old));
    let (again, _newest) = rotate(&mut house);
    assert_eq!(again, new);
}

#[tokio::test]
async fn a_log_without_an_end_keeps_its_key_and_a_closed_one_is_known_by_its_public_half() {
    let mut house = House::new();
    for name in ["demo-1", "demo-2"] {
        house.session(name);
    }
    house.empty("demo-1").await;
    // As one that a daemon left when it was killed.
    drop(house.core.sessions.remove("demo-2"));
    let (old, _new) = rotate(&mut house);
    let ground = &house.core.ground;
    assert!(is_kept(&ground.config.state, old));
    let recover = |name: &str| {
        Log::recover(
            &ground.folders.logs.join(name),
            |key| ground.signer(key),
            |_line| (),
            |_found| Ok(Vec::new()),
        )
    };
    assert!(matches!(recover("demo-1"), Ok(Recovery::Closed)));
    assert!(matches!(recover("demo-2"), Ok(Recovery::Resumed(..))));
    house.core.destroy_unneeded_keys();
    assert!(!is_kept(&house.core.ground.config.state, old), "the log has its end, and the key is kept");
    let ground = &house.core.ground;
    let recovered = Log::recover(
        &ground.folders.logs.join("demo-1"),
        |key| ground.signer(key),
        |_line| (),
        |_found| Ok(Vec::new()),
    );
    assert!(matches!(recovered, Ok(Recovery::Closed)), "a log of a key that is gone is taken for changed");
}

#[tokio::test]
async fn a_log_that_cannot_be_read_keeps_the_key() {
    let mut house = House::new();
    house.session("demo-1");
    house.empty("demo-1").await;
    let log = house.core.ground.folders.logs.join("demo-1");
    let text = std::fs::read_to_string(log.join(LOG)).unwrap();
    std::fs::write(log.join(LOG), &text[..text.len() - 5]).unwrap();
    let (old, _new) = rotate(&mut house);
    assert!(is_kept(&house.core.ground.config.state, old));
}

//! What becomes of sessions when their logs fail, when clocks jump, and of what somebody left among the logs.

use std::collections::BTreeSet;
use std::fs;
use std::io::BufReader;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Instant;

use gov_common::event::Header;
use gov_common::verdict::Reason;
use jiff::Timestamp;
use rustix::fs::{CWD, FileType, Mode, mknodat};

use super::super::recovery::recover_logs;
use super::{House, record};
use crate::clock::Offset;
use crate::control::message::Ended;
use crate::journal::{CHECKPOINT, CHECKPOINTS, DELEGATION, LOG};
use crate::verify::{self, Evidence, Verdict};

/// A year, in nanoseconds.
const YEAR: i64 = 31_536_000_000_000_000;

/// What a verifier makes of a log.
fn verified(house: &House, session: &str) -> verify::Report {
    let folder = house.core.ground.folders.logs.join(session);
    let open = |name: &str| BufReader::new(fs::File::open(folder.join(name)).unwrap());
    let evidence = Evidence {
        log: open(LOG),
        checkpoint: fs::read(folder.join(CHECKPOINT)).unwrap(),
        history: Some(open(CHECKPOINTS)),
        since: None,
        delegation: Some(fs::read(folder.join(DELEGATION)).unwrap()),
        ancestors: None,
        claimed: None,
    };
    verify::log(evidence, &[house.core.ground.keys.current().public()], 1, &mut |_bytes| ()).unwrap()
}

/// The kernel's account of the reads that the double tells of.
fn count_reads(house: &mut House) {
    let state = house.core.enforcer.states.get_mut(&0).unwrap();
    (state.counted_reads, state.granted[0]) = (3, 3);
}

#[tokio::test]
async fn a_log_that_fails_cuts_off_its_own_session_and_is_finished_when_the_disk_takes_it() {
    let mut house = House::new();
    house.session("demo-1");
    house.session("demo-2");
    count_reads(&mut house);
    let checkpoint = house.core.ground.folders.logs.join("demo-1").join(CHECKPOINT);
    fs::remove_file(&checkpoint).unwrap();
    fs::create_dir_all(checkpoint.join("in-the-way")).unwrap();
    house.event(0, Reason::OutOfScope);
    house.core.commit_and_wait(Instant::now());
    assert_eq!(house.core.enforcer.cut, [(0, Reason::CutOff)], "the other session goes on");
    house.empty("demo-1").await;
    assert_eq!(house.core.closed.back().unwrap().ended, Some(Ended::LogFailed));
    assert_eq!(house.core.unfinished_logs(), 1);
    house.core.tick(Instant::now());
    assert_eq!(house.core.unfinished_logs(), 1, "the disk takes nothing yet");
    fs::remove_dir_all(&checkpoint).unwrap();
    house.core.tick(Instant::now());
    assert_eq!(house.core.unfinished_logs(), 0);
    let kinds = house.kinds("demo-1");
    assert!(kinds.iter().any(|kind| kind == "cut"));
    assert_eq!(kinds.last().unwrap(), "close");
    let report = verified(&house, "demo-1");
    assert_eq!(report.verdict, Verdict::Holds, "{:?}", report.items);
}

#[tokio::test]
async fn a_clock_that_jumps_is_receipted_once_and_moves_no_end() {
    let mut house = House::new();
    house.session("demo-1");
    count_reads(&mut house);
    let expires = house.core.sessions["demo-1"].expires_boot_ns;
    let now = Offset::sample().wall_ns(0);
    for (event, offset) in (0_u64..).zip([now + YEAR, now + YEAR, now - YEAR, now]) {
        house.core.follow_clock(Offset::from_nanoseconds(offset));
        house.event(event, Reason::Granted);
    }
    assert_eq!(house.core.sessions["demo-1"].expires_boot_ns, expires);
    house.empty("demo-1").await;
    let lines = house.lines("demo-1");
    let steps: Vec<_> = lines.iter().filter(|line| line["kind"] == "clock").collect();
    assert_eq!(steps.len(), 3, "{steps:?}");
    let time = |text: &serde_json::Value| text.as_str().unwrap().parse::<Timestamp>().unwrap();
    let apart = |to: &serde_json::Value, from| time(to).duration_since(time(from)).as_secs();
    for (step, years) in steps.iter().zip([1, -2, 1]) {
        assert_eq!(apart(&step["to"], &step["from"]), years * YEAR / 1_000_000_000, "{step}");
        assert_eq!(apart(&step["wall"], &step["to"]), 0, "the log shows the clock as it was set: {step}");
    }
    let boots: Vec<u64> = lines.iter().map(|line| line["boot"].as_str().unwrap().parse().unwrap()).collect();
    let facts = lines.iter().zip(&boots).filter(|(line, _)| line["sequence"].is_null());
    assert!(facts.map(|(_, boot)| boot).is_sorted());
    let report = verified(&house, "demo-1");
    assert_eq!(report.verdict, Verdict::Holds, "{:?}", report.items);
    let told = report.items.iter().find(|item| item.name == "clock").unwrap();
    assert!(told.detail.contains("3 times"), "{}", told.detail);
}

#[tokio::test]
async fn what_lies_among_the_logs_keeps_no_log_from_being_recovered() {
    let mut house = House::new();
    let logs = house.core.ground.folders.logs.clone();
    for name in ["demo-1", "demo-2"] {
        house.session(name);
        house.core.sessions.remove(name).unwrap();
    }
    let edited = fs::read_to_string(logs.join("demo-2").join(LOG)).unwrap().replace("sleep", "slept");
    fs::write(logs.join("demo-2").join(LOG), &edited).unwrap();
    fs::write(logs.join("a-file"), "").unwrap();
    fs::create_dir(logs.join("a-folder")).unwrap();
    symlink(house.folder.path(), logs.join("a-link")).unwrap();
    fs::create_dir(logs.join("a-pipe")).unwrap();
    let pipe = |path: &Path| mknodat(CWD, path, FileType::Fifo, Mode::from_raw_mode(0o640), 0).unwrap();
    pipe(&logs.join("a-pipe").join(LOG));
    pipe(&logs.join("pipe"));
    recover_logs(&house.core.ground, &BTreeSet::new(), &BTreeSet::new()).unwrap();
    assert_eq!(house.kinds("demo-1"), ["start", "recovered"]);
    assert_eq!(fs::read_to_string(logs.join("demo-2").join(LOG)).unwrap(), edited);
    assert_eq!(fs::read_dir(logs.join("a-folder")).unwrap().count(), 0);
}

#[tokio::test]
async fn a_burst_is_recorded_in_bounded_memory_and_none_of_it_is_lost_or_doubled() {
    /// A checkpoint's worth comes out of the ring at once.
    const AT_ONCE: u64 = 4_096;
    let burst: u64 = if cfg!(debug_assertions) { 100_000 } else { 1_000_000 };
    let mut house = House::new();
    house.session("demo-1");
    count_reads(&mut house);
    let mut most = 0;
    for first in (0..burst).step_by(AT_ONCE as usize) {
        let end = burst.min(first + AT_ONCE);
        // Two processors hand over in turn what each numbered.
        for sequence in (first..end).map(|number| if number ^ 1 < end { number ^ 1 } else { number }) {
            let bytes = record(sequence, Reason::Granted);
            house.core.record(&bytes, sequence * bytes.len() as u64, Instant::now());
            most = most.max(house.core.sessions["demo-1"].recorder.gathered());
        }
        assert_eq!(house.core.hand_over(), None, "nothing waits for what came");
        assert_eq!(house.core.sessions["demo-1"].recorder.gathered(), 0);
        house.core.commit_and_wait(Instant::now());
    }
    let state = house.core.enforcer.states.get_mut(&0).unwrap();
    (state.sequence, state.granted[1]) = (burst, burst);
    assert!(most < (256 << 10) + size_of::<Header>() * 8, "{most} bytes were held at once");
    assert!(house.core.enforcer.cut.is_empty());
    house.empty("demo-1").await;
    let report = verified(&house, "demo-1");
    assert_eq!(report.verdict, Verdict::Holds, "{:?}", report.items);
    assert_eq!((report.summary.granted, report.summary.missing), (burst, 0));
}

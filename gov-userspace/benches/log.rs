//! How fast evidence is written and checked, beside what its hashes and signatures alone would cost:
//! `cargo bench -p gov-userspace --bench log [-- FOLDER]`.
//!
//! One thread takes raw ring records through parsing, receipts, the tree, the file, syncs and signed checkpoints,
//! then verifies the log that came of it. Each figure counts that thread's processor time (what a core does; waiting for
//! the disk is not in it), and is the median of several rounds, with the slowest and the fastest beside it.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::cast_precision_loss,
    reason = "a measurement that fails panics, and needs no exact sums"
)]

use std::hint::black_box;
use std::io::BufReader;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use gov::delegation::{Request, Unverified};
use gov::journal::{CHECKPOINT, CHECKPOINTS, DELEGATION, LOG, Log, NewLog, origin};
use gov::key::Secret;
use gov::receipt::{
    Close, Count, Counters, Ending, EnforcementFacts, Fact, HostFacts, Receipt, SessionFacts, Start,
};
use gov::scope::Scope;
use gov::verify::{Evidence, Verdict};
use gov_common::abi::{ABI_VERSION, State};
use gov_common::event::{Action, Header};
use gov_common::policy::NO_SCOPE;
use gov_common::verdict::Reason;
use jiff::Timestamp;
use rustix::time::{ClockId, clock_gettime};
use sha2::{Digest, Sha256};
use zerocopy::IntoBytes;

/// Records of one round.
const RECORDS: u64 = 200_000;
/// Receipts that one checkpoint and one sync are for.
const BATCH: u64 = 4096;
const ROUNDS: usize = 5;
/// Signatures are slow and alike: fewer are enough.
const SIGNATURES: usize = 4000;

fn main() {
    let given = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let folder = given.map_or_else(tempfile::tempdir, tempfile::tempdir_in).unwrap();
    let records: Vec<Vec<u8>> = (0..RECORDS).map(record).collect();
    let key = Arc::new(Secret::from_seed([7; 32]));
    let mut times = Times::default();
    for round in 0..ROUNDS {
        let dir = folder.path().join(format!("s-{round}"));
        times.write.push(timed(|| write(&dir, &records, &key)));
        times.check.push(timed(|| check(&dir, &key)));
        let text = std::fs::read(dir.join(LOG)).unwrap();
        let lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
        times.bytes = text.len();
        times.hash.push(timed(|| lines.iter().for_each(|line| _ = black_box(Sha256::digest(line)))));
        let signatures: Vec<_> = lines[..SIGNATURES].iter().map(|line| key.sign(b"", line)).collect();
        times
            .sign
            .push(timed(|| lines[..SIGNATURES].iter().for_each(|line| _ = black_box(key.sign(b"", line)))));
        times.check_signatures.push(timed(|| {
            for (line, signature) in lines.iter().zip(&signatures) {
                assert!(key.public().verify(b"", line, signature));
            }
        }));
        std::fs::remove_dir_all(&dir).unwrap();
    }
    times.print();
}

#[derive(Default)]
struct Times {
    bytes: usize,
    write: Vec<Duration>,
    check: Vec<Duration>,
    hash: Vec<Duration>,
    sign: Vec<Duration>,
    check_signatures: Vec<Duration>,
}

impl Times {
    fn print(mut self) {
        println!(
            "{RECORDS} receipts of {} bytes on average, a checkpoint and a sync each {BATCH}",
            self.bytes as u64 / RECORDS
        );
        let hash = row("SHA-256 of the same lines, alone", &mut self.hash, RECORDS as f64);
        let sign = row("Ed25519 signature of each line, alone", &mut self.sign, SIGNATURES as f64);
        let verify =
            row("Ed25519 verification of each line, alone", &mut self.check_signatures, SIGNATURES as f64);
        let written = row("ring records to durable receipts", &mut self.write, RECORDS as f64);
        let checked = row("gov verify", &mut self.check, RECORDS as f64);
        println!(
            "writing takes {:.1} times the hashing alone, {:.2} of signing each line",
            hash / written,
            sign / written
        );
        println!(
            "checking takes {:.1} times the hashing alone, {:.2} of verifying each line",
            hash / checked,
            verify / checked
        );
    }
}

/// Prints how many a second, and returns the median.
fn row(name: &str, times: &mut [Duration], count: f64) -> f64 {
    times.sort();
    let rate = |time: Duration| count / time.as_secs_f64();
    let (slowest, median, fastest) = (rate(times[ROUNDS - 1]), rate(times[ROUNDS / 2]), rate(times[0]));
    println!("{name:<42} {median:>12.0} /s a core  ({slowest:.0} to {fastest:.0})");
    median
}

/// The processor time that some work takes on this thread.
fn timed(work: impl FnOnce()) -> Duration {
    let start = clock_gettime(ClockId::ThreadCPUTime);
    work();
    let end = clock_gettime(ClockId::ThreadCPUTime);
    (end - start).try_into().unwrap()
}

/// What a build does: mostly reads of new directories and writes, some executions, a few refusals.
fn record(number: u64) -> Vec<u8> {
    let (action, path, extra): (Action, String, &[u8]) = match number % 10 {
        0..4 => (Action::Write, format!("/project/target/debug/deps/file-{number}.o"), b""),
        4..7 => (Action::Create, format!("/project/target/debug/build/crate-{number}/output"), b""),
        7 => (Action::Rename, format!("/project/src/.main.rs.{number}"), b"/project/src/main.rs"),
        8 => (Action::Executed, "/usr/bin/python3.11".to_owned(), b"python3\0-m\0compileall\0/project/src\0"),
        _ => (Action::Read, format!("/home/user/.ssh/id_{number}"), b""),
    };
    let refused = action == Action::Read;
    let header = Header {
        abi: ABI_VERSION,
        length: (size_of::<Header>() + path.len() + extra.len()).try_into().unwrap(),
        session: 7,
        sequence: number,
        time_ns: 1_000_000_000 + number * 20_000,
        decider: 7,
        inode: 1_000_000 + number,
        start_ns: 900_000_000,
        pid: 4242,
        tid: 4242,
        parent: 4000,
        uid: 1000,
        gid: 1000,
        device: 8 << 20 | 1,
        action: action as u8,
        reason: if refused { Reason::OutOfScope as u8 } else { Reason::Granted as u8 },
        wanted: if refused { 1 } else { 2 },
        scope: if refused || action == Action::Executed { NO_SCOPE } else { 0 },
        object_len: path.len().try_into().unwrap(),
        extra_len: extra.len().try_into().unwrap(),
        comm: *b"cc1\0\0\0\0\0\0\0\0\0\0\0\0\0",
        ..Header::default()
    };
    [header.as_bytes(), path.as_bytes(), extra].concat()
}

/// The delegation's bytes, and its id.
fn delegation() -> (Vec<u8>, String) {
    let request = Request {
        scopes: vec![Scope::parse(b"file:write:/project").unwrap()],
        spend: "1usd".parse().unwrap(),
        lifetime: Duration::from_secs(7200),
        max_depth: 0,
        subject: None,
    };
    let bytes = gov::delegation::request(&request, &Secret::from_seed([9; 32]), Timestamp::now()).unwrap();
    let id = Unverified::parse(&bytes).unwrap().claims().id.clone();
    (bytes, id)
}

fn write(dir: &Path, records: &[Vec<u8>], key: &Arc<Secret>) {
    let (delegation, delegation_id) = delegation();
    let session = dir.file_name().unwrap().to_str().unwrap().to_owned();
    let facts = SessionFacts {
        delegation_id,
        scopes: vec!["file:write:/project".to_owned()],
        session: session.clone(),
    };
    let origin = origin("bench", &session);
    let new = NewLog { origin, facts, delegation: &delegation, ancestors: &[], group: None };
    let mut log = Log::create(dir, new, Arc::clone(key)).unwrap();
    log.append(Receipt::Fact(&Fact::Start(Box::new(start(key, &delegation))))).unwrap();
    let mut state = State { armed_ns: 1, ..State::default() };
    for record in records {
        let event = gov::event::parse(record).unwrap();
        state.sequence += 1;
        if event.action.is_decision() {
            let refused = event.reason != Reason::Granted;
            let counters = if refused { &mut state.refused } else { &mut state.granted };
            counters[event.action.kind() as usize] += 1;
        }
        let index = log.append(Receipt::Event(&event)).unwrap();
        if index % BATCH == BATCH - 1 {
            log.commit().unwrap();
        }
    }
    log.append(Receipt::Fact(&Fact::Close(Box::new(close(&state))))).unwrap();
    log.close().unwrap();
}

fn enforcement() -> EnforcementFacts {
    EnforcementFacts { attached: "0".to_owned(), hooks: vec![], missing: vec![], status: "full" }
}

fn start(key: &Secret, delegation: &[u8]) -> Start {
    let name = || "bench".to_owned();
    Start {
        boot_id: name(),
        command: vec![],
        delegation_sha256: hex::encode(Sha256::digest(delegation)),
        delegated_to: name(),
        enforcement: enforcement(),
        expires: "2100-01-01T00:00:00Z".to_owned(),
        gov: name(),
        host: HostFacts { kernel: name(), machine: name(), name: name() },
        key: key.public().to_string(),
        mode: "enforce",
        number: Count(7),
        on_full: "refuse",
        parent: None,
        policy: "00".repeat(32),
        reads: "count",
        scopes: vec!["file:write:/project".to_owned()],
        spend_limit: "0.00 USD".to_owned(),
        uid: 1000,
    }
}

fn close(state: &State) -> Close {
    Close {
        armed: state.armed_ns.to_string(),
        boot_id: "bench".to_owned(),
        counters: Counters::from(state),
        ending: Ending { reason: "exited".to_owned(), ..Ending::default() },
        enforcement: enforcement(),
        policy: "00".repeat(32),
    }
}

fn check(dir: &Path, key: &Secret) {
    let open = |name: &str| BufReader::with_capacity(1 << 20, std::fs::File::open(dir.join(name)).unwrap());
    let evidence = Evidence {
        log: open(LOG),
        checkpoint: std::fs::read(dir.join(CHECKPOINT)).unwrap(),
        history: Some(open(CHECKPOINTS)),
        delegation: Some(std::fs::read(dir.join(DELEGATION)).unwrap()),
        ancestors: None,
        claimed: None,
    };
    let report = gov::verify::log(evidence, &[key.public()]).unwrap();
    assert_eq!(report.verdict, Verdict::Holds, "{:?}", report.items);
}

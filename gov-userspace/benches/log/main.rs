//! How fast evidence is written and checked, beside what its hashes and signatures alone would cost:
//! `cargo bench -p gov-userspace --bench log [-- FOLDER]`. With `--long LINES` a log of so many lines is checked on one
//! thread and on more instead; with `--aps WRITTEN CHECKED`, records a second of another form stand beside it.
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

mod long;
mod made;

use std::fs::File;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use gov::journal::{CHECKPOINT, CHECKPOINTS, DELEGATION, LOG};
use gov::key::Secret;
use gov::verify::{Evidence, Verdict};
use rustix::time::{ClockId, clock_gettime};
use sha2::{Digest, Sha256};

/// Records of one round.
const RECORDS: u64 = 200_000;
const ROUNDS: usize = 5;
/// Signatures are slow and alike: fewer are enough.
const SIGNATURES: usize = 4000;

fn main() {
    // Cargo adds an option of its own.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let key = Arc::new(Secret::from_seed([7; 32]));
    let temporary =
        |within: Option<&str>| within.map_or_else(tempfile::tempdir, tempfile::tempdir_in).unwrap();
    match words[..] {
        ["--check", dir, threads] => long::one(Path::new(dir), threads.parse().unwrap(), &key),
        ["--long", lines] => long::run(temporary(None).path(), lines.parse().unwrap(), &key),
        ["--long", lines, folder] => long::run(temporary(Some(folder)).path(), lines.parse().unwrap(), &key),
        ["--aps", written, checked] => {
            let aps = (written.parse().unwrap(), checked.parse().unwrap());
            rounds(temporary(None).path(), &key).print(Some(aps));
        }
        [folder] => rounds(temporary(Some(folder)).path(), &key).print(None),
        [..] => rounds(temporary(None).path(), &key).print(None),
    }
}

fn rounds(folder: &Path, key: &Arc<Secret>) -> Times {
    let records: Vec<Vec<u8>> = (0..RECORDS).map(made::record).collect();
    let mut times = Times::default();
    for round in 0..ROUNDS {
        let dir = folder.join(format!("s-{round}"));
        times.write.push(timed(|| made::write(&dir, records.iter(), key)));
        times.check.push(timed(|| assert_eq!(check(&dir, key, 1), RECORDS + 2)));
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
    times
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
    /// Prints all; `aps` are records of APS a second, made and checked.
    fn print(mut self, aps: Option<(f64, f64)>) {
        println!(
            "{RECORDS} receipts of {} bytes on average, a checkpoint and a sync each {}",
            self.bytes as u64 / RECORDS,
            made::BATCH
        );
        let hash = row("SHA-256 of the same lines, alone", &mut self.hash, RECORDS as f64);
        let sign = row("Ed25519 signature of each line, alone", &mut self.sign, SIGNATURES as f64);
        let verify =
            row("Ed25519 verification of each line, alone", &mut self.check_signatures, SIGNATURES as f64);
        let written = row("ring records to durable receipts", &mut self.write, RECORDS as f64);
        let checked = row("gov verify, one thread", &mut self.check, RECORDS as f64);
        println!(
            "writing takes {:.1} times the hashing alone, and is {:.0} times as fast as signing each line",
            hash / written,
            written / sign
        );
        println!(
            "checking takes {:.1} times the hashing alone, and is {:.0} times as fast as verifying each line",
            hash / checked,
            checked / verify
        );
        if let Some((made, verified)) = aps {
            println!("APS from PyPI: {made:.0} receipts made and {verified:.0} verified a second");
            println!(
                "writing is {:.0} times as fast as APS makes receipts, checking {:.0} times as fast as it verifies them",
                written / made,
                checked / verified
            );
        }
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

/// Checks a log, which must hold, and says how many lines it has.
fn check(dir: &Path, key: &Secret, threads: usize) -> u64 {
    let evidence = Evidence {
        log: File::open(dir.join(LOG)).unwrap(),
        checkpoint: std::fs::read(dir.join(CHECKPOINT)).unwrap(),
        history: Some(File::open(dir.join(CHECKPOINTS)).unwrap()),
        since: None,
        delegation: Some(std::fs::read(dir.join(DELEGATION)).unwrap()),
        ancestors: None,
        claimed: None,
    };
    let report = gov::verify::log(evidence, &[key.public()], threads, &mut |_bytes| {}).unwrap();
    assert_eq!(report.verdict, Verdict::Holds, "{:?}", report.items);
    report.summary.receipts
}

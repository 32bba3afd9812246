//! A log that is longer than any memory should be: how fast `gov verify` reads it, and how much memory it takes.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gov::key::Secret;
use rustix::time::{ClockId, clock_gettime};

use super::{check, made};

/// Writes a log of so many lines and has it checked by programs of their own.
pub(crate) fn run(folder: &Path, lines: u64, key: &Arc<Secret>) {
    let dir = folder.join("s-long");
    let begun = Instant::now();
    made::write(&dir, (0..lines).map(made::record), key);
    println!("a log of {lines} lines, written in {:.1} s", begun.elapsed().as_secs_f64());
    for threads in 1..=std::thread::available_parallelism().map_or(1, Into::into) {
        let program = std::env::current_exe().unwrap();
        let status =
            Command::new(program).arg("--check").arg(&dir).arg(threads.to_string()).status().unwrap();
        assert!(status.success());
    }
}

/// Checks a log and prints what that took.
pub(crate) fn one(dir: &Path, threads: usize, key: &Secret) {
    let begun = Instant::now();
    let lines = check(dir, key, threads) as f64;
    let wall = begun.elapsed().as_secs_f64();
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("unknown").trim();
    let busy: Duration = clock_gettime(ClockId::ProcessCPUTime).try_into().unwrap();
    let busy = busy.as_secs_f64();
    println!(
        "gov verify on {threads} threads: {wall:.1} s, {:.0} lines/s; {busy:.1} s of processors, {:.0} lines/s a core; at most {peak} of memory",
        lines / wall,
        lines / busy
    );
}

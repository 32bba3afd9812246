//! Points at which a test has the daemon die, as if it were killed there. Only builds for tests have them.

/// Dies here if the environment says so: `GOV_CRASH=NAME` at the first pass, `GOV_CRASH=NAME:N` at the Nth.
#[cfg(feature = "crash-points")]
pub fn point(name: &str) {
    use std::sync::atomic::{AtomicU64, Ordering};

    static PASSED: AtomicU64 = AtomicU64::new(0);
    let Ok(wanted) = std::env::var("GOV_CRASH") else { return };
    let (place, nth) = wanted.split_once(':').unwrap_or((&wanted, "1"));
    if place != name {
        return;
    }
    let passed = PASSED.fetch_add(1, Ordering::Relaxed).saturating_add(1);
    if nth.parse() == Ok(passed) {
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    }
}

/// Nothing.
#[cfg(not(feature = "crash-points"))]
#[inline(always)]
pub const fn point(_name: &str) {}

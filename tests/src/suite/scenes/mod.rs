//! What one row cannot tell: sessions over time, authority, the daemon's life, the evidence itself.

mod artifacts;
mod authority;
mod clock;
mod crash;
mod cutoff;
mod daemon;
mod disks;
mod evidence;
mod faults;
mod flood;
mod keys;
mod metrics;
mod nested;
mod nested_limits;
mod nested_runs;
mod own;
mod sessions;
mod tampered;

use std::time::Duration;

use anyhow::Result;

use super::try_row::Surroundings;
use crate::house::House;

/// How long one governed run may take.
const LIMIT: Duration = Duration::from_secs(120);

/// A scene: what holds, and the play that shows it.
pub struct Scene {
    /// What holds, as a sentence.
    pub name: &'static str,
    /// Fails if it does not hold.
    pub play: fn(&mut House, &Surroundings) -> Result<()>,
}

/// Every scene, in the order in which they run. Those that end the daemon start another.
pub fn all() -> impl Iterator<Item = &'static Scene> {
    [
        sessions::SCENES,
        cutoff::SCENES,
        authority::SCENES,
        nested::SCENES,
        nested_limits::SCENES,
        evidence::SCENES,
        flood::SCENES,
        artifacts::SCENES,
        faults::SCENES,
        disks::SCENES,
        clock::SCENES,
        tampered::SCENES,
        own::SCENES,
        keys::SCENES,
        metrics::SCENES,
        daemon::SCENES,
        crash::SCENES,
    ]
    .into_iter()
    .flatten()
}

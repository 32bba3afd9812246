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

/// Every scene, in the order in which they run, and whether the kernel has a part in it. Those that end the daemon start
/// another.
const SCENES: &[(&[Scene], bool)] = &[
    (sessions::SCENES, true),
    (cutoff::SCENES, true),
    (authority::SCENES, false),
    (nested::SCENES, true),
    (nested_limits::SCENES, true),
    (evidence::SCENES, false),
    (flood::SCENES, true),
    (artifacts::SCENES, false),
    (faults::SCENES, false),
    (disks::SCENES, false),
    (clock::SCENES, false),
    (tampered::SCENES, false),
    (own::SCENES, true),
    (keys::SCENES, false),
    (metrics::SCENES, false),
    (daemon::SCENES, true),
    (crash::SCENES, true),
];

/// Every scene.
pub fn all() -> impl Iterator<Item = &'static Scene> {
    SCENES.iter().flat_map(|(scenes, _)| *scenes)
}

/// The scenes in which the kernel has a part; the others are the daemon's alone, on whatever kernel.
pub fn of_the_kernel() -> impl Iterator<Item = &'static Scene> {
    SCENES.iter().filter(|(_, of_the_kernel)| *of_the_kernel).flat_map(|(scenes, _)| *scenes)
}

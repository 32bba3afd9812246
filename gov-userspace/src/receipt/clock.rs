//! The receipt of a step of the host's wall clock.

use serde::Serialize;

use crate::clock::{Offset, boot_ns, rfc3339};

/// A step of the wall clock. The boot clock, which everything is counted by, does not know of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Clock {
    /// What it would have shown at this receipt, RFC 3339.
    pub from: String,
    /// What it shows.
    pub to: String,
}

impl Clock {
    /// What a look at the clocks tells after one before; `None` if nothing was set.
    pub fn step(before: Offset, now: Offset) -> Option<Self> {
        let boot = boot_ns();
        let shows = |offset: Offset| rfc3339(offset.wall_ns(boot));
        now.is_step_from(before).then(|| Self { from: shows(before), to: shows(now) })
    }
}

//! When checkpoints are made.

use std::time::Duration;

use crate::config::Config;

/// When checkpoints are made.
#[derive(Clone, Copy, Debug)]
pub struct Rhythm {
    /// After so long.
    pub interval: Duration,
    /// After so many receipts.
    pub receipts: u32,
}

impl Rhythm {
    /// As it is configured.
    pub fn of(config: &Config) -> Self {
        Self {
            interval: Duration::from_millis(u64::from(config.checkpoint_ms)),
            receipts: config.checkpoint_receipts,
        }
    }
}

//! How far long work on files is, on a terminal only.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// What is done sooner needs no bar.
const SOON: Duration = Duration::from_secs(1);

/// A bar on standard error that comes when the work takes longer than a moment, and goes with it.
pub(super) struct Bar {
    begun: Instant,
    bytes: u64,
    done: u64,
    bar: Option<ProgressBar>,
}

impl Bar {
    /// For so many bytes.
    pub(super) fn new(bytes: u64) -> Self {
        Self { begun: Instant::now(), bytes, done: 0, bar: None }
    }

    /// So many bytes more are done.
    pub(super) fn add(&mut self, bytes: u64) {
        self.set(self.done.saturating_add(bytes), self.bytes);
    }

    /// So many bytes of so many are done.
    pub(super) fn set(&mut self, done: u64, bytes: u64) {
        (self.done, self.bytes) = (done, bytes);
        if self.bar.is_none() && self.begun.elapsed() > SOON {
            // It draws nothing where standard error is no terminal.
            let bar = ProgressBar::new(self.bytes);
            let form = "{wide_bar} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} to go";
            bar.set_style(
                ProgressStyle::with_template(form).unwrap_or_else(|_error| ProgressStyle::default_bar()),
            );
            self.bar = Some(bar);
        }
        if let Some(bar) = &self.bar {
            bar.set_length(self.bytes);
            bar.set_position(self.done);
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

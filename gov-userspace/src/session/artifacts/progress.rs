//! How far a look has come, and the threads that it has.

use std::num::NonZero;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use super::Reader;
use crate::control::message::Hashing;

/// Threads that hash.
const MAX_THREADS: usize = 8;

/// How far a look has come.
#[derive(Debug, Default)]
pub struct Progress {
    pub(super) bytes: AtomicU64,
    pub(super) of_bytes: AtomicU64,
    pub(super) files: AtomicU64,
    pub(super) of_files: AtomicU64,
}

impl Progress {
    /// As it stands.
    pub fn view(&self) -> Hashing {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Hashing {
            bytes: read(&self.bytes),
            of_bytes: read(&self.of_bytes),
            files: read(&self.files),
            of_files: read(&self.of_files),
        }
    }
}

/// Threads to work with: of all looks of this process together not many more than [`MAX_THREADS`].
pub(super) struct Hands(pub(super) usize);

static BUSY: AtomicUsize = AtomicUsize::new(0);

impl Hands {
    pub(super) fn take(reader: Reader) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
        let most = match reader {
            // One processor is left to the engine, which the ring does not wait for.
            Reader::Session { .. } => processors.saturating_sub(1),
            Reader::Caller => processors,
        };
        let free = MAX_THREADS.saturating_sub(BUSY.load(Ordering::Relaxed));
        let taken = most.min(free).max(1);
        BUSY.fetch_add(taken, Ordering::Relaxed);
        Self(taken)
    }
}

impl Drop for Hands {
    fn drop(&mut self) {
        BUSY.fetch_sub(self.0, Ordering::Relaxed);
    }
}

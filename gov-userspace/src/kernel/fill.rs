//! How full the ring is, read from the two positions that the kernel and the daemon keep in its first pages.

use std::io;
use std::sync::atomic::Ordering;

use rustix::mm::ProtFlags;
use rustix::param::page_size;

use super::ring::{Mapping, Ring};

/// The positions of a ring, mapped to be read. It may outlive the ring.
pub struct RingFill {
    /// The consumer's and the producer's; `None`: of no ring, as in tests.
    positions: Option<[Mapping; 2]>,
    size: u64,
}

impl RingFill {
    /// Of this ring.
    ///
    /// # Errors
    /// Those of mapping it.
    pub fn of(ring: &Ring) -> io::Result<Self> {
        let page = page_size();
        let at = |offset| Mapping::new(ring.fd(), page, offset, ProtFlags::READ);
        Ok(Self { positions: Some([at(0)?, at(page)?]), size: ring.size() })
    }

    /// Of no ring: always empty.
    pub const fn none() -> Self {
        Self { positions: None, size: 0 }
    }

    /// The ring's size in bytes.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Bytes whose room was not given back yet. Both positions only grow; the consumer's is read first, so that it never
    /// seems to be ahead.
    pub fn used(&self) -> u64 {
        let Some([consumer, producer]) = &self.positions else { return 0 };
        let consumer = consumer.position().load(Ordering::Acquire);
        let producer = producer.position().load(Ordering::Acquire);
        producer.wrapping_sub(consumer).min(self.size)
    }
}

impl std::fmt::Debug for RingFill {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("RingFill").field("size", &self.size).finish_non_exhaustive()
    }
}

//! How full the ring is, read from the two positions that the kernel keeps in its first pages.

use std::ffi::c_void;
use std::io;
use std::os::fd::BorrowedFd;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};
use rustix::param::page_size;

use super::ring::Ring;

/// The positions of a ring, mapped to be read. It may outlive the ring.
pub struct RingFill {
    /// `None`: of no ring, as in tests.
    pages: Option<NonNull<c_void>>,
    size: u64,
}

// SAFETY: the pages are mapped read-only until the value is dropped, no reference to them is given out, and both
// positions are read atomically.
unsafe impl Send for RingFill {}
// SAFETY: as above.
unsafe impl Sync for RingFill {}

impl RingFill {
    /// Of this ring, which was made with so many bytes.
    ///
    /// # Errors
    /// Those of mapping it.
    pub fn of(ring: &Ring, size: u64) -> io::Result<Self> {
        map(ring.fd()).map(|pages| Self { pages: Some(pages), size })
    }

    /// Of no ring: always empty.
    pub const fn none() -> Self {
        Self { pages: None, size: 0 }
    }

    /// The ring's size in bytes.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Bytes that were written and not taken yet. Both positions only grow; they are read one after the other, the
    /// consumer's first, so that it never seems to be ahead.
    pub fn used(&self) -> u64 {
        let Some(pages) = self.pages else { return 0 };
        let consumer = position(pages, 0);
        let producer = position(pages, page_size());
        producer.saturating_sub(consumer).min(self.size)
    }
}

/// Maps the consumer's page and the producer's, which follow each other.
fn map(ring: BorrowedFd<'_>) -> io::Result<NonNull<c_void>> {
    let length = page_size().saturating_mul(2);
    // SAFETY: a new mapping at an address of the kernel's choice touches no memory of ours.
    let pages = unsafe { mmap(ptr::null_mut(), length, ProtFlags::READ, MapFlags::SHARED, ring, 0) }?;
    NonNull::new(pages).ok_or_else(|| io::ErrorKind::AddrNotAvailable.into())
}

fn position(pages: NonNull<c_void>, offset: usize) -> u64 {
    // SAFETY: the offset is that of the first or second of two mapped pages, at the start of which the kernel keeps a
    // position of eight bytes.
    let at = unsafe { pages.cast::<u8>().add(offset) }.cast::<AtomicU64>();
    // SAFETY: a page is aligned as eight bytes are, the mapping lives as long as `self`, and the kernel writes the
    // position whole.
    unsafe { at.as_ref() }.load(Ordering::Acquire)
}

impl Drop for RingFill {
    fn drop(&mut self) {
        let Some(pages) = self.pages else { return };
        // SAFETY: these two pages were mapped by `map` and nothing refers to them any more.
        let unmapped = unsafe { munmap(pages.as_ptr(), page_size().saturating_mul(2)) };
        if let Err(error) = unmapped {
            tracing::warn!("the ring's positions stay mapped: {error}");
        }
    }
}

impl std::fmt::Debug for RingFill {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("RingFill").field("size", &self.size).finish_non_exhaustive()
    }
}

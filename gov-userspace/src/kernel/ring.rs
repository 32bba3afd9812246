//! The ring that decisions come out of.
//!
//! Taking a record and giving its room back are two steps: what was taken and is not yet written down stays in the ring,
//! where the next daemon finds it if this one dies in between. The form is the kernel's (Documentation/bpf/ringbuf.rst,
//! kernel/bpf/ringbuf.c): a page with the consumer's position, one with the producer's, then the data, mapped twice in a
//! row so that no record is ever in two pieces.

use std::ops::Deref;
use std::os::fd::{AsFd, BorrowedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};

use aya::maps::MapData;
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

use super::error::{KernelError, causes};
use super::pins;

/// In a record's header: it is being written.
const BUSY: u32 = 1 << 31;
/// In a record's header: there is nothing in it.
const DISCARDED: u32 = 1 << 30;
/// Bytes of a record's header, of which the first four are its length.
const HEADER: u64 = 8;

/// The consumer's end of the ring. There is one at a time, whichever daemon has it.
pub struct Ring {
    map: MapData,
    consumer: Mapping,
    producer: Mapping,
    page: usize,
    mask: u64,
    /// Where the next record begins.
    next: u64,
    /// Up to where room was given back.
    given_back: u64,
}

/// One record, in the ring's own memory.
#[derive(Debug)]
pub struct Record<'a> {
    /// Where it begins: positions only grow.
    pub position: u64,
    bytes: &'a [u8],
}

impl Deref for Record<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.bytes
    }
}

impl Ring {
    /// Goes on where the last consumer has given room back.
    pub(super) fn open(map: MapData) -> Result<Self, KernelError> {
        let failed = |message: String| KernelError::Map { what: "open the ring", message };
        let size = map.info().map_err(|error| failed(causes(&error)))?.max_entries();
        let (page, size) = (rustix::param::page_size(), u64::from(size));
        let consumer = Mapping::new(map.fd().as_fd(), page, 0, ProtFlags::READ | ProtFlags::WRITE);
        let consumer = consumer.map_err(|error| failed(error.to_string()))?;
        let twice = usize::try_from(size).ok().and_then(|size| size.checked_mul(2));
        let length = twice.and_then(|twice| twice.checked_add(page));
        let length = length.ok_or_else(|| failed("it is larger than memory".to_owned()))?;
        let producer = Mapping::new(map.fd().as_fd(), length, page, ProtFlags::READ);
        let producer = producer.map_err(|error| failed(error.to_string()))?;
        let next = consumer.position().load(Ordering::Acquire);
        Ok(Self { map, consumer, producer, page, mask: size.wrapping_sub(1), next, given_back: next })
    }

    /// The descriptor that becomes readable when a record comes and everything before it was given back.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.map.fd().as_fd()
    }

    /// Its size in bytes.
    pub const fn size(&self) -> u64 {
        self.mask.wrapping_add(1)
    }

    /// Another hold on the map.
    pub(super) fn another_hold(&self) -> Result<MapData, KernelError> {
        pins::another_hold(&self.map)
    }

    /// The oldest record that was not taken yet. It stays in the ring until its room is given back.
    pub fn take(&mut self) -> Option<Record<'_>> {
        loop {
            let position = self.next;
            if position == self.producer.position().load(Ordering::Acquire) {
                return None;
            }
            let header = self.header(position)?.load(Ordering::Acquire);
            if header & BUSY != 0 {
                return None;
            }
            let length = header & !DISCARDED;
            let end = position.wrapping_add(HEADER).wrapping_add(length.into());
            // Records begin at multiples of eight.
            self.next = end.wrapping_add(7) & !7;
            if header & DISCARDED == 0 {
                let bytes = self.bytes(position.wrapping_add(HEADER), length)?;
                return Some(Record { position, bytes });
            }
        }
    }

    /// Gives back the room of all that was taken and begins before a position, which is that of a record, or where the
    /// next one will begin.
    pub fn give_back(&mut self, before: u64) {
        let taken = self.next.wrapping_sub(self.given_back);
        let wanted = before.wrapping_sub(self.given_back);
        // Beyond what was taken lies what was given back before: positions wrap, and only grow.
        if wanted <= taken {
            self.given_back = before;
        }
        self.consumer.position().store(self.given_back, Ordering::Release);
        // The kernel wakes whoever waits only for a record that begins where room was given back to: one that came
        // before this store is seen by the next `take`.
        fence(Ordering::SeqCst);
    }

    /// Where the next record will begin: before it lies all that was taken.
    pub const fn taken(&self) -> u64 {
        self.next
    }

    /// A quarter of the ring: so much may wait for an event that was numbered before, and others have the rest.
    pub const fn quarter(&self) -> u64 {
        self.mask >> 2
    }

    /// Whether the room of something that was taken is not given back, so that nobody is woken for what comes.
    pub const fn is_behind(&self) -> bool {
        self.next != self.given_back
    }

    /// The next record, for who keeps nothing: the room of those before it is given back.
    #[expect(
        clippy::should_implement_trait,
        reason = "a record borrows the ring, which an iterator cannot say"
    )]
    pub fn next(&mut self) -> Option<Record<'_>> {
        self.give_back(self.next);
        self.take()
    }

    fn header(&self, position: u64) -> Option<&AtomicU32> {
        let at = self.offset(position)?;
        let place = self.producer.at(at, size_of::<u32>())?;
        // SAFETY: four mapped bytes at a multiple of eight, which live as long as the mapping; the kernel writes them
        // at any time, so they are atomic.
        Some(unsafe { place.cast::<AtomicU32>().as_ref() })
    }

    fn bytes(&self, position: u64, length: u32) -> Option<&[u8]> {
        let length = usize::try_from(length).ok()?;
        let place = self.producer.at(self.offset(position)?, length)?;
        // SAFETY: mapped bytes of a record that is written and whose room is not given back: the kernel leaves them
        // as they are for as long as the ring is borrowed.
        Some(unsafe { std::slice::from_raw_parts(place.as_ptr(), length) })
    }

    /// Where a position stands in the producer's mapping.
    fn offset(&self, position: u64) -> Option<usize> {
        usize::try_from(position & self.mask).ok()?.checked_add(self.page)
    }
}

impl std::fmt::Debug for Ring {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Ring").field("next", &self.next).finish_non_exhaustive()
    }
}

/// A shared mapping of a part of the ring.
pub(super) struct Mapping {
    start: NonNull<u8>,
    length: usize,
}

// SAFETY: the mapping is owned and its memory is reached through atomics, or through borrows of the ring.
unsafe impl Send for Mapping {}
// SAFETY: as above.
unsafe impl Sync for Mapping {}

impl Mapping {
    pub(super) fn new(
        ring: BorrowedFd<'_>,
        length: usize,
        offset: usize,
        how: ProtFlags,
    ) -> std::io::Result<Self> {
        let offset = u64::try_from(offset).map_err(std::io::Error::other)?;
        // SAFETY: the kernel chooses the place, so nothing that exists is mapped over.
        let start = unsafe { mmap(std::ptr::null_mut(), length, how, MapFlags::SHARED, ring, offset) }?;
        let start = NonNull::new(start.cast()).ok_or_else(|| std::io::Error::other("it is mapped at 0"))?;
        Ok(Self { start, length })
    }

    /// The position that stands first in the mapping.
    pub(super) fn position(&self) -> &AtomicU64 {
        // SAFETY: a mapping is at least a page long and begins with an aligned `unsigned long`, which the kernel and we
        // only reach atomically.
        unsafe { self.start.cast::<AtomicU64>().as_ref() }
    }

    /// `length` bytes at an offset; `None` beyond the mapping.
    fn at(&self, offset: usize, length: usize) -> Option<NonNull<u8>> {
        let end = offset.checked_add(length)?;
        // SAFETY: within the mapping, as was just checked.
        (end <= self.length).then(|| unsafe { self.start.add(offset) })
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, and no borrow of it outlives it.
        let unmapped = unsafe { munmap(self.start.as_ptr().cast(), self.length) };
        if let Err(error) = unmapped {
            tracing::error!("a part of the ring stays mapped: {error}");
        }
    }
}

//! The ring that decisions come out of.

use std::ops::Deref;
use std::os::fd::{AsFd, BorrowedFd};

use aya::maps::{MapData, RingBuf};

/// The consumer's end of the ring. There is one per loaded kernel object.
pub struct Ring(pub(super) RingBuf<MapData>);

impl Ring {
    /// The descriptor that is readable while records wait.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }

    /// The oldest record that was not taken yet; its room in the ring is free again when it is dropped.
    #[expect(
        clippy::should_implement_trait,
        reason = "a record borrows the ring, which an iterator cannot say"
    )]
    pub fn next(&mut self) -> Option<impl Deref<Target = [u8]>> {
        self.0.next()
    }
}

impl std::fmt::Debug for Ring {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Ring").finish_non_exhaustive()
    }
}

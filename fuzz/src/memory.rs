//! Counts what is allocated, so that an input that makes a parser hold more than it is worth is found like a panic.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes that are allocated now.
static HELD: AtomicUsize = AtomicUsize::new(0);
/// The most that were, since it was last asked for.
static MOST: AtomicUsize = AtomicUsize::new(0);

/// The system's allocator, with counts. A block that grows counts twice while it is moved.
struct Counted;

#[global_allocator]
static COUNTED: Counted = Counted;

// SAFETY: each call is the system allocator's own, with the arguments as they came; counting allocates nothing.
unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let held = HELD.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        MOST.fetch_max(held, Ordering::Relaxed);
        // SAFETY: the caller keeps to the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: `block` came from `alloc` above with this layout, so from the system.
        unsafe { System.dealloc(block, layout) }
    }
}

/// What `work` returns, and the most bytes that were allocated within it beyond those before.
pub fn most<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = HELD.load(Ordering::Relaxed);
    MOST.store(before, Ordering::Relaxed);
    let result = work();
    (result, MOST.load(Ordering::Relaxed).saturating_sub(before))
}

#[cfg(test)]
mod tests {
    use super::most;

    #[test]
    fn what_is_freed_again_was_held_all_the_same() {
        let (_, held) = most(|| drop(vec![0_u8; 1 << 20]));
        assert!(held >= 1 << 20);
    }
}

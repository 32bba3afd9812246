//! Atomic operations on map values.
//!
//! The target declares no compare-and-swap, so `core::sync::atomic` has no read-modify-write operations for it;
//! instruction set v3 has them all the same.

use core::intrinsics::{AtomicOrdering, atomic_and, atomic_cxchg, atomic_or, atomic_xadd};

const ORDER: AtomicOrdering = AtomicOrdering::SeqCst;

/// Adds, and returns what was there.
///
/// # Safety
/// `at` must point into a map value, aligned.
#[inline(always)]
pub unsafe fn fetch_add(at: *mut u64, value: u64) -> u64 {
    // SAFETY: the caller's.
    unsafe { atomic_xadd::<u64, u64, ORDER>(at, value) }
}

/// Sets bits, and returns what was there.
///
/// # Safety
/// `at` must point into a map value, aligned.
#[inline(always)]
pub unsafe fn fetch_or(at: *mut u64, bits: u64) -> u64 {
    // SAFETY: the caller's.
    unsafe { atomic_or::<u64, u64, ORDER>(at, bits) }
}

/// Keeps only these bits, and returns what was there.
///
/// # Safety
/// `at` must point into a map value, aligned.
#[inline(always)]
pub unsafe fn fetch_and(at: *mut u64, bits: u64) -> u64 {
    // SAFETY: the caller's.
    unsafe { atomic_and::<u64, u64, ORDER>(at, bits) }
}

/// Replaces 0 by `value`; whether it was this call that did.
///
/// # Safety
/// `at` must point into a map value, aligned.
#[inline(always)]
pub unsafe fn set_once(at: *mut u64, value: u64) -> bool {
    // SAFETY: the caller's.
    unsafe { replace(at, 0, value) }
}

/// Replaces `old` by `new`; whether it was this call that did.
///
/// # Safety
/// `at` must point into a map value, aligned.
#[inline(always)]
pub unsafe fn replace(at: *mut u64, old: u64, new: u64) -> bool {
    // SAFETY: the caller's.
    unsafe { atomic_cxchg::<u64, ORDER, ORDER>(at, old, new).1 }
}

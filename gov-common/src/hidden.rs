//! A value that lives in memory and nowhere else.
//!
//! The verifier follows each register through each turn of a loop, and a counter or address that it knows makes
//! every turn a new state. A value that is written to map memory and read back is an unknown scalar again, so
//! the turns look alike and checking stays linear. The compiler must not keep such a value in a register, hence
//! volatile access, which costs nothing more than the load or store.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// A `T` that is loaded at each [`Hidden::get`] and stored at each [`Hidden::set`].
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(transparent)]
pub struct Hidden<T>(T);

impl<T: Copy> Hidden<T> {
    /// Hides a value.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// Loads the value.
    #[inline(always)]
    pub fn get(&self) -> T {
        // SAFETY: the pointer comes from a reference, so it is valid, aligned and initialised.
        unsafe { core::ptr::read_volatile(&raw const self.0) }
    }

    /// Stores a value.
    #[inline(always)]
    pub fn set(&mut self, value: T) {
        // SAFETY: the pointer comes from a unique reference, so it is valid and aligned.
        unsafe { core::ptr::write_volatile(&raw mut self.0, value) };
    }
}

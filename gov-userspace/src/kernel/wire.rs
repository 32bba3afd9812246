//! The fence between the boundary's records and aya: what zerocopy has proved, said in aya's words.

use aya::Pod;
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// A record of `gov_common` as a map's key or value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub(super) struct Wire<T>(pub(super) T);

// SAFETY: `Pod` asks for a type that is plain bytes. zerocopy's derives refuse padding, references and bit patterns
// that mean nothing, and `repr(transparent)` adds nothing to what they have proved.
unsafe impl<T: FromBytes + IntoBytes + Immutable + Copy + 'static> Pod for Wire<T> {}

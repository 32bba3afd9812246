//! What gov's kernel object and its daemon must agree on.
//!
//! Everything that crosses the boundary is declared here once, proved free of padding by `zerocopy`'s derives,
//! and versioned by [`abi::ABI_VERSION`]. The decision code is pure and lives here too: the hooks compile it in,
//! and the host tests the same source.
//!
//! From the ground up, each module using only those above it:
#![cfg_attr(not(test), no_std)]

pub mod rights;
pub mod sockets;
pub mod request;
pub mod verdict;
pub mod doors;
pub mod limits;
pub mod policy;
pub mod abi;
pub mod action;
pub mod event;
pub mod repeated;
pub mod offsets;
pub mod hidden;
pub mod walk;
pub mod walked;
pub mod cached;
pub mod decide;

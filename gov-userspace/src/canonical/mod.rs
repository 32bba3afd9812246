//! Canonical JSON (RFC 8785) as receipts use it: text, integers, truth values, arrays and objects; no fractions.
//!
//! Receipts are written field by field in canonical order, because a general serialiser costs more than the hash
//! of the line; they are read back by a parser that accepts the canonical form of a value and nothing else, so
//! that one fact has one spelling and a verifier need not serialise again to see whether a line is canonical.

mod read;
mod write;

pub use read::{CanonicalError, Value, parse};
pub use write::Writer;

/// The largest integer that every JSON reader holds exactly: 2^53 - 1. Larger ones are written as decimal text.
pub const MAX_INTEGER: u64 = (1 << 53) - 1;

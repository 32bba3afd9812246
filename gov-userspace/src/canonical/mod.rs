//! Canonical JSON (RFC 8785) as receipts use it: text, integers, truth values, arrays and objects; no fractions.
//!
//! Receipts are written field by field in canonical order, because a general serialiser costs more than the hash
//! of the line; they are read back by a parser that accepts the canonical form of a value and nothing else, so
//! that one fact has one spelling and a verifier need not serialise again to see whether a line is canonical.

mod read;
mod scan;
mod write;

pub use read::{CanonicalError, Value, parse};
pub use scan::scan;
pub use write::{Writer, quoted};

/// The largest integer that every JSON reader holds exactly: 2^53 - 1. Larger ones are written as decimal text.
pub const MAX_INTEGER: u64 = (1 << 53) - 1;

/// How many bytes from the start stand in text as they are: the place of the first quote, backslash or control
/// character. Eight bytes at a time, because most of a log's bytes pass through here.
fn plain_length(bytes: &[u8]) -> usize {
    let (words, rest) = bytes.as_chunks::<8>();
    let mut length = 0_usize;
    for word in words {
        let found = special_bits(u64::from_le_bytes(*word));
        if found != 0 {
            // The lowest bit found is exact; those above it may be carried into.
            let bytes_before = found.trailing_zeros() >> 3;
            return length.saturating_add(usize::try_from(bytes_before).unwrap_or(0));
        }
        length = length.saturating_add(8);
    }
    let special = |byte: &u8| *byte < 0x20 || *byte == b'"' || *byte == b'\\';
    length.saturating_add(rest.iter().position(special).unwrap_or(rest.len()))
}

/// The top bit of each byte that is a quote, a backslash or below 0x20.
const fn special_bits(word: u64) -> u64 {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const TOPS: u64 = u64::from_le_bytes([0x80; 8]);
    const QUOTES: u64 = u64::from_le_bytes([b'"'; 8]);
    const BACKSLASHES: u64 = u64::from_le_bytes([b'\\'; 8]);
    const SPACES: u64 = u64::from_le_bytes([0x20; 8]);
    let control = word.wrapping_sub(SPACES) & !word;
    let quote = (word ^ QUOTES).wrapping_sub(ONES) & !(word ^ QUOTES);
    let backslash = (word ^ BACKSLASHES).wrapping_sub(ONES) & !(word ^ BACKSLASHES);
    (control | quote | backslash) & TOPS
}

#[cfg(test)]
mod tests {
    use super::plain_length;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn plain_bytes_end_where_a_plain_search_says(
            bytes in proptest::collection::vec(prop_oneof![any::<u8>(), Just(b'a'), Just(b'"'), Just(0x1f)], 0..40),
        ) {
            let special = |byte: &u8| *byte < 0x20 || *byte == b'"' || *byte == b'\\';
            prop_assert_eq!(plain_length(&bytes), bytes.iter().position(special).unwrap_or(bytes.len()));
        }
    }
}

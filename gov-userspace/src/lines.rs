//! Reads a log's lines in bounded memory: one at a time, or many at once for whoever works on them in parallel.

use std::io::{self, BufRead, Read};

/// The longest line of a log, its newline not counted.
pub const MAX_LINE: usize = 1 << 20;

/// What comes next in a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line<'a> {
    /// A line, without its newline.
    Whole(&'a [u8]),
    /// Bytes after the last newline: a line whose end was never written.
    Torn(&'a [u8]),
    /// More than [`MAX_LINE`] bytes without a newline.
    TooLong,
    /// Nothing more.
    End,
}

/// The lines of a reader.
pub struct Lines<R> {
    reader: R,
    line: Vec<u8>,
}

impl<R: BufRead> Lines<R> {
    /// From where the reader stands.
    pub fn new(reader: R) -> Self {
        Self { reader, line: Vec::new() }
    }

    /// The next line.
    ///
    /// # Errors
    /// Those of the reader.
    pub fn read(&mut self) -> io::Result<Line<'_>> {
        self.line.clear();
        // A line and its newline, and one byte more to see that a line is too long.
        let limit = u64::try_from(MAX_LINE).unwrap_or(u64::MAX).saturating_add(1);
        (&mut self.reader).take(limit).read_until(b'\n', &mut self.line)?;
        Ok(match self.line.strip_suffix(b"\n") {
            Some(line) => Line::Whole(line),
            None if self.line.is_empty() => Line::End,
            None if self.line.len() > MAX_LINE => Line::TooLong,
            None => Line::Torn(&self.line),
        })
    }
}

/// Neighbouring lines of a log, as one piece of work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// The number of the first of them, from 0.
    pub first: u64,
    bytes: Vec<u8>,
    /// Whether the log ends in these bytes.
    last: bool,
}

impl Chunk {
    /// The lines, up to the end of these or to one that is no whole line.
    pub fn lines(&self) -> impl Iterator<Item = Line<'_>> {
        let (mut rest, last) = (&self.bytes[..], self.last);
        std::iter::from_fn(move || {
            let line = match memchr::memchr(b'\n', rest).and_then(|end| rest.split_at_checked(end)) {
                Some((line, _)) if line.len() > MAX_LINE => Line::TooLong,
                Some((line, end)) => {
                    rest = end.get(1..).unwrap_or_default();
                    return Some(Line::Whole(line));
                }
                None if rest.is_empty() => return None,
                None if last && rest.len() <= MAX_LINE => Line::Torn(rest),
                None => Line::TooLong,
            };
            rest = &[];
            Some(line)
        })
    }

    /// How many bytes of the log these are.
    pub fn size(&self) -> usize {
        self.bytes.len()
    }
}

/// The lines of a reader, in chunks of some length.
pub struct Chunks<R> {
    reader: R,
    length: usize,
    /// The beginning of a line, read with the lines before it.
    rest: Vec<u8>,
    next: u64,
    over: bool,
}

impl<R: Read> Chunks<R> {
    /// From where the reader stands, some `length` of bytes each.
    pub fn new(reader: R, length: usize) -> Self {
        Self { reader, length, rest: Vec::new(), next: 0, over: false }
    }

    fn read(&mut self) -> io::Result<Chunk> {
        let mut bytes = std::mem::take(&mut self.rest);
        loop {
            let start = bytes.len();
            fill(&mut self.reader, &mut bytes, self.length)?;
            let read = bytes.get(start..).unwrap_or_default();
            if read.is_empty() {
                self.over = true;
                break;
            }
            if let Some(newline) = memchr::memrchr(b'\n', read) {
                self.rest = bytes.split_off(start.saturating_add(newline).saturating_add(1));
                break;
            }
            if bytes.len() > MAX_LINE {
                // No line can come of it, and whatever follows is not held.
                self.over = true;
                break;
            }
        }
        let first = self.next;
        let newlines = memchr::memchr_iter(b'\n', &bytes).count();
        self.next = first.saturating_add(u64::try_from(newlines).unwrap_or(u64::MAX));
        Ok(Chunk { first, bytes, last: self.over })
    }
}

impl<R: Read> Iterator for Chunks<R> {
    type Item = io::Result<Chunk>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        let chunk = self.read();
        self.over |= chunk.is_err();
        Some(chunk)
    }
}

/// Appends up to `length` bytes; fewer only at the end.
fn fill(reader: &mut impl Read, bytes: &mut Vec<u8>, length: usize) -> io::Result<()> {
    let mut filled = bytes.len();
    bytes.resize(filled.saturating_add(length), 0);
    while let Some(space) = bytes.get_mut(filled..).filter(|space| !space.is_empty()) {
        match reader.read(space) {
            Ok(0) => break,
            Ok(read) => filled = filled.saturating_add(read),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(filled);
    Ok(())
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "a test that wraps panics")]
mod tests {
    use super::{Chunks, Line, Lines, MAX_LINE};
    use proptest::prelude::*;

    #[test]
    fn lines_end_with_a_newline_and_what_follows_the_last_one_is_torn() {
        let mut lines = Lines::new(&b"a\n\nbc"[..]);
        assert_eq!(lines.read().unwrap(), Line::Whole(b"a"));
        assert_eq!(lines.read().unwrap(), Line::Whole(b""));
        assert_eq!(lines.read().unwrap(), Line::Torn(b"bc"));
        assert_eq!(lines.read().unwrap(), Line::End);
    }

    #[test]
    fn the_longest_line_is_read_and_a_longer_one_is_not_held() {
        let longest = [vec![b'x'; MAX_LINE], vec![b'\n']].concat();
        assert_eq!(Lines::new(&longest[..]).read().unwrap(), Line::Whole(&longest[..MAX_LINE]));
        let endless = std::io::BufReader::new(std::io::Read::take(std::io::repeat(b'x'), 1 << 40));
        assert_eq!(Lines::new(endless).read().unwrap(), Line::TooLong);
    }
    /// What a reader of single lines finds, as text.
    fn one_by_one(log: &[u8]) -> Vec<String> {
        let mut lines = Lines::new(log);
        let mut found = Vec::new();
        loop {
            let line = lines.read().unwrap();
            if line != Line::End {
                found.push(format!("{line:?}"));
            }
            if !matches!(line, Line::Whole(_)) {
                return found;
            }
        }
    }

    fn in_chunks(log: &[u8], length: usize) -> Vec<String> {
        let (mut found, mut next) = (Vec::new(), 0);
        for chunk in Chunks::new(log, length) {
            let chunk = chunk.unwrap();
            assert_eq!(chunk.first, next);
            for line in chunk.lines() {
                found.push(format!("{line:?}"));
                if !matches!(line, Line::Whole(_)) {
                    return found;
                }
                next += 1;
            }
        }
        found
    }

    proptest! {
        #[test]
        fn chunks_have_the_same_lines(
            log in proptest::collection::vec(prop_oneof![Just(b'a'), Just(b'\n')], 0..60), length in 1_usize..20,
        ) {
            prop_assert_eq!(in_chunks(&log, length), one_by_one(&log));
        }
    }

    #[test]
    fn chunks_have_the_longest_line_and_hold_no_longer_one() {
        let line = |length: usize| [b"a\n".to_vec(), vec![b'x'; length], b"\nb\n".to_vec()].concat();
        for length in [MAX_LINE, MAX_LINE + 1] {
            for chunk in [1 << 12, 1 << 18, 1 << 22] {
                assert_eq!(in_chunks(&line(length), chunk), one_by_one(&line(length)), "{length} by {chunk}");
            }
        }
        let endless = std::io::Read::take(std::io::repeat(b'x'), 1 << 40);
        let chunk = Chunks::new(endless, 1 << 18).next().unwrap().unwrap();
        assert!(chunk.size() <= MAX_LINE + (1 << 18));
        assert!(chunk.lines().eq([Line::TooLong]));
    }
}

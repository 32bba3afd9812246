//! Reads a log's lines one at a time, in bounded memory.

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

#[cfg(test)]
mod tests {
    use super::{Line, Lines, MAX_LINE};

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
}

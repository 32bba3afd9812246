//! Counts passed and failed tests in output while it goes by.

use std::io::{Result, Write};
use std::marker::PhantomData;

use crate::check::Score;

/// How a line of output counts.
pub trait Dialect {
    /// What a line says, `None` for a line that says nothing of it.
    fn score(line: &str) -> Option<Score>;
}

/// Rows that begin with `ok` or `FAIL`.
pub struct Rows;

/// What libtest says at the end of each program.
pub struct Cargo;

impl Dialect for Rows {
    fn score(line: &str) -> Option<Score> {
        match line.split(' ').next() {
            Some("ok") => Some(Score { passed: 1, failed: 0 }),
            Some("FAIL") => Some(Score { passed: 0, failed: 1 }),
            _ => None,
        }
    }
}

impl Dialect for Cargo {
    fn score(line: &str) -> Option<Score> {
        let result = line.strip_prefix("test result: ")?;
        let number = |what: &str| {
            let words: Vec<&str> = result.split([' ', ';']).collect();
            let place = words.iter().position(|word| *word == what)?;
            words.get(place.checked_sub(1)?)?.parse().ok()
        };
        Some(Score { passed: number("passed")?, failed: number("failed")? })
    }
}

/// Passes output on and counts.
pub struct Counting<D, W> {
    to: W,
    line: Vec<u8>,
    score: Score,
    dialect: PhantomData<D>,
}

impl<D: Dialect, W: Write> Counting<D, W> {
    pub fn new(to: W) -> Self {
        Self { to, line: Vec::new(), score: Score::default(), dialect: PhantomData }
    }

    /// What was counted, a last line without an end included.
    pub fn finish(mut self) -> Result<Score> {
        self.end_line();
        self.to.flush()?;
        Ok(self.score)
    }

    fn end_line(&mut self) {
        if let Some(score) = D::score(&String::from_utf8_lossy(&self.line)) {
            self.score.passed += score.passed;
            self.score.failed += score.failed;
        }
        self.line.clear();
    }
}

impl<D: Dialect, W: Write> Write for Counting<D, W> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        let written = self.to.write(bytes)?;
        for byte in &bytes[..written] {
            match byte {
                b'\n' => self.end_line(),
                byte => self.line.push(*byte),
            }
        }
        Ok(written)
    }

    fn flush(&mut self) -> Result<()> {
        self.to.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::{Cargo, Counting, Dialect, Rows};
    use crate::check::Score;

    fn count<D: Dialect>(pieces: &[&str]) -> std::io::Result<Score> {
        let mut counting = Counting::<D, _>::new(Vec::new());
        for piece in pieces {
            counting.write_all(piece.as_bytes())?;
        }
        counting.finish()
    }

    #[test]
    fn rows_are_counted_however_the_output_is_cut() -> std::io::Result<()> {
        let score = count::<Rows>(&["ok   a\nFA", "IL b\nokay\n  ok\nok c"])?;
        assert_eq!(score, Score { passed: 2, failed: 1 });
        Ok(())
    }

    #[test]
    fn the_results_of_all_test_programs_are_added() -> std::io::Result<()> {
        let score = count::<Cargo>(&[
            "running 3 tests\n...\ntest result: ok. 3 passed; 0 failed; 1 ignored; 0 measured\n",
            "test result: FAILED. 4 passed; 2 failed; 0 ignored\n",
        ])?;
        assert_eq!(score, Score { passed: 7, failed: 2 });
        Ok(())
    }
}

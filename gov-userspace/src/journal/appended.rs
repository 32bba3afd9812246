//! A file that grows by whole pieces only: what a failed write left of one is taken back before another follows.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use super::JournalError;

/// A file that is open to append to it.
pub(super) struct Appended {
    file: Arc<File>,
    path: PathBuf,
    /// Bytes of whole pieces.
    written: u64,
    /// Whether a part of a piece may stand behind them.
    torn: bool,
}

impl Appended {
    /// The file, of which so many bytes are whole.
    pub(super) fn new(file: File, path: PathBuf, written: u64) -> Self {
        Self { file: Arc::new(file), path, written, torn: false }
    }

    /// Appends all of it or, with an error, nothing: it can be tried again.
    pub(super) fn append(&mut self, piece: &[u8]) -> Result<(), JournalError> {
        if self.torn {
            self.take_back()?;
        }
        if let Err(error) = (&*self.file).write_all(piece) {
            self.torn = true;
            // A disk that takes no more may not take this either: then it is done before the next piece.
            let _taken_back = self.take_back();
            return Err(JournalError::io("write", &self.path)(error));
        }
        let length = u64::try_from(piece.len()).unwrap_or(u64::MAX);
        self.written = self.written.saturating_add(length);
        Ok(())
    }

    /// The file itself, to make it durable.
    pub(super) fn file(&self) -> &Arc<File> {
        &self.file
    }

    /// Another file in this one's place, for tests of disks that fail.
    #[cfg(test)]
    pub(super) fn swap(&mut self, file: impl Into<Arc<File>>) -> Arc<File> {
        std::mem::replace(&mut self.file, file.into())
    }

    fn take_back(&mut self) -> Result<(), JournalError> {
        self.file.set_len(self.written).map_err(JournalError::io("shorten", &self.path))?;
        self.torn = false;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Appended;
    use std::fs::{self, File, OpenOptions};
    use std::io::Write;

    #[test]
    fn what_a_failed_write_left_is_taken_back_before_the_next_piece() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let open = || OpenOptions::new().append(true).create(true).open(&path).unwrap();
        let mut log = Appended::new(open(), path.clone(), 0);
        log.append(b"one\n").unwrap();
        // A disk that takes no bytes, no shortening, no sync; half a piece reached it before.
        open().write_all(b"tw").unwrap();
        log.swap(File::open(&path).unwrap());
        log.append(b"two\n").unwrap_err();
        log.append(b"two\n").unwrap_err();
        assert_eq!(fs::read(&path).unwrap(), b"one\ntw");
        log.swap(open());
        log.append(b"two\n").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"one\ntwo\n");
    }
}

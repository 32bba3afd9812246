//! A session's log on disk: append-only lines, and signed checkpoints that never cover what is not yet durable.
//!
//! The folder holds `log.jsonl` (the receipts), `checkpoint` (the latest signed head), `checkpoints.jsonl` (all of
//! them, each a line with one JSON text), `session.json`, `delegation.json` and `key.pub`, perhaps `key.chain`; after a recovery perhaps
//! `torn`; while the session lives, `reserve`, space that is given back when the disk is full so that the end of
//! the session can still be written. docs/log.md describes the form.
//!
//! The order of a commit is: write the lines, sync them, sign, replace the checkpoint. A stop at any point leaves
//! a log that the last checkpoint covers from its first line on, and perhaps more lines after it.

mod appended;
mod error;
mod folder;
mod publish;
mod recover;
mod scan;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustix::fs::OFlags;

use crate::clock::Offset;
use crate::key::Secret;
use crate::merkle::{self, Tree};
use crate::note::Checkpoint;
use crate::receipt::{Encoder, Receipt, SessionFacts};

use appended::Appended;
use folder::Grown;
use publish::{Landing, Publisher, Publishing};

pub use error::JournalError;
pub use folder::{
    ANCESTORS, CHECKPOINT, CHECKPOINTS, DELEGATION, KEY, KEYS, LOG, SESSION, SessionFile, TORN,
};
pub use recover::{MAX_SESSION_FILE, Recovery, Resumed, Signer};

/// Bytes of lines that are gathered before they are written; a commit writes what there is.
const BATCH: usize = 256 << 10;

/// What a new log starts from.
#[derive(Clone, Debug)]
pub struct NewLog<'a> {
    /// The log's name in its checkpoints: `gov/HOST/SESSION`.
    pub origin: String,
    /// The session.
    pub facts: SessionFacts,
    /// The delegation's bytes as they came.
    pub delegation: &'a [u8],
    /// What it narrows, from the root on; empty for a root.
    pub ancestors: &'a [String],
    /// The rotations that led to the key; empty if there were none.
    pub keys: &'a str,
    /// The group that may read the log; `None` leaves it to the daemon's own.
    pub group: Option<u32>,
}

/// A log that is being written.
pub struct Log {
    dir: PathBuf,
    origin: String,
    encoder: Encoder,
    /// The receipts' file.
    lines: Appended,
    publishing: Publishing,
    /// Whole lines that are not in the file yet.
    pending: Vec<u8>,
    /// Over every line, pending ones too.
    tree: Tree,
    /// Lines that the last checkpoint covers.
    covered: u64,
    durable: bool,
}

impl Log {
    /// Makes a log's folder and its files; nothing is visible at `dir` before all of it is there.
    ///
    /// # Errors
    /// [`JournalError::Exists`] if there is something at `dir`, [`JournalError::Origin`] for an unusable origin,
    /// otherwise what the system says.
    pub fn create(dir: &Path, new: NewLog<'_>, key: Arc<Secret>) -> Result<Self, JournalError> {
        let Grown { log, history } = folder::create(dir, &new, key.public())?;
        Ok(Self {
            dir: dir.to_owned(),
            origin: new.origin,
            encoder: Encoder::new(new.facts),
            lines: log,
            publishing: Publishing::new(Publisher { dir: dir.to_owned(), key, history, noted: 0 }),
            pending: Vec::new(),
            tree: Tree::default(),
            covered: 0,
            durable: true,
        })
    }

    /// Where the log is.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Lines so far, committed or not.
    pub fn size(&self) -> u64 {
        self.tree.size()
    }

    /// Lines that no checkpoint covers.
    pub fn uncovered(&self) -> u64 {
        self.tree.size().saturating_sub(self.covered)
    }

    /// The session's facts as receipts use them.
    pub fn facts(&self) -> &SessionFacts {
        self.encoder.facts()
    }

    /// Sets how far the wall clock is ahead of the boot clock; sample it with each batch of events.
    pub fn set_offset(&mut self, offset: Offset) {
        self.encoder.set_offset(offset);
    }

    /// Uses the scopes of another policy from the next receipt on.
    pub fn set_scopes(&mut self, scopes: Vec<String>) {
        self.encoder.set_scopes(scopes);
    }

    /// Adds a receipt and returns its number. It is durable after the next [`Log::commit`].
    ///
    /// # Errors
    /// [`JournalError::Full`] or another when gathered lines could not be written: this receipt was added all the
    /// same and must not be added again; [`JournalError::Receipt`] when it was not.
    pub fn append(&mut self, receipt: Receipt<'_>) -> Result<u64, JournalError> {
        let (index, start) = (self.tree.size(), self.pending.len());
        if let Err(error) = self.encoder.write(receipt, index, &mut self.pending) {
            self.pending.truncate(start);
            return Err(JournalError::Receipt(error));
        }
        self.tree.push(merkle::leaf(self.pending.get(start..).unwrap_or_default()));
        self.pending.push(b'\n');
        if self.pending.len() >= BATCH {
            self.write()?;
        }
        Ok(index)
    }

    /// Bytes of lines that are in this process alone.
    #[cfg(test)]
    pub(crate) fn gathered(&self) -> usize {
        self.pending.len()
    }

    /// Hands all lines to the system: from then on they outlive this process, but not a loss of power.
    ///
    /// # Errors
    /// As [`Log::append`] when gathered lines could not be written.
    pub fn hand_over(&mut self) -> Result<(), JournalError> {
        if self.pending.is_empty() { Ok(()) } else { self.write() }
    }

    /// Makes all lines durable and signs a checkpoint over them; nothing if there is no new line.
    ///
    /// # Errors
    /// One that [`JournalError::can_pass`]: repeat it when it has, perhaps after [`Log::spend_reserve`];
    /// [`JournalError::Unsynced`], and from then on [`JournalError::NotDurable`] for ever.
    pub fn commit(&mut self) -> Result<(), JournalError> {
        if let Some(landing) = self.publishing.land() {
            self.note(landing)?;
        }
        if self.uncovered() == 0 {
            return Ok(());
        }
        self.write()?;
        let landing = self.publishing.publish(self.lines.file(), &self.head());
        self.note(landing).map(|_took| ())
    }

    /// The same without waiting for the disk: [`Log::landed`] says what became of it. One is under way at a time, and
    /// while it is, this does nothing.
    ///
    /// # Errors
    /// As [`Log::commit`].
    pub fn begin_commit(&mut self) -> Result<(), JournalError> {
        if self.publishing.is_under_way() || self.uncovered() == 0 {
            return Ok(());
        }
        self.write()?;
        match self.publishing.send_off(self.lines.file(), self.head()) {
            None => Ok(()),
            Some(landing) => self.note(landing).map(|_took| ()),
        }
    }

    /// Whether a checkpoint is on its way to the disk.
    pub fn is_committing(&self) -> bool {
        self.publishing.is_under_way()
    }

    /// What became of the checkpoint that was under way, and how long it took; `None` if it still is, or none was.
    pub fn landed(&mut self) -> Option<Result<Duration, JournalError>> {
        let landing = self.publishing.landed()?;
        Some(self.note(landing))
    }

    /// Commits and syncs everything else in the folder too: the session is over.
    ///
    /// # Errors
    /// As [`Log::commit`].
    pub fn close(mut self) -> Result<(), JournalError> {
        self.commit()?;
        folder::sync_all(&self.dir)
    }

    /// Gives back the space kept for the end of a session whose disk is full.
    ///
    /// # Errors
    /// What the system says; none if it was given back before.
    pub fn spend_reserve(&mut self) -> Result<(), JournalError> {
        folder::remove_reserve(&self.dir)
    }

    fn write(&mut self) -> Result<(), JournalError> {
        if !self.durable {
            return Err(JournalError::NotDurable(self.dir.clone()));
        }
        self.lines.append(&self.pending)?;
        self.pending.clear();
        Ok(())
    }

    /// The head of the log as it stands.
    fn head(&self) -> Checkpoint {
        Checkpoint { origin: self.origin.clone(), size: self.tree.size(), root: self.tree.root() }
    }

    /// What the end of a checkpoint's way means.
    fn note(&mut self, landing: Landing) -> Result<Duration, JournalError> {
        match landing.outcome {
            Ok(()) => {
                self.covered = landing.size;
                Ok(landing.took)
            }
            Err(error) => {
                // After a sync that failed the kernel may have dropped the pages: a second one would succeed and mean
                // nothing.
                self.durable &= error.can_pass();
                Err(error)
            }
        }
    }
}

/// Opens a file of a log's folder to read it, if it is there and as the daemon made it.
///
/// # Errors
/// [`JournalError::Changed`] if it is not; otherwise what the system says.
pub fn open(dir: &Path, name: &str) -> Result<Option<File>, JournalError> {
    folder::check(dir)?;
    folder::open_if_there(dir, name, OFlags::RDONLY)
}

/// The name of a session's log in its checkpoints. A host name that does not fit loses its odd characters.
pub fn origin(host: &str, session: &str) -> String {
    let usable = |byte: char| byte.is_ascii_alphanumeric() || matches!(byte, '.' | '-' | '_');
    let host: String = host.chars().filter(|letter| usable(*letter)).take(64).collect();
    format!("gov/{}/{session}", if host.is_empty() { "localhost" } else { &host })
}

#[cfg(test)]
mod tampered_tests;
#[cfg(test)]
mod tests;

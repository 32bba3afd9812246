//! A session's log on disk: append-only lines, and signed checkpoints that never cover what is not yet durable.
//!
//! The folder holds `log.jsonl` (the receipts), `checkpoint` (the latest signed head), `checkpoints.jsonl` (all of
//! them, each a line with one JSON text), `session.json`, `delegation.json` and `key.pub`; after a recovery perhaps
//! `torn`; while the session lives, `reserve`, space that is given back when the disk is full so that the end of
//! the session can still be written. docs/log.md describes the form.
//!
//! The order of a commit is: write the lines, sync them, sign, replace the checkpoint. A stop at any point leaves
//! a log that the last checkpoint covers from its first line on, and perhaps more lines after it.

mod appended;
mod error;
mod folder;
mod recover;
mod scan;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::OFlags;

use crate::clock::Offset;
use crate::crash;
use crate::key::Secret;
use crate::merkle::{self, Tree};
use crate::note::Checkpoint;
use crate::receipt::{Encoder, Receipt, SessionFacts};

use folder::Grown;

pub use error::JournalError;
pub use folder::{ANCESTORS, CHECKPOINT, CHECKPOINTS, DELEGATION, KEY, LOG, SESSION, SessionFile, TORN};
pub use recover::{Recovery, Resumed};

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
    /// The group that may read the log; `None` leaves it to the daemon's own.
    pub group: Option<u32>,
}

/// A log that is being written.
pub struct Log {
    dir: PathBuf,
    origin: String,
    key: Arc<Secret>,
    encoder: Encoder,
    grown: Grown,
    /// Whole lines that are not in the file yet.
    pending: Vec<u8>,
    /// Over every line, pending ones too.
    tree: Tree,
    /// Lines that the last checkpoint covers.
    covered: u64,
    /// Lines that the last of all checkpoints covers, which stands among them before it becomes the latest.
    noted: u64,
    durable: bool,
}

impl Log {
    /// Makes a log's folder and its files; nothing is visible at `dir` before all of it is there.
    ///
    /// # Errors
    /// [`JournalError::Exists`] if there is something at `dir`, [`JournalError::Origin`] for an unusable origin,
    /// otherwise what the system says.
    pub fn create(dir: &Path, new: NewLog<'_>, key: Arc<Secret>) -> Result<Self, JournalError> {
        let grown = folder::create(dir, &new, key.public())?;
        Ok(Self {
            dir: dir.to_owned(),
            origin: new.origin,
            key,
            encoder: Encoder::new(new.facts),
            grown,
            pending: Vec::new(),
            tree: Tree::default(),
            covered: 0,
            noted: 0,
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

    /// Whether a commit would cover more than the last one did.
    pub fn is_dirty(&self) -> bool {
        self.covered != self.tree.size()
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
        if !self.is_dirty() {
            return Ok(());
        }
        self.write()?;
        self.synced(self.grown.log.sync(), LOG)?;
        crash::point("synced");
        let checkpoint =
            Checkpoint { origin: self.origin.clone(), size: self.tree.size(), root: self.tree.root() };
        let note = checkpoint.sign(&self.key);
        if self.noted != checkpoint.size {
            self.grown.history.append(&folder::history_line(&note)?)?;
            if self.noted == 0 {
                // From here on a log without a checkpoint is one that somebody changed.
                self.synced(self.grown.history.sync(), CHECKPOINTS)?;
            }
            self.noted = checkpoint.size;
        }
        crash::point("noted");
        folder::replace(&self.dir, CHECKPOINT, note.as_bytes())?;
        crash::point("checkpointed");
        self.covered = checkpoint.size;
        Ok(())
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
        self.grown.log.append(&self.pending)?;
        self.pending.clear();
        Ok(())
    }

    /// What a sync means.
    fn synced(&mut self, outcome: io::Result<()>, name: &str) -> Result<(), JournalError> {
        outcome.map_err(|source| {
            // The kernel may have dropped the pages: a second sync would succeed and mean nothing.
            self.durable = false;
            JournalError::Unsynced { path: self.dir.join(name), source }
        })
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

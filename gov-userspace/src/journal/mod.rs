//! A session's log on disk: append-only lines, and signed checkpoints that never cover what is not yet durable.
//!
//! The folder holds `log.jsonl` (the receipts), `checkpoint` (the latest signed head), `checkpoints.jsonl` (all of
//! them, each a line with one JSON text), `session.json`, `delegation.json` and `key.pub`, perhaps `key.chain`; after a recovery perhaps
//! `torn`; while the session lives, `reserve`, space that is given back when the disk is full so that the end of
//! the session can still be written. docs/log.md describes the form.
//!
//! The order of a commit is: write the lines, sync them, sign, replace the checkpoint. A stop at any point leaves
//! a log that the last checkpoint covers from its first line on, and perhaps more lines after it.

mod folder;
mod recover;

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use thiserror::Error;

use crate::clock::Offset;
use crate::crash;
use crate::key::{Public, Secret};
use crate::merkle::{self, Tree};
use crate::note::{Checkpoint, NoteError};
use crate::receipt::{Encoder, Receipt, SessionFacts};

pub use folder::{
    ANCESTORS, CHECKPOINT, CHECKPOINTS, DELEGATION, KEY, KEYS, LOG, SESSION, SessionFile, TORN,
};
pub use recover::{Recovery, Resumed, Signer};

/// Bytes of lines that are gathered before they are written; a commit writes what there is.
const BATCH: usize = 256 << 10;

/// Why a log cannot be written or taken up again.
#[derive(Debug, Error)]
pub enum JournalError {
    /// There is a log of this name.
    #[error("there is a log at `{0}` already: take another session name")]
    Exists(PathBuf),
    /// The disk or the quota is full. Nothing was lost: the lines are kept and the call can be repeated.
    #[error("no space for evidence at `{path}`: free some; until then nothing more is allowed ({source})")]
    Full {
        /// The log's folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The system refused something else.
    #[error("cannot {act} `{path}`: {source}")]
    Io {
        /// What was tried.
        act: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A sync failed before: what is on disk is unknown, so nothing more is signed.
    #[error(
        "the log at `{0}` could not be made durable before: end the session, check the disk and recover the log"
    )]
    NotDurable(PathBuf),
    /// A receipt that cannot be written.
    #[error("a receipt cannot be written: {0}")]
    Receipt(String),
    /// An origin that no note can carry.
    #[error(transparent)]
    Origin(#[from] NoteError),
    /// The key that signs it is no more.
    #[error(
        "the log at `{path}` has no end, and key {key}, which signs it, was destroyed: what its last checkpoint covers stands"
    )]
    NoKey {
        /// The log's folder.
        path: PathBuf,
        /// Its key.
        key: Public,
    },
    /// The log's own files contradict each other.
    #[error("the log at `{path}` is not as it was signed: {what}; keep the folder and ask who changed it")]
    Changed {
        /// The log's folder.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
}

impl JournalError {
    /// Whether the space ran out, so that the call can be repeated.
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Full { .. })
    }

    fn io(act: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full { path, source },
            _other => Self::Io { act, path, source },
        }
    }
}

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
    key: Arc<Secret>,
    encoder: Encoder,
    file: File,
    /// Bytes of the file that are known to be whole lines.
    written: u64,
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
        let file = folder::create(dir, &new, key.public())?;
        Ok(Self {
            dir: dir.to_owned(),
            origin: new.origin,
            key,
            encoder: Encoder::new(new.facts),
            file,
            written: 0,
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
    /// [`JournalError::Full`]: repeat it when there is space, perhaps after [`Log::spend_reserve`];
    /// [`JournalError::NotDurable`] for ever after a failed sync.
    pub fn commit(&mut self) -> Result<(), JournalError> {
        if !self.is_dirty() {
            return Ok(());
        }
        self.write()?;
        self.sync()?;
        crash::point("synced");
        let checkpoint =
            Checkpoint { origin: self.origin.clone(), size: self.tree.size(), root: self.tree.root() };
        let note = checkpoint.sign(&self.key);
        folder::append(&self.dir, CHECKPOINTS, &folder::history_line(&note)?)?;
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
        let path = self.dir.join(LOG);
        if let Err(error) = self.file.write_all(&self.pending) {
            // A part of a line may stand there: take it back, so that the file always ends with a whole one.
            self.file.set_len(self.written).map_err(JournalError::io("shorten", &path))?;
            return Err(JournalError::io("write", &self.dir)(error));
        }
        let length = u64::try_from(self.pending.len()).unwrap_or(u64::MAX);
        self.written = self.written.saturating_add(length);
        self.pending.clear();
        Ok(())
    }

    fn sync(&mut self) -> Result<(), JournalError> {
        if let Err(error) = self.file.sync_data() {
            // The kernel may have dropped the pages: a second sync would succeed and mean nothing.
            self.durable = false;
            return Err(JournalError::io("sync", &self.dir.join(LOG))(error));
        }
        Ok(())
    }
}

/// The name of a session's log in its checkpoints. A host name that does not fit loses its odd characters.
pub fn origin(host: &str, session: &str) -> String {
    let usable = |byte: char| byte.is_ascii_alphanumeric() || matches!(byte, '.' | '-' | '_');
    let host: String = host.chars().filter(|letter| usable(*letter)).take(64).collect();
    format!("gov/{}/{session}", if host.is_empty() { "localhost" } else { &host })
}

#[cfg(test)]
mod tests;

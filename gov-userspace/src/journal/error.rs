//! Why a log cannot be written or taken up again, and whether that may pass.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::guarded::GuardError;
use crate::key::Public;
use crate::note::NoteError;

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
    /// What is on the disk is unknown, so nothing more is signed.
    #[error(
        "cannot sync `{path}`: {source}; nothing more is signed in this log until it is recovered: check the disk"
    )]
    Unsynced {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A sync failed before.
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
    /// Whether the space ran out.
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Full { .. })
    }

    /// Whether the disk may take later what it did not take now: nothing was lost, and the call can be repeated.
    pub fn can_pass(&self) -> bool {
        matches!(self, Self::Full { .. } | Self::Io { .. })
    }

    pub(super) fn changed(dir: &Path, what: impl Into<String>) -> Self {
        Self::Changed { path: dir.to_owned(), what: what.into() }
    }

    /// What stands in the folder's place or in that of a file in it is not what the daemon put there.
    pub(super) fn unguarded(dir: &Path, error: GuardError) -> Self {
        match error {
            GuardError::Io { act, path, source } => Self::io(act, &path)(source),
            GuardError::NotFile(path) => Self::changed(dir, format!("`{}` is no plain file", path.display())),
            GuardError::NotFolder(_) => Self::changed(dir, "it is no folder"),
            other => Self::changed(dir, other.to_string()),
        }
    }

    pub(super) fn io(act: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full { path, source },
            _other => Self::Io { act, path, source },
        }
    }
}

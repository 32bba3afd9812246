//! Rotation: a key names the one that follows it, and signs that; the new one signs too, as proof that somebody has it.
//!
//! ```text
//! gov-key-rotation/v1
//! log
//! old bf3edcd78c1ae289bc3dbf1c39d1c1d0871c5692dfef7dd66d4ecfd2d48c3565
//! new 8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c
//! at 2026-11-22T20:00:00.000Z
//!
//! — gov-key-rotation/v1 …
//! — gov-key-rotation/v1 …
//! ```
//!
//! Such a note is never a checkpoint: that has three lines, and an origin that begins with `gov/`. It is no delegation
//! either, and nothing else that is signed behind a domain, because it holds no NUL.

mod chain;

use jiff::Timestamp;
use thiserror::Error;

use crate::key::{Public, Secret};
use crate::note::{self, Note, NoteError};

pub use chain::{Chain, ChainError, MAX_CHAIN};

/// The first line, and the name that both keys sign under.
const ORIGIN: &str = "gov-key-rotation/v1";

/// What a key is for. A statement about one kind of key says nothing of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The daemon's, that signs logs.
    Log,
    /// A user's own, that signs delegations.
    User,
}

impl Purpose {
    const ALL: [Self; 2] = [Self::Log, Self::User];

    /// Its name in a statement.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::User => "user",
        }
    }
}

/// Why a note is no statement of a rotation.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RotationError {
    /// Not a note, or a signature that is wrong.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// Not exactly such a statement.
    #[error("it is no statement of a rotation: {0}")]
    Form(&'static str),
    /// One of the two did not sign.
    #[error("the {0} key did not sign it")]
    Unsigned(&'static str),
}

/// A statement that one key follows another, signed by both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// What the keys are for.
    pub purpose: Purpose,
    /// The key that gives way.
    pub old: Public,
    /// The key that follows it.
    pub new: Public,
    /// When it was signed, as the old key's holder says.
    pub at: Timestamp,
    note: String,
}

impl Rotation {
    /// Signs one.
    pub fn sign(purpose: Purpose, old: &Secret, new: &Secret, at: Timestamp) -> Self {
        let text = text(purpose, old.public(), new.public(), at);
        let note = note::sign(&text, ORIGIN, &[old, new]);
        // What is written has milliseconds.
        let at = Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at);
        Self { purpose, old: old.public(), new: new.public(), at, note }
    }

    /// Reads one and checks both signatures.
    ///
    /// # Errors
    /// [`RotationError`] for whatever is not exactly what [`Rotation::sign`] writes.
    pub fn verify(note: &str) -> Result<Self, RotationError> {
        let parsed = Note::parse(note.as_bytes())?;
        let lines: Vec<&str> = parsed.text.lines().collect();
        let [origin, purpose, old, new, at] = lines[..] else {
            return Err(RotationError::Form("expected five lines"));
        };
        if origin != ORIGIN {
            return Err(RotationError::Form("its first line is not `gov-key-rotation/v1`"));
        }
        let purpose = Purpose::ALL.into_iter().find(|it| it.name() == purpose);
        let purpose = purpose.ok_or(RotationError::Form("it is neither of a `log` nor of a `user` key"))?;
        let key = |line: &str, name: &str| line.strip_prefix(name).and_then(|hex| Public::from_hex(hex).ok());
        let old = key(old, "old ").ok_or(RotationError::Form("its third line names no old key"))?;
        let new = key(new, "new ").ok_or(RotationError::Form("its fourth line names no new key"))?;
        let at = at.strip_prefix("at ").and_then(|at| at.parse::<Timestamp>().ok());
        let at = at.ok_or(RotationError::Form("its fifth line names no time"))?;
        if text(purpose, old, new, at) != parsed.text {
            return Err(RotationError::Form("it is not written plainly"));
        }
        for (key, which) in [(old, "old"), (new, "new")] {
            if !parsed.is_signed_by(ORIGIN, key)? {
                return Err(RotationError::Unsigned(which));
            }
        }
        if parsed.signatures() != 2 {
            return Err(RotationError::Form("others than the two keys signed it"));
        }
        Ok(Self { purpose, old, new, at, note: note.to_owned() })
    }

    /// The signed note.
    pub fn note(&self) -> &str {
        &self.note
    }

    /// The time as it is written.
    pub fn when(&self) -> String {
        written(self.at)
    }
}

fn text(purpose: Purpose, old: Public, new: Public, at: Timestamp) -> String {
    format!("{ORIGIN}\n{}\nold {old}\nnew {new}\nat {}\n", purpose.name(), written(at))
}

fn written(at: Timestamp) -> String {
    format!("{at:.3}")
}

#[cfg(test)]
mod tests;

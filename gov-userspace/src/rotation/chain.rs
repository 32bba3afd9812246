//! The rotations of one key, one after the other: a file to which lines are only added, each a JSON text with one note.

use thiserror::Error;

use super::{Purpose, Rotation, RotationError};
use crate::key::Public;

/// The longest file that is read, in bytes.
pub const MAX_CHAIN: usize = 1 << 20;

/// Why lines are no chain of rotations. Links are counted from 1.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ChainError {
    /// More than any host rotates.
    #[error("the chain of keys is longer than {MAX_CHAIN} bytes: check that it is the right file")]
    TooLong,
    /// No line of JSON with a note.
    #[error("link {0} of the chain of keys is no line with one JSON text")]
    Line(usize),
    /// A note that is no statement, or not signed by both.
    #[error("link {0} of the chain of keys: {1}")]
    Link(usize, RotationError),
    /// Of another kind of key.
    #[error("link {link} of the chain of keys is of a `{}` key, and a `{}` key is asked for", .found.name(), .wanted.name())]
    Purpose {
        /// Which link.
        link: usize,
        /// Its kind.
        found: Purpose,
        /// The kind that is asked for.
        wanted: Purpose,
    },
    /// A key comes back.
    #[error("link {0} of the chain of keys leads back to key {1}: a key that gave way does not return")]
    Cycle(usize, Public),
    /// A key has two successors.
    #[error(
        "link {0} of the chain of keys names a second successor of key {1}: whoever has that key made two; find out which one its owner made"
    )]
    Fork(usize, Public),
    /// A link stands before the one that it follows.
    #[error("link {0} of the chain of keys stands before the one that it follows: the lines were moved")]
    Order(usize),
    /// A link is missing.
    #[error("before link {0} of the chain of keys one is missing: nothing leads to key {1}")]
    Gap(usize, Public),
    /// A link is older than the one before it.
    #[error("link {0} of the chain of keys was signed before the one that it follows")]
    Time(usize),
    /// The key that would be added to does not end the chain.
    #[error("the chain of keys ends with {end}, and key {old} would be rotated: it is not this chain's")]
    End {
        /// Where it ends.
        end: Public,
        /// Which key would give way.
        old: Public,
    },
}

/// Rotations, each by the key that the one before it led to; perhaps none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chain(Vec<Rotation>);

impl Chain {
    /// Reads a file's lines and checks each link and that they are one chain.
    ///
    /// # Errors
    /// [`ChainError`] for the first lie.
    pub fn parse(text: &[u8], purpose: Purpose) -> Result<Self, ChainError> {
        if text.len() > MAX_CHAIN {
            return Err(ChainError::TooLong);
        }
        let mut links = Vec::new();
        for (line, number) in text.split_inclusive(|byte| *byte == b'\n').zip(1_usize..) {
            let line = line.strip_suffix(b"\n").ok_or(ChainError::Line(number))?;
            let note: String = serde_json::from_slice(line).map_err(|_error| ChainError::Line(number))?;
            let link = Rotation::verify(&note).map_err(|error| ChainError::Link(number, error))?;
            if link.purpose != purpose {
                return Err(ChainError::Purpose { link: number, found: link.purpose, wanted: purpose });
            }
            links.push(link);
        }
        for number in 1..=links.len() {
            check(&links, number)?;
        }
        Ok(Self(links))
    }

    /// This chain with one link more.
    ///
    /// # Errors
    /// [`ChainError`] if it does not follow the last one.
    pub fn with(&self, link: Rotation) -> Result<Self, ChainError> {
        if let Some(end) = self.end().filter(|end| *end != link.old) {
            return Err(ChainError::End { end, old: link.old });
        }
        let links: Vec<Rotation> = self.0.iter().cloned().chain([link]).collect();
        check(&links, links.len())?;
        Ok(Self(links))
    }

    /// The file's lines.
    pub fn text(&self) -> String {
        self.0.iter().map(|link| format!("{}\n", serde_json::Value::from(link.note()))).collect()
    }

    /// The rotations, the first one first.
    pub fn links(&self) -> &[Rotation] {
        &self.0
    }

    /// The key that it leads to.
    pub fn end(&self) -> Option<Public> {
        self.0.last().map(|link| link.new)
    }

    /// The rotations from a key on; none if it never gave way.
    pub fn after(&self, key: Public) -> &[Rotation] {
        let first = self.0.iter().position(|link| link.old == key);
        first.and_then(|first| self.0.get(first..)).unwrap_or_default()
    }

    /// This chain, unless another one has a key give way to somebody else.
    ///
    /// # Errors
    /// [`ChainError::Fork`] with the first link that the other one contradicts.
    pub fn beside(self, other: &Self) -> Result<Self, ChainError> {
        let contradicts =
            |link: &Rotation| other.after(link.old).first().is_some_and(|theirs| theirs.new != link.new);
        match self.0.iter().zip(1_usize..).find(|(link, _)| contradicts(link)) {
            Some((link, number)) => Err(ChainError::Fork(number, link.old)),
            None => Ok(self),
        }
    }

    /// Every key that gave way, the first one first.
    pub fn rotated(&self) -> impl Iterator<Item = Public> {
        self.0.iter().map(|link| link.old)
    }
}

/// Checks that a link follows those before it.
fn check(links: &[Rotation], number: usize) -> Result<(), ChainError> {
    let (before, rest) = links.split_at_checked(number.saturating_sub(1)).unwrap_or((links, &[]));
    let Some((link, after)) = rest.split_first() else { return Ok(()) };
    if before.iter().any(|earlier| earlier.old == link.old) {
        return Err(ChainError::Fork(number, link.old));
    }
    if let Some(last) = before.last() {
        if last.new != link.old {
            let later = after.iter().any(|later| later.new == link.old);
            return Err(if later { ChainError::Order(number) } else { ChainError::Gap(number, link.old) });
        }
        if link.at < last.at {
            return Err(ChainError::Time(number));
        }
    } else if after.iter().any(|later| later.new == link.old) && !are_consecutive(links) {
        // What leads to the first one's old key stands behind it; if each follows the one before it, it is a circle.
        return Err(ChainError::Order(number));
    }
    if link.new == link.old || before.iter().any(|earlier| earlier.old == link.new) {
        return Err(ChainError::Cycle(number, link.new));
    }
    Ok(())
}

fn are_consecutive(links: &[Rotation]) -> bool {
    links.iter().zip(links.iter().skip(1)).all(|(link, next)| link.new == next.old)
}

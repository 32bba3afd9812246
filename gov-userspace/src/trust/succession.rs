//! Continuity: a new key stands in the place of one that is trusted here, because that one signed so.
//!
//! It gets the users and limits of the old one and never more, and the old one's delegations count no more from the
//! rotation on. Who has the old key can sign such a statement, its thief too; so root says which one counts, once.

use std::fmt;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};

use super::{Rotated, TrustError, TrustRoots, file};
use crate::delegation::written;
use crate::key::Public;
use crate::rotation::Chain;

/// How far another host's clock may be ahead.
const AHEAD: SignedDuration = SignedDuration::from_mins(5);

/// Why a chain puts no key in another's place; with what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It has no link.
    Empty,
    /// None of its keys is trusted here.
    Unknown,
    /// The key that is trusted gave way to another one already.
    Taken {
        /// The name of the file.
        root: String,
        /// Its successor.
        to: Public,
    },
    /// It was signed in time to come.
    Early(Timestamp),
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => out.write_str("it is empty; `gov keys export --chain` prints one"),
            Self::Unknown => out.write_str(
                "none of the keys that gave way is trusted, or it was and is so no more; trust the new one by itself: `gov keys trust KEY --user NAME`",
            ),
            Self::Taken { root, to } => write!(
                out,
                "key `{root}` gave way to {to} already; ask its owner who made a second statement, and whether the key was stolen"
            ),
            Self::Early(at) => {
                write!(out, "it is from {}, which is to come; see that both clocks are right", written(*at))
            }
        }
    }
}

/// Puts the key at a chain's end in the place of the last key before it that is trusted: the new key's file.
///
/// # Errors
/// [`TrustError`]; [`TrustError::Succession`] if no trusted key that did not give way yet leads there.
pub fn succeed(folder: &Path, owner: u32, chain: &Chain, now: Timestamp) -> Result<PathBuf, TrustError> {
    let fault = |fault| Err(TrustError::Succession(fault));
    let Some(end) = chain.end() else { return fault(Fault::Empty) };
    let roots = TrustRoots::load(folder, owner)?.roots;
    let pinned = |key: Public| roots.iter().find(|root| root.key == key);
    // The latest one decides: a key that was taken out of trust is not reached past by the one before it.
    let link = chain.links().iter().rev().find_map(|link| Some((link, pinned(link.old)?)));
    let Some((link, root)) = link else { return fault(Fault::Unknown) };
    if let Some(rotated) = root.rotated {
        return fault(Fault::Taken { root: root.name.clone(), to: rotated.to });
    }
    if now.checked_add(AHEAD).is_ok_and(|limit| link.at > limit) {
        return fault(Fault::Early(link.at));
    }
    // The new one first: a stop in between leaves both, and the same statement finishes it.
    let path = match pinned(end) {
        Some(there) => folder.join(format!("{}.toml", there.name)),
        None => file::pin_like(folder, root, end)?,
    };
    file::mark(folder, owner, root, Rotated { to: end, at: link.at })?;
    Ok(path)
}

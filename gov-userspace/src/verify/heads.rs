//! Checks signed heads against the tree as it grows: the latest checkpoint, and every one before it.

use std::io::{self, BufRead};

use super::Item;
use crate::key::Public;
use crate::lines::{Line, Lines};
use crate::merkle::Tree;
use crate::note::{Checkpoint, NoteError};

/// The heads of a log, in the order of their sizes.
pub(super) struct Heads<H> {
    trusted: Vec<Public>,
    claimed: Option<Public>,
    latest: Result<(Checkpoint, Public), NoteError>,
    /// Whether the latest is signed by a trusted key, or only by the one that the log names.
    vouched: bool,
    covers: Option<bool>,
    history: Option<Lines<H>>,
    /// The next of the history, as soon as it is read.
    next: Option<Checkpoint>,
    checked: u64,
    fault: Option<String>,
}

impl<H: BufRead> Heads<H> {
    pub(super) fn new(
        latest: &[u8],
        history: Option<H>,
        trusted: &[Public],
        claimed: Option<Public>,
    ) -> io::Result<Self> {
        let by_trusted = Checkpoint::verify(latest, trusted);
        let vouched = by_trusted.is_ok();
        let latest = match (by_trusted, claimed) {
            (Err(NoteError::Untrusted { .. }), Some(claimed)) if trusted.is_empty() => {
                Checkpoint::verify(latest, &[claimed])
            }
            (other, _) => other,
        };
        let mut heads = Self {
            trusted: trusted.to_vec(),
            claimed,
            latest,
            vouched,
            covers: None,
            // Without a key there is nothing to check them with.
            history: history.filter(|_| !trusted.is_empty() || claimed.is_some()).map(Lines::new),
            next: None,
            checked: 0,
            fault: None,
        };
        heads.advance()?;
        heads.grown(&Tree::default())?;
        Ok(heads)
    }

    /// Checks every head that is of this size.
    pub(super) fn grown(&mut self, tree: &Tree) -> io::Result<()> {
        if let Ok((latest, _)) = &self.latest
            && latest.size == tree.size()
        {
            self.covers = Some(latest.root == tree.root());
        }
        while let Some(next) = self.next.take_if(|next| next.size <= tree.size()) {
            if next.size < tree.size() {
                self.wrong(format!("the checkpoint of {} lines comes after one of more", next.size));
            } else if next.root != tree.root() {
                self.wrong(format!("the checkpoint of {} lines is of other lines", next.size));
            }
            self.advance()?;
        }
        Ok(())
    }

    /// Reads the next head of the history.
    fn advance(&mut self) -> io::Result<()> {
        let Some(lines) = &mut self.history else { return Ok(()) };
        let line = match lines.read()? {
            Line::Whole(line) => line,
            Line::End => return Ok(()),
            Line::Torn(_) | Line::TooLong => {
                self.wrong("its last line is torn".to_owned());
                return Ok(());
            }
        };
        // Whoever signs the latest signs them all; a key that is not trusted for it is not for these.
        let keys = if self.trusted.is_empty() { self.claimed.as_slice() } else { &self.trusted };
        let read = match serde_json::from_slice::<String>(line) {
            Ok(note) => Checkpoint::verify(note.as_bytes(), keys).map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        match read {
            Ok((checkpoint, _)) => {
                if self.latest.as_ref().is_ok_and(|(latest, _)| latest.origin != checkpoint.origin) {
                    self.wrong(format!("a checkpoint is of `{}`", checkpoint.origin));
                }
                self.checked = self.checked.saturating_add(1);
                self.next = Some(checkpoint);
            }
            Err(error) => self.wrong(error),
        }
        Ok(())
    }

    fn wrong(&mut self, fault: String) {
        self.fault.get_or_insert(fault);
    }

    /// What is known of the heads, now that the tree is whole.
    pub(super) fn items(self, tree: &Tree, session: Option<&str>, key: Option<&str>) -> Vec<Item> {
        let mut items = vec![self.signature(key), self.tree(tree, session)];
        if self.history.is_some() {
            items.push(match (&self.fault, &self.next, &self.latest) {
                (Some(fault), _, _) => Item::fails("history", fault),
                (None, Some(next), _) => Item::fails(
                    "history",
                    format!("a checkpoint is of {} lines, there are {}", next.size, tree.size()),
                ),
                (None, None, Err(_)) => {
                    Item::unknown("history", "there is no latest checkpoint to compare with")
                }
                (None, None, Ok(_)) => {
                    Item::holds("history", format!("{} checkpoints are heads of these lines", self.checked))
                }
            });
        }
        items
    }

    fn signature(&self, key: Option<&str>) -> Item {
        const NAME: &str = "signature";
        match &self.latest {
            Ok((_, signer)) if key.is_some_and(|key| key != signer.to_string()) => {
                Item::fails(NAME, format!("key {signer} signed it, the start receipt names another"))
            }
            Ok((_, signer)) if self.vouched => {
                Item::holds(NAME, format!("signed by the trusted key {signer}"))
            }
            Ok((_, signer)) => Item::unknown(
                NAME,
                format!("signed by {signer}, which the log itself names: give the host's key with --key"),
            ),
            Err(NoteError::Untrusted { .. }) if self.trusted.is_empty() => {
                Item::unknown(NAME, "no key is given to check it with: give the host's key with --key")
            }
            Err(error) => Item::fails(NAME, error.to_string()),
        }
    }

    fn tree(&self, tree: &Tree, session: Option<&str>) -> Item {
        const NAME: &str = "tree";
        let Ok((latest, _)) = &self.latest else {
            return Item::unknown(NAME, "no checkpoint to compare the lines with");
        };
        let owner = latest.origin.rsplit('/').next();
        if session.is_some() && owner != session {
            return Item::fails(NAME, format!("the checkpoint is of `{}`, the lines are not", latest.origin));
        }
        match (self.covers, tree.size().saturating_sub(latest.size)) {
            (Some(true), 0) => Item::holds(NAME, format!("the checkpoint covers all {} lines", latest.size)),
            (Some(true), more) => Item::unknown(
                NAME,
                format!("the checkpoint covers {} lines; the {more} after them are unsigned", latest.size),
            ),
            (Some(false), _) => {
                Item::fails(NAME, format!("the first {} lines are not those that were signed", latest.size))
            }
            (None, _) => {
                Item::fails(NAME, format!("{} lines were signed, there are {}", latest.size, tree.size()))
            }
        }
    }
}

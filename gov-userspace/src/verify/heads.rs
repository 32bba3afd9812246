//! Checks signed heads against the tree as it grows: the latest checkpoint, every one before it, and those that somebody
//! kept elsewhere.

use std::io;

use super::ends::Start;
use super::growth::NAME as GROWTH;
use super::{Item, Signers};
use crate::key::Public;
use crate::lines::{Chunk, Line};
use crate::merkle::{Span, Tree};
use crate::note::{Checkpoint, NoteError};

/// A signed head, and whether the lines are its own as soon as that is known.
struct Head {
    checkpoint: Checkpoint,
    covers: Option<bool>,
}

impl Head {
    fn new(checkpoint: Checkpoint) -> Self {
        Self { checkpoint, covers: None }
    }

    fn grown(&mut self, tree: &Tree, span: &Span) {
        if self.covers.is_none() && reached(&self.checkpoint, tree, span) {
            self.covers = Some(self.checkpoint.root == root(&self.checkpoint, tree, span));
        }
    }
}

/// The heads of a log, its history in the order of their sizes.
pub(super) struct Heads<'a> {
    keys: &'a Keys,
    latest: Result<(Head, Public), NoteError>,
    /// Whether the latest is signed by a trusted key, or only by the one that the log names.
    vouched: bool,
    /// One that was kept elsewhere.
    since: Option<Result<Head, NoteError>>,
    history: Option<Box<dyn Iterator<Item = io::Result<Found>> + 'a>>,
    /// The next of the history, in reverse, as far as they are read.
    next: Vec<Result<Checkpoint, String>>,
    last: u64,
    checked: u64,
    fault: Option<String>,
}

/// The keys that heads are checked with.
pub(super) struct Keys {
    trusted: Signers,
    claimed: Option<Public>,
}

impl Keys {
    pub(super) fn new(trusted: Signers, claimed: Option<Public>) -> Self {
        Self { trusted, claimed }
    }

    /// Whether there is any to check with.
    pub(super) fn is_some(&self) -> bool {
        !self.trusted.keys().is_empty() || self.claimed.is_some()
    }

    /// Whoever signs the latest signs them all; a key that is not trusted for it is not for these.
    fn usable(&self) -> &[Public] {
        if self.trusted.keys().is_empty() { self.claimed.as_slice() } else { self.trusted.keys() }
    }
}

/// Heads of the history in reverse, or why a line is none.
pub(super) type Found = Vec<Result<Checkpoint, String>>;

/// The heads in some lines of the history.
pub(super) fn found(chunk: &Chunk, keys: &Keys) -> Found {
    let read = |line| match line {
        Line::Whole(line) => match serde_json::from_slice::<String>(line) {
            Ok(note) => Checkpoint::verify(note.as_bytes(), keys.usable())
                .map(|(checkpoint, _)| checkpoint)
                .map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        },
        Line::Torn(_) | Line::TooLong | Line::End => Err("its last line is torn".to_owned()),
    };
    let mut found: Found = chunk.lines().map(read).collect();
    found.reverse();
    found
}

impl<'a> Heads<'a> {
    pub(super) fn new(
        latest: &[u8],
        since: Option<&[u8]>,
        history: Option<Box<dyn Iterator<Item = io::Result<Found>> + 'a>>,
        keys: &'a Keys,
    ) -> Self {
        let by_trusted = Checkpoint::verify(latest, keys.trusted.keys());
        let vouched = by_trusted.is_ok();
        let latest = match by_trusted {
            Err(NoteError::Untrusted { .. }) if keys.trusted.keys().is_empty() && keys.is_some() => {
                Checkpoint::verify(latest, keys.usable())
            }
            other => other,
        };
        Self {
            keys,
            latest: latest.map(|(checkpoint, key)| (Head::new(checkpoint), key)),
            vouched,
            since: since.map(|note| {
                Checkpoint::verify(note, keys.usable()).map(|(checkpoint, _)| Head::new(checkpoint))
            }),
            history,
            next: Vec::new(),
            last: 0,
            checked: 0,
            fault: None,
        }
    }

    /// Checks every head that `tree` has when it is grown by `span`.
    pub(super) fn grown(&mut self, tree: &Tree, span: &Span) -> io::Result<()> {
        if let Ok((latest, _)) = &mut self.latest {
            latest.grown(tree, span);
        }
        if let Some(Ok(since)) = &mut self.since {
            since.grown(tree, span);
        }
        while self.fault.is_none() {
            match self.next.pop() {
                Some(Ok(next)) if !reached(&next, tree, span) => {
                    self.next.push(Ok(next));
                    break;
                }
                Some(Ok(next)) => self.check(&next, tree, span),
                Some(Err(fault)) => self.fault = Some(fault),
                None => match self.history.as_mut().and_then(Iterator::next) {
                    Some(found) => self.next = found?,
                    None => break,
                },
            }
        }
        Ok(())
    }

    fn check(&mut self, next: &Checkpoint, tree: &Tree, span: &Span) {
        let size = next.size;
        if self.latest.as_ref().is_ok_and(|(latest, _)| latest.checkpoint.origin != next.origin) {
            self.fault = Some(format!("a checkpoint is of `{}`", next.origin));
        } else if size < self.last {
            self.fault = Some(format!("the checkpoint of {size} lines comes after one of more"));
        } else if next.root != root(next, tree, span) {
            self.fault = Some(format!("the checkpoint of {size} lines is of other lines"));
        }
        self.last = size;
        self.checked = self.checked.saturating_add(1);
    }

    /// What is known of the heads, now that the tree is whole.
    pub(super) fn items(self, tree: &Tree, session: Option<&str>, start: Option<&Start>) -> Vec<Item> {
        let mut items = vec![self.signature(start.map(|start| start.key.as_str()))];
        let signer = self.latest.as_ref().ok().filter(|_| self.vouched).map(|(_, signer)| *signer);
        items.extend(self.keys.trusted.item(signer, start.map(|start| start.wall.as_str())));
        items.push(self.tree(tree, session));
        items.extend(self.history(tree));
        items.extend(self.growth(tree));
        items
    }

    fn signature(&self, key: Option<&str>) -> Item {
        const NAME: &str = "signature";
        match &self.latest {
            Ok((_, signer)) if key.is_some_and(|key| key != signer.to_string()) => {
                Item::fails(NAME, format!("key {signer} signed it, the start receipt names another"))
            }
            Ok((_, signer)) if self.vouched => {
                Item::holds(NAME, format!("signed by {}", self.keys.trusted.words(*signer)))
            }
            Ok((_, signer)) => Item::unknown(
                NAME,
                format!("signed by {signer}, which the log itself names: give the host's key with --key"),
            ),
            Err(NoteError::Untrusted { .. }) if self.keys.trusted.keys().is_empty() => {
                Item::unknown(NAME, "no key is given to check it with: give the host's key with --key")
            }
            Err(error) => Item::fails(NAME, error.to_string()),
        }
    }

    fn tree(&self, tree: &Tree, session: Option<&str>) -> Item {
        const NAME: &str = "tree";
        let Ok((Head { checkpoint: latest, covers }, _)) = &self.latest else {
            return Item::unknown(NAME, "no checkpoint to compare the lines with");
        };
        let owner = latest.origin.rsplit('/').next();
        if session.is_some() && owner != session {
            return Item::fails(NAME, format!("the checkpoint is of `{}`, the lines are not", latest.origin));
        }
        match (covers, tree.size().saturating_sub(latest.size)) {
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

    fn history(&self, tree: &Tree) -> Option<Item> {
        const NAME: &str = "history";
        self.history.as_ref()?;
        Some(match (&self.fault, self.next.last(), &self.latest) {
            (Some(fault), _, _) | (None, Some(Err(fault)), _) => Item::fails(NAME, fault),
            (None, Some(Ok(next)), _) => Item::fails(
                NAME,
                format!("a checkpoint is of {} lines, there are {}", next.size, tree.size()),
            ),
            (None, None, Err(_)) => Item::unknown(NAME, "there is no latest checkpoint to compare with"),
            (None, None, Ok(_)) => {
                Item::holds(NAME, format!("{} checkpoints are heads of these lines", self.checked))
            }
        })
    }

    /// Whether the log only grew since the head that was kept elsewhere.
    fn growth(&self, tree: &Tree) -> Option<Item> {
        let (Head { checkpoint: old, covers }, latest) = match (self.since.as_ref()?, &self.latest) {
            (Err(NoteError::Untrusted { .. }), _) if self.keys.trusted.keys().is_empty() => {
                return Some(Item::unknown(GROWTH, "no key is given to check the older checkpoint with"));
            }
            (Err(error), _) => return Some(Item::fails(GROWTH, format!("the older checkpoint: {error}"))),
            (Ok(old), Ok((latest, _))) => (old, &latest.checkpoint),
            (Ok(_), Err(_)) => {
                return Some(Item::unknown(GROWTH, "there is no latest checkpoint to compare with"));
            }
        };
        Some(if old.origin != latest.origin {
            Item::fails(
                GROWTH,
                format!("the older checkpoint is of `{}`, the log of `{}`", old.origin, latest.origin),
            )
        } else if *covers != Some(true) {
            let why =
                format!("{} lines were signed before, and the log no longer begins with them", old.size);
            Item::fails(GROWTH, why)
        } else {
            let more = tree.size().saturating_sub(old.size);
            Item::holds(
                GROWTH,
                format!("it begins with the {} lines that were signed before; {more} came after", old.size),
            )
        })
    }
}

/// Whether a head's lines are all there when `tree` is grown by `span`.
fn reached(head: &Checkpoint, tree: &Tree, span: &Span) -> bool {
    head.size <= tree.size().max(span.end())
}

/// The root of `tree` grown to a head's size by `span`.
fn root(head: &Checkpoint, tree: &Tree, span: &Span) -> crate::merkle::Hash {
    let mut tree = tree.clone();
    span.grow(&mut tree, head.size);
    tree.root()
}
